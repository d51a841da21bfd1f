/** Calls `callback` once after `milliseconds`, unless the returned function is called before then. */
export type SetTimer = (milliseconds: number, callback: () => void) => () => void;

/** The process's own timers; a waiting one does not keep it alive (the socket does). */
export const systemTimer: SetTimer = (milliseconds, callback) => {
  const timer = setTimeout(callback, milliseconds);
  timer.unref();
  return () => {
    clearTimeout(timer);
  };
};

interface Entry {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * All deadlines of a connection on one timer, which exists only while there is a deadline. A timer that fires too early is
 * set again: that costs less than moving it with each deadline.
 */
export class Deadlines {
  readonly #now: () => number;
  readonly #setTimer: SetTimer;
  readonly #onDue: () => void;
  readonly #entries = new Set<Entry>();
  #external: number | undefined;
  #cancel: (() => void) | undefined;
  #armedFor = Infinity;

  /** `onDue` runs when the time given to {@link setExternal} has come. */
  constructor(now: () => number, setTimer: SetTimer, onDue: () => void) {
    this.#now = now;
    this.#setTimer = setTimer;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Nothing waits. */
  get isIdle(): boolean {
    return this.#entries.size === 0 && this.#external === undefined;
  }

  /** Runs `callback` after `milliseconds`; the returned function cancels it. */
  after(milliseconds: number, callback: () => void): () => void {
    const entry: Entry = { at: this.#now() + milliseconds, callback };
    this.#entries.add(entry);
    this.#arm(entry.at);
    return () => {
      this.#entries.delete(entry);
      if (this.#entries.size === 0 && this.#external === undefined) this.#disarm();
    };
  }

  /** The protocol core's next time-out. */
  setExternal(at: number | undefined): void {
    this.#external = at;
    if (at !== undefined) this.#arm(at);
    else if (this.#entries.size === 0) this.#disarm();
  }

  clear(): void {
    this.#entries.clear();
    this.#external = undefined;
    this.#disarm();
  }

  #arm(at: number): void {
    if (at >= this.#armedFor) return;
    this.#disarm();
    this.#armedFor = at;
    this.#cancel = this.#setTimer(Math.max(0, Math.ceil(at - this.#now())), () => {
      this.#fire();
    });
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedFor = Infinity;
  }

  #fire(): void {
    this.#cancel = undefined;
    this.#armedFor = Infinity;
    const now = this.#now();
    for (const entry of [...this.#entries]) {
      if (entry.at <= now && this.#entries.delete(entry)) entry.callback();
    }
    if (this.#external !== undefined && this.#external <= now) {
      this.#external = undefined;
      this.#onDue();
    }
    let next = this.#external ?? Infinity;
    for (const entry of this.#entries) next = Math.min(next, entry.at);
    if (next !== Infinity) this.#arm(next);
  }
}
