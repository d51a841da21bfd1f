import type { WebTransportSession } from "../../transport/session/session.ts";

import type { LatencySummary } from "./latencies.ts";

/** What a measurement works with. */
export interface Bench {
  /** A connection and session of its own. */
  connect(): Promise<WebTransportSession>;
  /** Milliseconds that the measurement lasts. */
  readonly duration: number;
  /** Now, in milliseconds. */
  readonly now: () => number;
  /** Aborts when the user wants an end. */
  readonly signal: AbortSignal;
  /** Tells what is known so far. */
  readonly report: (sofar: Outcome) => void;
}

export interface Outcome {
  /** What was counted: sessions, round trips, streams, datagrams that came back, bytes. */
  readonly count: number;
  readonly seconds: number;
  readonly latency?: LatencySummary | undefined;
  /** Of datagrams: those that were sent. */
  readonly sent?: number;
}

export interface Measurement {
  readonly title: string;
  /** Of what `count` counts. */
  readonly unit: "sessions" | "round trips" | "streams" | "datagrams" | "bytes";
  run(bench: Bench): Promise<Outcome>;
}

/** The time of one measurement. */
export class Stopwatch {
  readonly #bench: Bench;
  readonly #started: number;

  constructor(bench: Bench) {
    this.#bench = bench;
    this.#started = bench.now();
  }

  get seconds(): number {
    return (this.#bench.now() - this.#started) / 1000;
  }

  get isOver(): boolean {
    return this.#bench.signal.aborted || this.#bench.now() - this.#started >= this.#bench.duration;
  }
}
