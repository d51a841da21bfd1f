/** Health, alerts and the figures of now. */
import { element, keepChildren, make, setText } from "./dom.js";
import { bytes, byteRate, count, dateTime, duration, exactly, milliseconds, percent, rate, time } from "./format.js";

const titles = {
  healthy: "Healthy",
  idle: "Idle",
  degraded: "Degraded",
  unhealthy: "Unhealthy",
  starting: "Starting",
  unknown: "Unknown",
  draining: "Draining",
};
const DAY = 86_400_000;

let announced;

export function showHealth({ health, isDraining, activeAlerts, alerts }) {
  const status = isDraining ? "draining" : health.status;
  const reason = isDraining ? "The server lets its sessions come to an end and takes no new ones." : health.reason;
  // The alert itself stands below.
  const isAlert = activeAlerts.some((alert) => alert.reason === reason);
  const alertCount = activeAlerts.length === 1 ? "1 alert" : `${activeAlerts.length} alerts`;
  element("health").dataset.status = status;
  setText(element("health-title"), titles[status]);
  setText(element("health-reason"), isAlert ? alertCount : reason);
  document.title = `${titles[status]}: tswebtransport monitor`;
  keepChildren(
    element("active-alerts"),
    activeAlerts,
    ({ id }) => id,
    () => make("li", {}, make("b"), make("span"), make("time")),
    (item, { id, status: level, reason: text, since }) => {
      item.dataset.status = level;
      setText(item.children[0], id.replaceAll("_", " "));
      setText(item.children[1], text);
      setText(item.children[2], `since ${time(since)}`);
    },
  );
  element("told").hidden = alerts.length === 0;
  setText(element("told-count"), String(alerts.length));
  keepChildren(
    element("told-alerts"),
    alerts,
    ({ id, type, timestamp }) => `${timestamp} ${id} ${type}`,
    ({ id, type, status: level, reason: text, timestamp }) =>
      make(
        "li",
        { data: { status: level } },
        make("time", { datetime: new Date(timestamp).toISOString() }, dateTime(timestamp)),
        make("b", {}, `${id.replaceAll("_", " ")} ${type}`),
        make("span", {}, text),
      ),
    () => {},
  );
  announce(status, reason, alerts[0]);
}

/** Once for each change, so that a screen reader does not speak each second. */
function announce(status, reason, newest) {
  const change = `${status} ${newest?.timestamp ?? ""} ${newest?.id ?? ""} ${newest?.type ?? ""}`;
  if (change === announced) return;
  const isFirst = announced === undefined;
  announced = change;
  if (isFirst && status === "healthy") return;
  const alert = newest === undefined || isFirst ? "" : ` ${newest.id.replaceAll("_", " ")} ${newest.type}.`;
  setText(element("announcer"), `${titles[status]}: ${reason}${alert}`);
}

/** `latest`: the values of the newest point, by name. */
export function showTiles(now, latest) {
  if (now === undefined) return;
  const days = now.certificateEnd === undefined ? undefined : (now.certificateEnd - Date.now()) / DAY;
  const tiles = [
    ["Sessions", exactly(now.sessions), `of ${exactly(now.sessionLimit)}, ${rate(latest.sessionRate)} new`],
    ["Connections", exactly(now.connections), `of ${exactly(now.connectionLimit)}, ${rate(latest.connectionRate)} new`],
    ["Received", byteRate(latest.bytesReceived), `${rate(latest.datagramsReceived)} datagrams`],
    ["Sent", byteRate(latest.bytesSent), `${rate(latest.datagramsSent)} datagrams`],
    ["Round trip", milliseconds(latest.rttP50), `p99 ${milliseconds(latest.rttP99)}`],
    ["Event loop", percent(now.utilization), `busy, p99 ${milliseconds(latest.delayP99)} late`],
    ["Memory", bytes(latest.resident), `JavaScript heap ${bytes(latest.heap)}`],
    ["Packet loss", percent(now.packetLoss), `${count(now.datagramsDropped)} datagrams dropped`],
    ["Refused", exactly(now.sessionsRefused), `of ${exactly(now.sessionsRefused + now.sessionsAccepted)} requests`],
    ["Up for", duration(now.uptime), days === undefined ? "" : `certificate: ${certificateText(days)}`],
  ];
  keepChildren(
    element("tiles"),
    tiles,
    ([name]) => name,
    ([name]) => make("div", {}, make("dt", {}, name), make("dd", { class: "value" }), make("dd", { class: "more" })),
    (tile, [, value, more]) => {
      setText(tile.children[1], value);
      setText(tile.children[2], more);
    },
  );
}

function certificateText(days) {
  if (days < 0) return "ended";
  return days < 2 ? `${Math.floor(days * 24)} hours left` : `${Math.floor(days)} days left`;
}
