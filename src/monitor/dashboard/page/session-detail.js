/** One session in a dialog, kept up to date while it is open. */
import { element, keepChildren, make, setText } from "./dom.js";
import { address, bytes, dateTime, duration, exactly, milliseconds, nothing, percent } from "./format.js";

const REFRESH_TIME = 2000;

export class SessionDetail {
  #dialog = element("detail");
  #id;
  #timer;

  constructor() {
    element("detail-close").addEventListener("click", () => this.#dialog.close());
    // Outside of it.
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("close", () => {
      clearTimeout(this.#timer);
      this.#id = undefined;
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) clearTimeout(this.#timer);
      else void this.#refresh();
    });
  }

  open(id) {
    this.#id = id;
    element("detail-body").replaceChildren(make("p", { class: "empty" }, "Loading"));
    element("detail-ended").hidden = true;
    setText(element("detail-title"), id);
    if (!this.#dialog.open) this.#dialog.showModal();
    void this.#refresh();
  }

  async #refresh() {
    const id = this.#id;
    if (id === undefined) return;
    clearTimeout(this.#timer);
    const answer = await fetch(`api/session?${new URLSearchParams({ id })}`).catch(() => undefined);
    const detail = answer?.ok === true ? await answer.json().catch(() => undefined) : undefined;
    if (id !== this.#id) return;
    if (detail === null) {
      element("detail-ended").hidden = false;
      return;
    }
    if (detail !== undefined) show(detail);
    if (!document.hidden) this.#timer = setTimeout(() => void this.#refresh(), REFRESH_TIME);
  }
}

function show(detail) {
  const { row, issues, debugState, streamCount } = detail;
  setText(element("detail-title"), row.path);
  const body = element("detail-body");
  const parts = [
    { name: "Issues", list: issues },
    ...figuresOf(detail).map(([name, figures]) => ({ name, figures })),
    { name: "Streams", streams: debugState.streams, count: streamCount },
  ].filter(({ list, streams }) => list === undefined || list.length > 0 || streams !== undefined);
  if (body.firstElementChild?.dataset.key === undefined) body.replaceChildren();
  keepChildren(
    body,
    parts,
    ({ name }) => name,
    ({ name }) => make("section", { "aria-label": name, class: "part" }, make("h3", {}, name)),
    updatePart,
  );
}

function updatePart(section, { list, figures, streams, count }) {
  if (list !== undefined) updateIssues(section, list);
  else if (figures !== undefined) updateFigures(section, figures);
  else updateStreams(section, streams, count);
}

function updateIssues(section, issues) {
  const list = section.querySelector("ul") ?? section.appendChild(make("ul", { class: "issues" }));
  keepChildren(
    list,
    issues,
    (issue) => issue,
    (issue) => make("li", {}, issue),
    () => {},
  );
}

function updateFigures(section, figures) {
  const list = section.querySelector("dl") ?? section.appendChild(make("dl", { class: "pairs" }));
  keepChildren(
    list,
    figures,
    ([name]) => name,
    ([name]) => make("div", {}, make("dt", {}, name), make("dd")),
    (pair, [, value]) => setText(pair.lastElementChild, value),
  );
}

function updateStreams(section, streams, count) {
  setText(section.firstElementChild, `Streams (${exactly(count)})`);
  let table = section.querySelector("table");
  if (table === null) {
    const names = ["Stream", "State", "Opened by", "Read", "Unread", "Written", "Unsent"];
    const heads = names.map((name, index) => make("th", { scope: "col", class: numberClass(index) }, name));
    table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody"));
    section.append(
      make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Streams" }, table),
      make("p", { class: "empty" }),
    );
  }
  table.parentElement.hidden = streams.length === 0;
  keepChildren(
    table.tBodies[0],
    streams,
    ({ id }) => id,
    () => make("tr", {}, ...Array.from({ length: 7 }, (_, index) => make("td", { class: numberClass(index) }))),
    (line, { id, state, initiator, bytesRead, bytesUnread, bytesWritten, bytesUnsent }) => {
      const figures = [bytesRead, bytesUnread, bytesWritten, bytesUnsent].map((value) => bytes(value));
      const texts = [String(id), state, initiator === "peer" ? "client" : "server", ...figures];
      for (const [index, text] of texts.entries()) setText(line.cells[index], text);
    },
  );
  const rest = count - streams.length;
  const text = rest > 0 ? `and ${exactly(rest)} more` : count === 0 ? "No stream is open." : "";
  setText(section.lastElementChild, text);
}

function numberClass(index) {
  return index >= 3 ? "number" : undefined;
}

function figuresOf({ row, stats, connection, debugState }) {
  const { datagrams = {} } = debugState;
  const { stats: path } = connection;
  return [
    [
      "Session",
      [
        ["Id", row.id],
        ["State", row.state],
        ["Since", `${dateTime(stats.createdAt)} (${duration(stats.duration)})`],
        ["Subprotocol", row.protocol === "" ? nothing : row.protocol],
        ["Received", bytes(stats.bytesReceived)],
        ["Sent", bytes(stats.bytesSent)],
        ["Unread", bytes(stats.bufferedBytes)],
        ["Streams by the client", exactly(stats.streamsAccepted)],
        ["Streams by the server", exactly(stats.streamsOpened)],
        ["Stream errors", exactly(stats.streamErrors)],
      ],
    ],
    [
      "Datagrams",
      [
        ["Received", exactly(stats.datagramsReceived)],
        ["Sent", exactly(stats.datagramsSent)],
        ["Dropped", exactly(stats.datagramsDropped)],
        ...Object.entries(datagrams)
          .filter(([name, value]) => typeof value === "number" && !["received", "sent"].includes(name))
          .map(([name, value]) => [spaced(name), exactly(value)]),
      ],
    ],
    [
      "Connection",
      [
        ["Id", connection.id],
        ["Client", address(connection.remoteAddress)],
        ["Server", address(connection.localAddress)],
        ["Server name", connection.serverName ?? nothing],
        ["WebTransport draft", connection.draft ?? nothing],
        ["Sessions", exactly(connection.sessions)],
        ["Round trip", milliseconds(path.rtt)],
        ["Least round trip", milliseconds(path.minRtt)],
        ["Congestion window", bytes(path.congestionWindow)],
        ["Packet size", bytes(path.mtu)],
        ["Packets received", exactly(path.packetsReceived)],
        ["Packets sent", exactly(path.packetsSent)],
        ["Packets lost", lossText(path)],
        ["UDP bytes received", bytes(path.bytesReceived)],
        ["UDP bytes sent", bytes(path.bytesSent)],
      ],
    ],
  ];
}

function lossText({ packetsLost, packetsSent }) {
  return packetsSent > 0 ? `${exactly(packetsLost)} (${percent(packetsLost / packetsSent)})` : exactly(packetsLost);
}

/** "droppedIncoming" as "Dropped incoming". */
function spaced(name) {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
