/** Counts of values in fixed buckets, as plain data: it can be cloned to another process, added and subtracted. */
export interface HistogramData {
  /** Upper bounds of the buckets, inclusive and ascending. One more bucket, the last, holds what is greater. */
  readonly bounds: readonly number[];
  /** One for each bound, and one for what is greater than all. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/** A histogram of fixed size, however many values it is given. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  /** `bounds`: see {@link HistogramData.bounds}. They are kept, so share one frozen array. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** Values that are no number are ignored; what is below 0 counts as 0. */
  record(value: number): void {
    if (Number.isNaN(value)) return;
    const counted = Math.max(0, value);
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && counted > (bounds[index] ?? 0)) index += 1;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count += 1;
    this.#sum += counted;
  }

  /** What was recorded so far; later values do not change it. */
  get data(): HistogramData {
    return { bounds: this.#bounds, counts: [...this.#counts], count: this.#count, sum: this.#sum };
  }
}

export function emptyHistogram(bounds: readonly number[]): HistogramData {
  return { bounds, counts: new Array<number>(bounds.length + 1).fill(0), count: 0, sum: 0 };
}

/** Throws RangeError when their bounds differ. */
export function addHistograms(left: HistogramData, right: HistogramData): HistogramData {
  return combine(left, right, (a, b) => a + b);
}

/** What was recorded between `earlier` and `later`, two states of one histogram. Throws RangeError when their bounds differ. */
export function subtractHistograms(later: HistogramData, earlier: HistogramData): HistogramData {
  return combine(later, earlier, (a, b) => Math.max(0, a - b));
}

/**
 * The value that a share (0 to 1) of the values does not exceed, interpolated within its bucket; undefined without values.
 * What is greater than every bound counts as the greatest bound.
 */
export function quantile({ bounds, counts, count }: HistogramData, share: number): number | undefined {
  if (count === 0) return undefined;
  const rank = share * count;
  let below = 0;
  for (const [index, upper] of bounds.entries()) {
    const within = counts[index] ?? 0;
    if (within > 0 && below + within >= rank) {
      const lower = bounds[index - 1] ?? 0;
      return lower + (upper - lower) * Math.max(0, (rank - below) / within);
    }
    below += within;
  }
  return bounds.at(-1);
}

function combine(left: HistogramData, right: HistogramData, of: (a: number, b: number) => number): HistogramData {
  const { bounds } = left;
  if (bounds.length !== right.bounds.length || bounds.some((bound, index) => bound !== right.bounds[index])) {
    throw new RangeError("Cannot combine histograms whose buckets differ");
  }
  return {
    bounds,
    counts: left.counts.map((value, index) => of(value, right.counts[index] ?? 0)),
    count: of(left.count, right.count),
    sum: of(left.sum, right.sum),
  };
}
