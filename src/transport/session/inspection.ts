import { SessionError } from "../../errors/errors.ts";

import { diagnoseConnection } from "../connection/inspection.ts";
import { toBytes } from "../streams/bytes.ts";
import { heldBy, holdersText, sizeText } from "../streams/unread.ts";
import type { SessionDriver } from "./session-driver.ts";
import { rejected } from "../../async/promises.ts";
import type { BytesInput, Session } from "../types.ts";

export function sessionState(driver: SessionDriver, session: Session): Record<string, unknown> {
  return {
    id: session.id,
    path: session.path,
    protocol: session.protocol,
    state: driver.state,
    remoteAddress: session.remoteAddress,
    connection: { id: session.connection.id, state: session.connection.state },
    stats: driver.stats,
    datagrams: { ...driver.datagrams.stats, maxDatagramSize: driver.datagrams.maxDatagramSize },
    incomingStreamsWaiting: driver.streams.incoming.length,
    streams: [...driver.streams.records].map((stream) => ({
      id: stream.streamId,
      state: stream.state,
      initiator: stream.incoming ? "peer" : "local",
      bytesRead: stream.receive?.bytesRead ?? 0,
      bytesUnread: (stream.receive?.buffered ?? 0) + driver.quic.unreadBytes(stream.streamId),
      bytesWritten: stream.send?.bytesWritten ?? 0,
      bytesUnsent: stream.send?.bufferedAmount ?? 0,
    })),
  };
}

/** Streams before a rate of errors means something. */
const leastStreams = 50;
/** Datagrams that wait: more than a reader leaves that only pauses for a moment. */
const manyUnread = 100;
/** Milliseconds after which a session that was never used looks forgotten. */
const staleAfter = 3_600_000;

export function diagnoseSession(driver: SessionDriver): string[] {
  const issues: string[] = [];
  const { datagrams, accounts, streams, context } = driver;
  const { budget } = accounts;
  const { incoming } = streams;
  const { droppedIncoming, droppedOutgoing, received, queuedIncoming } = datagrams.stats;
  if (driver.state === "closed") issues.push("The session is closed");
  if (droppedIncoming > 0) {
    issues.push(`${droppedIncoming} of ${received} incoming datagrams were dropped: they are received too slowly`);
  }
  if (droppedOutgoing > 0) {
    issues.push(`${droppedOutgoing} outgoing datagrams were dropped: more are sent than the path carries`);
  }
  if (queuedIncoming > manyUnread) {
    issues.push(
      `${queuedIncoming} datagrams wait to be received, the limit is ${datagrams.incomingHighWaterMark}: ` +
        "receive them faster, or make incomingHighWaterMark smaller to drop old ones",
    );
  }
  for (const issue of useIssues(driver)) issues.push(issue);
  const { holders } = driver;
  const held = heldBy(holders);
  // With session flow control the peer counts what waits in the engine, too.
  if (budget.isFull || (driver.flow !== undefined && held >= budget.limit * 0.9)) {
    issues.push(
      `Session ${driver.session.id} holds ${sizeText(held)} of ${sizeText(budget.limit)} unread (maxSessionBufferSize), ` +
        `so its streams wait: ${holdersText(holders)}`,
    );
  }
  for (const issue of driver.state === "closed" ? [] : diagnoseConnection(context)) issues.push(issue);
  if (incoming.length > context.settings.maxPendingStreams * 0.9) {
    issues.push(
      `${incoming.length} incoming streams wait to be taken, the limit is ${context.settings.maxPendingStreams}`,
    );
  }
  if (!context.datagrams) issues.push("The peer takes no datagrams");
  return issues;
}

/** What the session is used for: streams that fail, or nothing. Without its id, so that a server tells it once for all. */
function useIssues({ state, stats }: SessionDriver): string[] {
  const { streamsOpened, streamsAccepted, streamErrors, datagramsSent, datagramsReceived, duration } = stats;
  const streams = streamsOpened + streamsAccepted;
  const issues: string[] = [];
  if (streams > leastStreams && streamErrors / streams > 0.1) {
    issues.push(`${streamErrors} of ${streams} streams of a session ended in an error: they were reset or stopped`);
  }
  if (state !== "closed" && duration > staleAfter && streams + datagramsSent + datagramsReceived === 0) {
    issues.push("A session has been open for more than an hour without a stream or datagram: is it still wanted?");
  }
  return issues;
}

/** draft-ietf-webtrans-http3 §4.8: the session's id, label and context make the exporter's context. */
export function exportKeyingMaterial(
  driver: SessionDriver,
  label: BytesInput,
  context: BytesInput,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const labelBytes = toBytes(label);
  const contextBytes = toBytes(context);
  if (labelBytes.byteLength > 255) throw tooLong("label", labelBytes.byteLength);
  if (contextBytes.byteLength > 255) throw tooLong("context", contextBytes.byteLength);
  if (!Number.isInteger(length) || length < 1 || length > 4096) {
    throw new RangeError(`Cannot export ${String(length)} bytes of keying material: 1 to 4096 are allowed`);
  }
  if (driver.state === "closed") {
    return rejected(
      new SessionError("Cannot export keying material: the session is closed", { sessionState: "closed" }),
    );
  }
  const bytes = new Uint8Array(8 + 1 + labelBytes.byteLength + 1 + contextBytes.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(driver.sessionId));
  bytes[8] = labelBytes.byteLength;
  bytes.set(labelBytes, 9);
  bytes[9 + labelBytes.byteLength] = contextBytes.byteLength;
  bytes.set(contextBytes, 10 + labelBytes.byteLength);
  try {
    return Promise.resolve(driver.quic.exportKeyingMaterial("EXPORTER-WebTransport", bytes, length));
  } catch (error) {
    return rejected(error);
  }
}

function tooLong(what: string, length: number): RangeError {
  return new RangeError(`Cannot export keying material: the ${what} has ${length} bytes, at most 255 are allowed`);
}
