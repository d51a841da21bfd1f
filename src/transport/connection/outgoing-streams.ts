import type { QuicConnection, StreamDirection } from "../../engine/engine.ts";

import type { WaitingStream } from "./context.ts";

/** Opens streams within the peer's limits and our own; a waiter that finds a limit reached stands in line. */
export class OutgoingStreams {
  readonly #limit: number;
  readonly #carrier: { readonly quic: Pick<QuicConnection, "open"> };
  /** Created lazily: limits are seldom reached. */
  #waiters: Record<StreamDirection, Set<WaitingStream>> | undefined;
  #count = 0;

  /** `limit`: streams of our own that are open at a time. */
  constructor(limit: number, carrier: { readonly quic: Pick<QuicConnection, "open"> }) {
    this.#limit = limit;
    this.#carrier = carrier;
  }

  get waiting(): number {
    return this.#waiters === undefined ? 0 : this.#waiters.bidirectional.size + this.#waiters.unidirectional.size;
  }

  /** Calls `waiter.opened` at once or later. */
  open(waiter: WaitingStream): void {
    const { direction } = waiter;
    const hasLine = (this.#waiters?.[direction].size ?? 0) > 0;
    const streamId = hasLine ? undefined : this.#tryOpen(direction);
    if (streamId !== undefined) {
      waiter.opened(streamId);
      return;
    }
    this.#waiters ??= { bidirectional: new Set(), unidirectional: new Set() };
    this.#waiters[direction].add(waiter);
  }

  cancel(waiter: WaitingStream): void {
    this.#waiters?.[waiter.direction].delete(waiter);
  }

  /** The peer's limit has grown. */
  available(direction: StreamDirection): void {
    const waiting = this.#waiters?.[direction];
    if (waiting === undefined) return;
    for (const waiter of waiting) {
      const streamId = this.#tryOpen(direction);
      if (streamId === undefined) return;
      // It has had its turn, even if it throws.
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
    this.#waiters?.bidirectional.clear();
    this.#waiters?.unidirectional.clear();
  }

  #tryOpen(direction: StreamDirection): number | undefined {
    return this.#count >= this.#limit ? undefined : this.#carrier.quic.open(direction);
  }
}
