export interface BackOffOptions {
  /** Milliseconds before the second replacement; it doubles with each further one. */
  readonly initial: number;
  /** Milliseconds at most. */
  readonly limit: number;
  /** So many crashes in a row, each within `stableAge` of the process's start, are one too many. */
  readonly maxCrashes: number;
  /** Milliseconds after which a process counts as healthy. */
  readonly stableAge: number;
}

/** How long to wait before a crashed process is replaced. */
export class BackOff {
  readonly #options: BackOffOptions;
  #crashes = 0;

  constructor(options: BackOffOptions) {
    this.#options = options;
  }

  /** Crashes in a row. */
  get crashes(): number {
    return this.#crashes;
  }

  /** `age`: how long the process lived. Returns milliseconds to wait, or undefined to give up. */
  next(age: number): number | undefined {
    const { initial, limit, maxCrashes, stableAge } = this.#options;
    this.#crashes = age >= stableAge ? 1 : this.#crashes + 1;
    if (this.#crashes >= maxCrashes) return undefined;
    return this.#crashes === 1 ? 0 : Math.min(limit, initial * 2 ** (this.#crashes - 2));
  }

  reset(): void {
    this.#crashes = 0;
  }
}
