/** What is shown of a session. */
import { escapeControls } from "../../base/escape-controls.ts";
import type { WebTransportSession } from "../../transport/session/session.ts";
import type { CloseInfo } from "../../transport/types.ts";

/** Bytes that are shown of binary data. */
const shownBytes = 64;

export function closeText(info: CloseInfo): string {
  const { by } = info;
  if (!info.clean) return `The session broke (${by}): ${info.error.code} ${info.error.message}`;
  const reason = info.reason === "" ? "" : `, reason "${escapeControls(info.reason)}"`;
  return `The session was closed by ${by === "local" ? "this side" : "the server"} with code ${info.code}${reason}`;
}

export function headerLines(session: WebTransportSession): string[] {
  const { protocol, responseHeaders, connection } = session;
  return [
    `subprotocol: ${protocol === "" ? "none" : escapeControls(protocol)}`,
    `draft: ${connection.draft ?? "unknown"}`,
    ...[...responseHeaders].map(([name, value]) => `${name}: ${escapeControls(value)}`),
  ];
}

export function statLines(session: WebTransportSession): string[] {
  const { streamsOpened, streamsAccepted, bytesSent, bytesReceived, datagramsSent, datagramsReceived } =
    session.getStats();
  const { rtt, minRtt, mtu, packetsSent, packetsLost, congestionWindow } = session.connection.getStats();
  return [
    `streams: ${streamsOpened} opened, ${streamsAccepted} accepted`,
    `bytes: ${bytesSent} sent, ${bytesReceived} received`,
    `datagrams: ${datagramsSent} sent, ${datagramsReceived} received, at most ${session.datagrams.maxDatagramSize} bytes`,
    `round trip: ${rtt.toFixed(2)} ms, least ${minRtt.toFixed(2)} ms`,
    `packets: ${packetsSent} sent, ${packetsLost} lost; MTU ${mtu}, congestion window ${congestionWindow} bytes`,
  ];
}

/** One line: text as it is, anything else as `hex:…`. */
export function dataText(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!/[^\P{Cc}\r\n\t]/u.test(text)) return escapeControls(text.replace(/\r?\n$/, ""));
  } catch {
    // It is no text.
  }
  const shown = Buffer.from(bytes.subarray(0, shownBytes)).toString("hex");
  return `hex:${shown}${bytes.byteLength > shownBytes ? "…" : ""} (${bytes.byteLength} bytes)`;
}

/** What a user has typed: text, or bytes as `hex:00ff`. Undefined when those are malformed. */
export function typedData(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!text.startsWith("hex:")) return new TextEncoder().encode(text);
  const digits = text.slice("hex:".length).replaceAll(/\s/g, "");
  return /^([0-9a-f]{2})*$/i.test(digits) ? Uint8Array.from(Buffer.from(digits, "hex")) : undefined;
}
