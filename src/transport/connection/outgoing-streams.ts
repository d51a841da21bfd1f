import type { StreamDirection } from "../../engine/engine.ts";

import type { StreamWaiter } from "./context.ts";

/** Opens streams within the peer's limits and our own; who finds a limit reached waits in line. */
export class OutgoingStreams {
  readonly #limit: number;
  readonly #open: (direction: StreamDirection) => number | undefined;
  readonly #waiters: Record<StreamDirection, Set<StreamWaiter>> = {
    bidirectional: new Set(),
    unidirectional: new Set(),
  };
  #count = 0;

  /** `limit`: streams of our own that are open at a time. `open`: the engine's. */
  constructor(limit: number, open: (direction: StreamDirection) => number | undefined) {
    this.#limit = limit;
    this.#open = open;
  }

  get waiting(): number {
    return this.#waiters.bidirectional.size + this.#waiters.unidirectional.size;
  }

  /** Calls `waiter.opened` at once or later. */
  open(waiter: StreamWaiter): void {
    const waiting = this.#waiters[waiter.direction];
    const streamId = waiting.size > 0 ? undefined : this.#tryOpen(waiter.direction);
    if (streamId === undefined) waiting.add(waiter);
    else waiter.opened(streamId);
  }

  cancel(waiter: StreamWaiter): void {
    this.#waiters[waiter.direction].delete(waiter);
  }

  /** The peer's limit has grown. */
  available(direction: StreamDirection): void {
    const waiting = this.#waiters[direction];
    for (const waiter of waiting) {
      const streamId = this.#tryOpen(direction);
      if (streamId === undefined) return;
      // It has its turn, whatever it makes of it.
      waiting.delete(waiter);
      waiter.opened(streamId);
    }
  }

  added(): void {
    this.#count += 1;
  }

  removed(): void {
    this.#count -= 1;
    if (this.waiting === 0) return;
    this.available("bidirectional");
    this.available("unidirectional");
  }

  clear(): void {
    this.#waiters.bidirectional.clear();
    this.#waiters.unidirectional.clear();
  }

  #tryOpen(direction: StreamDirection): number | undefined {
    return this.#count >= this.#limit ? undefined : this.#open(direction);
  }
}
