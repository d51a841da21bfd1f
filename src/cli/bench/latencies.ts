/** Milliseconds. */
export interface LatencySummary {
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Samples that are kept: 8 bytes each. */
const maxSamples = 1_000_000;

/** How long things took. Of more than a million each further one replaces one of those that are kept, in turn. */
export class Latencies {
  readonly #samples: number[] = [];
  #count = 0;

  /** Milliseconds. */
  add(sample: number): void {
    this.#samples[this.#count % maxSamples] = sample;
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  /** Undefined when there are none. By the nearest rank: every figure is a sample. */
  summary(): LatencySummary | undefined {
    const sorted = Float64Array.from(this.#samples).sort();
    const rank = (part: number): number => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
    if (sorted.length === 0) return undefined;
    return { min: rank(0), p50: rank(0.5), p90: rank(0.9), p99: rank(0.99), max: rank(1) };
  }
}
