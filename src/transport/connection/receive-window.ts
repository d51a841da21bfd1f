import type { QuicConnection } from "../../engine/engine.ts";

import type { BufferBudget, RoomWaiter } from "../streams/buffer-budget.ts";

/** What the window depends on: sizes in bytes, see `ConnectionSettingsInit`. */
export interface WindowOptions {
  readonly receiveWindow: number;
  readonly maxSessions: number;
  readonly maxSessionBufferSize: number;
  readonly totalBudget?: BufferBudget | undefined;
}

/**
 * A connection's flow-control window. All of its streams share it, so what nobody reads would in the end stop those that
 * are read: the window begins small and grows by what unread streams hold, so that half of the first window stays free for
 * the others. It ends where every session that the connection may have has its whole buffer in it, or where the process's
 * budget has no more: see {@link isExhausted}.
 */
export class ReceiveWindow implements RoomWaiter {
  readonly #carrier: { readonly quic: QuicConnection };
  readonly #first: number;
  readonly #most: number;
  readonly #total: BufferBudget | undefined;
  /** Bytes beyond the first window that the peer may use, which the process's budget has given. */
  #extra = 0;
  #isRefused = false;
  #ended = false;

  constructor(carrier: { readonly quic: QuicConnection }, options: WindowOptions) {
    this.#carrier = carrier;
    this.#first = options.receiveWindow;
    this.#most = Math.max(options.receiveWindow, options.maxSessions * options.maxSessionBufferSize);
    this.#total = options.totalBudget;
  }

  /** Bytes that the peer may have unread here. */
  get size(): number {
    return this.#first + this.#extra;
  }

  /** Bytes of it that are unread in the engine, of streams of no session, too. */
  get held(): number {
    return this.#ended ? 0 : this.#carrier.quic.unreadBytes();
  }

  /** The process's budget has refused to let it grow. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** It cannot grow any more, and no stream gets far with what is left. */
  get isExhausted(): boolean {
    const isLast = this.#isRefused || this.size >= this.#most;
    return isLast && this.held >= this.size * 0.9;
  }

  /** Less than half of the first window is free. */
  grow(): void {
    if (this.#ended) return;
    // What was known of the peer's allowance may be larger than what is left of it: that much is to be had at once.
    const wanted = Math.max(this.size, Math.min(this.#most, this.#sizeFor(this.held + this.#first / 2)));
    let more = wanted - this.size;
    while (more > 0 && this.#total?.reserve(more) === false) more = Math.max(0, more - this.#first);
    this.#isRefused = this.size + more < wanted;
    if (this.#isRefused) this.#total?.awaitRoom(Math.min(this.#first, wanted - this.size - more), this);
    this.#extra += more;
    this.#settle(this.#carrier.quic.setReceiveWindow(this.size));
  }

  /** Gives back what is not needed any more: as the peer may still use what it was allowed, that takes some reading. */
  shrink(): void {
    if (this.#extra === 0 || this.#ended) return;
    // A quarter more than `grow` asks for: who reads and writes at the border does not change the window each time.
    const wanted = this.#sizeFor(this.held + this.#first * 0.75);
    if (wanted < this.size) this.#settle(this.#carrier.quic.setReceiveWindow(wanted));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#total?.forgetRoom(this);
    this.#settle(0);
  }

  roomAgain(): void {
    this.#isRefused = false;
    this.grow();
  }

  #sizeFor(bytes: number): number {
    return Math.ceil(bytes / this.#first) * this.#first;
  }

  /** `allowed`: what the peer may have unread now. */
  #settle(allowed: number): void {
    const extra = Math.max(0, allowed - this.#first);
    const released = this.#extra - extra;
    this.#extra = extra;
    if (released > 0) this.#total?.release(released);
  }
}
