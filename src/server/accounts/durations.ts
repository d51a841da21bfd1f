import { Histogram } from "../../base/histogram.ts";
import type { HistogramData } from "../../base/histogram.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** Milliseconds: from a connection in the same data centre to a time-out. */
export const exchangeBounds: readonly number[] = Object.freeze([
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
]);

/** Milliseconds: from a session that is closed at once to one that stays for days. */
const sessionBounds: readonly number[] = Object.freeze([
  100,
  second,
  5 * second,
  15 * second,
  minute,
  5 * minute,
  15 * minute,
  hour,
  4 * hour,
  24 * hour,
]);

/** How long things took since the server was made, in milliseconds. */
export class Durations {
  /** From a client's first packet to its completed handshake. */
  readonly handshake = new Histogram(exchangeBounds);
  /** From a session's request to its answer. */
  readonly request = new Histogram(exchangeBounds);
  /** Of sessions that have ended. */
  readonly session = new Histogram(sessionBounds);

  get data(): DurationsData {
    return { handshake: this.handshake.data, request: this.request.data, session: this.session.data };
  }
}

export interface DurationsData {
  readonly handshake: HistogramData;
  readonly request: HistogramData;
  readonly session: HistogramData;
}
