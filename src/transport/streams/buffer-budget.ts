/** A stream whose grant of credit waits for room. */
export interface CreditWaiter {
  grantCredit(): void;
}

/** A connection that waits for room to {@link BufferBudget.reserve}. */
export interface RoomWaiter {
  roomAgain(): void;
}

/** Is told of the bytes that are added and removed. */
export interface ByteMeter {
  received(bytes: number): void;
  consumed(bytes: number): void;
}

/**
 * Counts the unread bytes of a session (or, as its parent, of the process). While they are over the limit, no stream
 * gets new read credit, so QUIC's flow control stops the peer and no stream is aborted. The bytes can exceed the limit by
 * the credit that was granted before.
 */
export class BufferBudget {
  readonly limit: number;
  #parent: BufferBudget | undefined;
  #meter: ByteMeter | undefined;
  #waiters: Set<CreditWaiter> | undefined;
  #used = 0;
  #reserved = 0;
  #roomWaiters: Set<RoomWaiter> | undefined;
  /** The smallest reservation that one of them waits for. */
  #leastRoom = Infinity;

  constructor(limit: number, parent?: BufferBudget, meter?: ByteMeter) {
    this.limit = limit;
    this.#parent = parent;
    this.#meter = meter;
  }

  /** Bytes that streams hold. */
  get used(): number {
    return this.#used;
  }

  /** Bytes that {@link reserve} has given and that are not released. */
  get reserved(): number {
    return this.#reserved;
  }

  /** The process's budget, of which this one is a part. */
  get parent(): BufferBudget | undefined {
    return this.#parent;
  }

  /** The limit itself is reached, whatever the parent says. */
  get isFull(): boolean {
    return this.#used + this.#reserved > this.limit;
  }

  get exhausted(): boolean {
    return this.isFull || (this.#parent?.exhausted ?? false);
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
    this.#roomMade();
  }

  /**
   * Sets bytes aside for what a peer may send beyond the streams' credit, if there is room. At most half of the limit can
   * be reserved: connections that are not read leave the other half to those that are.
   */
  reserve(bytes: number): boolean {
    if (!this.#hasRoom(bytes)) return false;
    this.#reserved += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#reserved -= bytes;
    this.#roomMade();
  }

  /** Calls `waiter.roomAgain()` once `bytes` can be reserved that could not. */
  awaitRoom(bytes: number, waiter: RoomWaiter): void {
    this.#roomWaiters ??= new Set();
    this.#roomWaiters.add(waiter);
    this.#leastRoom = Math.min(this.#leastRoom, bytes);
  }

  forgetRoom(waiter: RoomWaiter): void {
    this.#roomWaiters?.delete(waiter);
  }

  /** Calls `waiter.grantCredit()` once there is room again. */
  wait(waiter: CreditWaiter): void {
    if (!this.isFull && this.#parent !== undefined) {
      this.#parent.wait(waiter);
      return;
    }
    this.#waiters ??= new Set();
    this.#waiters.add(waiter);
  }

  forget(waiter: CreditWaiter): void {
    this.#waiters?.delete(waiter);
    this.#parent?.forget(waiter);
  }

  /** The session has ended: its unread bytes no longer count for the process. */
  detach(): void {
    this.#parent?.remove(this.#used);
    this.#parent = undefined;
    this.#meter = undefined;
    this.#waiters = undefined;
  }

  #hasRoom(bytes: number): boolean {
    const reserved = this.#reserved + bytes;
    return reserved <= this.limit / 2 && reserved + this.#used <= this.limit;
  }

  #roomMade(): void {
    if (this.#waiters !== undefined && !this.isFull) {
      const waiters = this.#waiters;
      this.#waiters = undefined;
      for (const waiter of waiters) waiter.grantCredit();
    }
    if (this.#roomWaiters !== undefined && this.#hasRoom(this.#leastRoom)) {
      const waiters = this.#roomWaiters;
      this.#roomWaiters = undefined;
      this.#leastRoom = Infinity;
      for (const waiter of waiters) waiter.roomAgain();
    }
  }
}
