import { monitorEventLoopDelay, performance } from "node:perf_hooks";

import type { EventLoopStats } from "../stats/cluster-stats.ts";

/** Milliseconds between two samples: a hundred in two seconds, at next to no cost. */
const resolution = 20;
/** Milliseconds after which the percentiles begin anew. */
const windowLength = 60_000;
/** Milliseconds of a new window until it says more than the one before. */
const shortest = 5000;

/** Measures how late this process's timers are, and how busy its event loop is. */
export class EventLoopWatch {
  readonly #histogram = monitorEventLoopDelay({ resolution });
  #windowStart = performance.now();
  #previous: Pick<EventLoopStats, "delayP50" | "delayP99"> | undefined;
  #utilization = performance.eventLoopUtilization();

  constructor() {
    this.#histogram.enable();
  }

  /** `utilization` is that since the last call. */
  read(): EventLoopStats {
    const now = performance.now();
    const measured = { delayP50: this.#percentile(50), delayP99: this.#percentile(99) };
    const age = now - this.#windowStart;
    const delays = age < shortest ? (this.#previous ?? measured) : measured;
    if (age > windowLength) {
      this.#previous = measured;
      this.#windowStart = now;
      this.#histogram.reset();
    }
    const utilization = performance.eventLoopUtilization();
    const since = performance.eventLoopUtilization(utilization, this.#utilization);
    this.#utilization = utilization;
    return { ...delays, utilization: since.utilization };
  }

  /** The histogram has the time between two samples, which is the resolution when nothing is late. */
  #percentile(percentile: number): number {
    return this.#histogram.count === 0 ? 0 : Math.max(0, this.#histogram.percentile(percentile) / 1e6 - resolution);
  }
}
