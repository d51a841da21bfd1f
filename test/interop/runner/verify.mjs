// What the client did as the server saw it: a client's word alone would prove nothing.
import { connect } from "tswebtransport";

/** For each case that the server must have seen: whether one of its events is that. */
const seenByPeerApplication = {
  "client-close": (event, { closeCode, closeReason }) =>
    (event.kind === "session_close" || event.kind === "connect_fin") &&
    event.code === closeCode &&
    event.reason === closeReason,
  "client-reset": (event, { resetCode }) => event.kind === "stream_reset" && event.code === resetCode,
  "client-stop": (event, { stopCode }) => event.kind === "stop_sending" && event.code === stopCode,
};

const seenByPeer = {
  "client-close": (line, { closeCode, closeReason }) => line === `session_close /echo ${closeCode} ${closeReason}`,
  "client-reset": (line, { resetCode }) => line === `stream_reset ${resetCode}`,
  "client-stop": (line, { stopCode }) => line === `stop_sending ${stopCode}`,
};

/** Turns lines that the server's events do not confirm into failures. */
export function confirm(lines, events, values, fromPeer) {
  const rules = fromPeer ? seenByPeer : seenByPeerApplication;
  return lines.map((line) => {
    const rule = rules[line.case];
    if (line.outcome !== "passed" || rule === undefined || events.some((event) => rule(event, values))) return line;
    return { ...line, outcome: "failed", detail: `the server did not see it. ${line.detail}` };
  });
}

export async function fetchReport(url, hash) {
  const value = Buffer.from(hash, "hex");
  const session = await connect(`${url}/report`, { serverCertificateHashes: [{ algorithm: "sha-256", value }] });
  const stream = await session.createBidirectionalStream();
  await stream.writeAll("?");
  const report = JSON.parse(new TextDecoder().decode(await stream.readAll()));
  await session.close();
  return report;
}
