/** Whose grant of credit waits for room. */
export interface CreditWaiter {
  grantCredit(): void;
}

/** Counts what passes, too. */
export interface ByteMeter {
  received(bytes: number): void;
  consumed(bytes: number): void;
}

/**
 * Counts the unread bytes of a session (or, as its parent, of the process). While they are over the limit no stream
 * gets new read credit, so QUIC's flow control stops the peer; nobody is cut off. The bytes can exceed the limit by the
 * credit that is already out.
 */
export class BufferBudget {
  readonly limit: number;
  #parent: BufferBudget | undefined;
  #meter: ByteMeter | undefined;
  readonly #waiters = new Set<CreditWaiter>();
  #used = 0;

  constructor(limit: number, parent?: BufferBudget, meter?: ByteMeter) {
    this.limit = limit;
    this.#parent = parent;
    this.#meter = meter;
  }

  get used(): number {
    return this.#used;
  }

  get exhausted(): boolean {
    return this.#used > this.limit || (this.#parent?.exhausted ?? false);
  }

  add(bytes: number): void {
    this.#used += bytes;
    this.#parent?.add(bytes);
    this.#meter?.received(bytes);
  }

  remove(bytes: number): void {
    this.#used -= bytes;
    this.#parent?.remove(bytes);
    this.#meter?.consumed(bytes);
    if (this.#waiters.size > 0 && this.#used <= this.limit) this.#wake();
  }

  /** Calls `waiter.grantCredit()` once there is room again. */
  wait(waiter: CreditWaiter): void {
    if (this.#used > this.limit || this.#parent === undefined) this.#waiters.add(waiter);
    else this.#parent.wait(waiter);
  }

  forget(waiter: CreditWaiter): void {
    this.#waiters.delete(waiter);
    this.#parent?.forget(waiter);
  }

  /** The session has ended: what may still be unread is no longer the process's concern. */
  detach(): void {
    this.#parent?.remove(this.#used);
    this.#parent = undefined;
    this.#meter = undefined;
    this.#waiters.clear();
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.grantCredit();
  }
}
