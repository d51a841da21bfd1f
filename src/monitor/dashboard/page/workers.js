/** A cluster's workers. A server of its own is none. */
import { element, keepChildren, make, setText } from "./dom.js";
import { bytes, exactly, milliseconds, nothing, percent } from "./format.js";

const columns = 9;

export function showWorkers(workers) {
  const section = element("workers");
  section.hidden = workers.length === 0 || (workers.length === 1 && workers[0].id === "");
  if (section.hidden) return;
  keepChildren(section.querySelector("tbody"), workers, ({ id, pid }) => `${id} ${pid}`, makeRow, updateRow);
}

function makeRow() {
  const cells = Array.from({ length: columns - 2 }, () => make("td", { class: "number" }));
  return make("tr", {}, make("th", { scope: "row" }), make("td", {}, make("span", { class: "state" })), ...cells);
}

function updateRow(row, worker) {
  const { id, state, pid, sessions, connections, utilization, eventLoopDelay, residentMemory, restarts } = worker;
  const badge = row.children[1].firstElementChild;
  badge.dataset.state = state;
  setText(row.children[0], id);
  setText(badge, state);
  const texts = [
    pid === undefined ? nothing : String(pid),
    exactly(sessions),
    exactly(connections),
    percent(utilization),
    milliseconds(eventLoopDelay.p99),
    bytes(residentMemory),
    exactly(restarts),
  ];
  for (const [index, text] of texts.entries()) setText(row.children[index + 2], text);
}
