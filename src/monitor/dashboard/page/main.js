// The monitor's page: health on top, plots, workers, and the table of sessions.
import { element } from "./dom.js";
import { LiveFeed } from "./feed.js";
import { showHealth, showTiles } from "./health.js";
import { Plots } from "./plots.js";
import { SessionDetail } from "./session-detail.js";
import { SessionTable } from "./session-table.js";
import { showWorkers } from "./workers.js";

const plots = new Plots(element("plots"), element("range"));
const detail = new SessionDetail();
new SessionTable((id) => detail.open(id));

new LiveFeed({
  fields: (names) => plots.setFields(names),
  update: ({ now, points, state }) => {
    plots.add(now, points);
    showHealth(state);
    showTiles(state.now, plots.latest);
    showWorkers(state.workers);
  },
});

// Only a page that somebody has logged in to has something to log out of.
const { status } = await fetch("login", { method: "HEAD", redirect: "manual" });
element("logout").hidden = status !== 200;
