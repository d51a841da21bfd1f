/** Stream ids (RFC 9000 §2.1): the lowest bit is the initiator (1: server), the second the direction (1: unidirectional). */

/** Streams of one initiator and direction have every fourth id. */
const step = 4;

export function isBidirectional(streamId: number): boolean {
  return (streamId & 2) === 0;
}

export function directionOf(streamId: number): "bidirectional" | "unidirectional" {
  return isBidirectional(streamId) ? "bidirectional" : "unidirectional";
}

export function isOpenedByServer(streamId: number): boolean {
  return (streamId & 1) === 1;
}

/** Whether it is the id of a request (RFC 9114 §6.1): a bidirectional stream of the client's. */
export function isRequestId(streamId: number | bigint): boolean {
  return typeof streamId === "bigint" ? (streamId & 3n) === 0n : (streamId & 3) === 0;
}

/** How many streams of its initiator and direction come before it. Of a request: the quarter stream id of RFC 9297 §2.1. */
export function ordinalOf(streamId: number): number {
  return Math.floor(streamId / step);
}

export function streamIdOf(ordinal: number, isServer: boolean, direction: "bidirectional" | "unidirectional"): number {
  return ordinal * step + (direction === "unidirectional" ? 2 : 0) + (isServer ? 1 : 0);
}

/** The id of the stream that comes `count` streams behind this one, of the same initiator and direction. */
export function laterStreamId(streamId: number, count = 1): number {
  return streamId + count * step;
}
