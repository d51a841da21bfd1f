import { ConfigurationError } from "../../errors/errors.ts";
import { answer, answerJson } from "../http/exchange.ts";
import type { Exchange, MonitorRoute, MonitorView } from "../http/exchange.ts";
import type { SessionDetail } from "../target.ts";

import { answerAsset, answerDashboard } from "./assets.ts";
import { lastTime } from "./event-text.ts";
import { Feed } from "./feed.ts";
import { loginRoute, logoutRoute } from "./login.ts";
import { sessionParameters } from "./session-parameters.ts";

/** Streams of a session that its detail lists. */
const shownStreams = 200;
/** Queries at a time: each looks at every session. */
const maxQueries = 8;

const feeds = new WeakMap<MonitorView, Feed>();
let queries = 0;

const pageRoute: MonitorRoute = {
  path: "/",
  unauthorized: "login",
  handle: answerDashboard,
};

/** The login page needs them, and they tell nothing. */
const assetRoute: MonitorRoute = {
  path: "/assets/*",
  isOpen: true,
  handle: (exchange) => answerAsset(exchange, exchange.url.pathname.slice("/assets/".length)),
};

const eventRoute: MonitorRoute = {
  path: "/api/events",
  unauthorized: "silent",
  handle: ({ monitor, request, response, url, signal }) => {
    if (request.method === "HEAD") {
      answer({ request, response }, 200, "", { "content-type": "text/event-stream; charset=utf-8" });
      return;
    }
    const feed = feeds.get(monitor) ?? new Feed(monitor);
    feeds.set(monitor, feed);
    const after = request.headers["last-event-id"]?.toString() ?? url.searchParams.get("after");
    if (feed.add(response, lastTime(after), signal)) return;
    answer({ request, response }, 503, "Too many pages look at this monitor\n", { "retry-after": "10" });
  },
};

const sessionsRoute: MonitorRoute = {
  path: "/api/sessions",
  unauthorized: "silent",
  handle: (exchange) =>
    queried(exchange, async () => {
      const query = sessionParameters(exchange.url.searchParams);
      answerJson(exchange, 200, await exchange.monitor.target.listSessions(query));
    }),
};

const sessionRoute: MonitorRoute = {
  path: "/api/session",
  unauthorized: "silent",
  handle: (exchange) =>
    queried(exchange, async () => {
      const detail = await exchange.monitor.target.session(exchange.url.searchParams.get("id") ?? "");
      // That a session has ended is no fault: a browser's console would show it as one.
      answerJson(exchange, 200, detail === undefined ? null : shortened(detail));
    }),
};

export const dashboardRoutes: readonly MonitorRoute[] = [
  pageRoute,
  loginRoute,
  logoutRoute,
  assetRoute,
  eventRoute,
  sessionsRoute,
  sessionRoute,
];

async function queried(exchange: Exchange, run: () => Promise<void>): Promise<void> {
  if (queries >= maxQueries) {
    answer(exchange, 503, "Too many queries at a time\n", { "retry-after": "1" });
    return;
  }
  queries += 1;
  try {
    await run();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    answerJson(exchange, 400, { error: error.message });
  } finally {
    queries -= 1;
  }
}

/** A session may have thousands of streams. */
function shortened({ debugState, ...detail }: SessionDetail): object {
  const streams = Array.isArray(debugState["streams"]) ? (debugState["streams"] as unknown[]) : [];
  return {
    ...detail,
    debugState: { ...debugState, streams: streams.slice(0, shownStreams) },
    streamCount: streams.length,
  };
}
