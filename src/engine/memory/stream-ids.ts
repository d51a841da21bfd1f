import type { StreamDirection } from "../engine.ts";

/** RFC 9000 §2.1: the lowest bit is the initiator (1: server), the second the direction (1: unidirectional). */
export function streamIdOf(ordinal: number, isServer: boolean, direction: StreamDirection): number {
  return ordinal * 4 + (direction === "unidirectional" ? 2 : 0) + (isServer ? 1 : 0);
}

export function directionOf(streamId: number): StreamDirection {
  return (streamId & 2) === 0 ? "bidirectional" : "unidirectional";
}

export function isOpenedByServer(streamId: number): boolean {
  return (streamId & 1) === 1;
}

export function ordinalOf(streamId: number): number {
  return Math.floor(streamId / 4);
}
