// Imported, so that a test framework's fake timers do not replace it.
import { setImmediate } from "node:timers";

/** Options of a virtual clock. */
export interface VirtualClockOptions {
  /** What travels arrives by itself, in later turns of the event loop. Otherwise only {@link VirtualClock.advance} and {@link VirtualClock.settle} move it. Default true. */
  readonly automatic?: boolean;
}

type Kind = "transit" | "timer";

interface Entry {
  readonly at: number;
  readonly sequence: number;
  readonly kind: Kind;
  readonly callback: () => void;
  cancelled: boolean;
}

/** Turns of the event loop without anything to do after which {@link VirtualClock.settle} believes that nothing more comes. */
const idleTurns = 3;

/**
 * Time that passes only when something travels or the test says so. Two kinds of events wait in it: what is on its way
 * (a frame, a turn's events) and timers (idle time-outs, a caller's {@link setTimer}). In the automatic mode the clock
 * leaps to whatever travels next; a timer fires only in {@link advance}, or when something travels past it.
 */
export class VirtualClock {
  readonly #automatic: boolean;
  #entries: Entry[] = [];
  #now = 0;
  #sequence = 0;
  #transits = 0;
  #timers = 0;
  #stepScheduled = false;
  #advancing = 0;

  constructor(options: VirtualClockOptions = {}) {
    this.#automatic = options.automatic ?? true;
  }

  /** Milliseconds since the clock was made. */
  readonly now = (): number => this.#now;

  /** Calls `callback` once `milliseconds` have passed, unless the returned function is called before. */
  readonly setTimer = (milliseconds: number, callback: () => void): (() => void) =>
    this.#add("timer", milliseconds, callback);

  /** Something that needs `milliseconds` to arrive. Used by the engine. */
  transit(milliseconds: number, callback: () => void): () => void {
    const cancel = this.#add("transit", milliseconds, callback);
    if (this.#automatic) this.#scheduleStep();
    return cancel;
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers;
  }

  /** Things that are on their way. */
  get travelling(): number {
    return this.#transits;
  }

  /**
   * Lets `milliseconds` pass: everything that is due happens in its order, with the event loop's turns in between. Rejects
   * with RangeError for a time that cannot pass.
   */
  async advance(milliseconds: number): Promise<void> {
    if (!Number.isFinite(milliseconds) || milliseconds < 0) {
      throw new RangeError(`Cannot advance the time by ${milliseconds} ms: it must be a number of at least 0`);
    }
    const end = this.#now + milliseconds;
    this.#advancing += 1;
    try {
      await turn();
      for (let entry = this.#entries[0]; entry !== undefined && entry.at <= end; entry = this.#entries[0]) {
        this.#runInstant(entry.at);
        await turn();
      }
      this.#now = Math.max(this.#now, end);
    } finally {
      this.#advancing -= 1;
      if (this.#automatic && this.#transits > 0) this.#scheduleStep();
    }
  }

  /** Resolves when nothing travels any more. Timers fire only as far as time has to pass for that. */
  async settle(): Promise<void> {
    for (let idle = 0; idle < idleTurns;) {
      idle = this.#transits > 0 ? 0 : idle + 1;
      if (this.#transits > 0 && !this.#automatic) this.#step();
      await turn();
    }
  }

  #add(kind: Kind, milliseconds: number, callback: () => void): () => void {
    this.#sequence += 1;
    const at = this.#now + Math.max(0, milliseconds);
    const entry: Entry = { at, sequence: this.#sequence, kind, callback, cancelled: false };
    this.#count(kind, 1);
    push(this.#entries, entry);
    return () => {
      if (entry.cancelled) return;
      entry.cancelled = true;
      this.#count(kind, -1);
      this.#compact();
    };
  }

  /** Timers that are set and taken back all the time must not fill the memory until they would have fired. */
  #compact(): void {
    const { length } = this.#entries;
    if (length < 64 || this.#transits + this.#timers > length / 2) return;
    const alive = this.#entries.filter(({ cancelled }) => !cancelled);
    alive.sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#entries = alive;
  }

  #count(kind: Kind, change: number): void {
    if (kind === "transit") this.#transits += change;
    else this.#timers += change;
  }

  #scheduleStep(): void {
    if (this.#stepScheduled) return;
    this.#stepScheduled = true;
    setImmediate(() => {
      this.#stepScheduled = false;
      // `advance` takes the steps itself.
      if (this.#advancing > 0) return;
      this.#step();
      if (this.#transits > 0) this.#scheduleStep();
    });
  }

  /** Goes on to the next thing that travels; one instant at a time, so that the application can act in between. */
  #step(): void {
    const [next] = this.#entries;
    if (next !== undefined && this.#transits > 0) this.#runInstant(next.at);
  }

  /** Runs what is due at `at` now; what that brings about at the same instant is left to the next turn. */
  #runInstant(at: number): void {
    this.#now = Math.max(this.#now, at);
    const last = this.#sequence;
    let next = this.#entries[0];
    while (next !== undefined && next.at <= this.#now && next.sequence <= last) {
      pop(this.#entries);
      if (!next.cancelled) {
        next.cancelled = true;
        this.#count(next.kind, -1);
        next.callback();
      }
      next = this.#entries[0];
    }
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

// A binary heap: the entry that is due first, and was added first among equals, stands in front.

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

function push(heap: Entry[], entry: Entry): void {
  let index = heap.length;
  heap.push(entry);
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex];
    if (parent === undefined || !isBefore(entry, parent)) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    let childIndex = 2 * index + 1;
    let child = heap[childIndex];
    if (child === undefined) break;
    const right = heap[childIndex + 1];
    if (right !== undefined && isBefore(right, child)) {
      childIndex += 1;
      child = right;
    }
    if (!isBefore(child, last)) break;
    heap[index] = child;
    index = childIndex;
  }
  heap[index] = last;
}
