import { SessionError } from "../../errors/errors.ts";

import { diagnoseConnection } from "../connection/inspection.ts";
import { toBytes } from "../streams/bytes.ts";
import { heldBy, holdersText, sizeText } from "../streams/unread.ts";
import type { LiveSession } from "./live-session.ts";
import { rejected } from "../../async/promises.ts";
import type { BytesInput, Session } from "../types.ts";

export function sessionState(live: LiveSession, session: Session): Record<string, unknown> {
  return {
    id: session.id,
    path: session.path,
    protocol: session.protocol,
    state: live.state,
    remoteAddress: session.remoteAddress,
    stats: live.stats,
    datagrams: live.datagrams.stats,
    incomingStreamsWaiting: live.incoming.length,
    streams: [...live.streams].map((stream) => ({
      id: stream.streamId,
      state: stream.state,
      initiator: stream.incoming ? "peer" : "local",
      bytesRead: stream.receive?.bytesRead ?? 0,
      bytesUnread: (stream.receive?.buffered ?? 0) + live.quic.unreadBytes(stream.streamId),
      bytesWritten: stream.send?.bytesWritten ?? 0,
      bytesUnsent: stream.send?.bufferedAmount ?? 0,
    })),
  };
}

export function diagnoseSession(live: LiveSession): string[] {
  const issues: string[] = [];
  const { datagrams, budget, incoming } = live;
  const { droppedIncoming, droppedOutgoing, received } = datagrams.stats;
  if (live.state === "closed") issues.push("The session is closed");
  if (droppedIncoming > 0) {
    issues.push(`${droppedIncoming} of ${received} incoming datagrams were dropped: they are received too slowly`);
  }
  if (droppedOutgoing > 0) {
    issues.push(`${droppedOutgoing} outgoing datagrams were dropped: more are sent than the path carries`);
  }
  const { holders } = live;
  const held = heldBy(holders);
  // With session flow control the peer counts what waits in the engine, too.
  if (budget.isFull || (live.flow !== undefined && held >= budget.limit * 0.9)) {
    issues.push(
      `Session ${live.session.id} holds ${sizeText(held)} of ${sizeText(budget.limit)} unread (maxSessionBufferSize), ` +
        `so its streams wait: ${holdersText(holders)}`,
    );
  }
  if (live.state !== "closed") issues.push(...diagnoseConnection(live.context));
  if (incoming.length > live.context.options.maxPendingStreams * 0.9) {
    issues.push(
      `${incoming.length} incoming streams wait to be taken, the limit is ${live.context.options.maxPendingStreams}`,
    );
  }
  if (!live.supported) issues.push("The peer takes no datagrams");
  return issues;
}

/** draft-ietf-webtrans-http3 §4.8: the session's id, label and context make the exporter's context. */
export function exportKeyingMaterial(
  live: LiveSession,
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
  if (live.state === "closed") {
    return rejected(
      new SessionError("Cannot export keying material: the session is closed", { sessionState: "closed" }),
    );
  }
  const bytes = new Uint8Array(8 + 1 + labelBytes.byteLength + 1 + contextBytes.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(live.sessionId));
  bytes[8] = labelBytes.byteLength;
  bytes.set(labelBytes, 9);
  bytes[9 + labelBytes.byteLength] = contextBytes.byteLength;
  bytes.set(contextBytes, 10 + labelBytes.byteLength);
  try {
    return Promise.resolve(live.quic.exportKeyingMaterial("EXPORTER-WebTransport", bytes, length));
  } catch (error) {
    return rejected(error);
  }
}

function tooLong(what: string, length: number): RangeError {
  return new RangeError(`Cannot export keying material: the ${what} has ${length} bytes, at most 255 are allowed`);
}
