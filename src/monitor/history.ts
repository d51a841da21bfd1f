import type { MonitorMetrics } from "./metrics.ts";

interface Entry {
  /** Milliseconds of the process: the system's clock may be set meanwhile. */
  readonly at: number;
  readonly metrics: MonitorMetrics;
}

/** The newest metrics, as many as fit. */
export class History {
  readonly #size: number;
  readonly #entries: Entry[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  get latest(): MonitorMetrics | undefined {
    return this.#entries.at(-1)?.metrics;
  }

  /** Oldest first: the newest `limit`, or all when it is 0. */
  newest(limit: number): readonly MonitorMetrics[] {
    const entries = limit === 0 ? this.#entries : this.#entries.slice(-limit);
    return entries.map(({ metrics }) => metrics);
  }

  add(at: number, metrics: MonitorMetrics): void {
    this.#entries.push({ at, metrics });
    if (this.#entries.length > this.#size) this.#entries.shift();
  }

  /**
   * Where a window that ends at `now` begins: with the oldest entry that is at most `window` old, or else with the newest.
   * Undefined when that is older than `oldest`: monitoring had been stopped meanwhile.
   */
  windowStart(now: number, window: number, oldest: number): Entry | undefined {
    const start = this.#entries.find(({ at }) => now - at <= window) ?? this.#entries.at(-1);
    return start !== undefined && now - start.at <= oldest ? start : undefined;
  }

  clear(): void {
    this.#entries.length = 0;
  }
}
