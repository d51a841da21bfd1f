import type { DatagramQueue, DatagramStats } from "./datagram-queue.ts";
import { quiet, rejected } from "../../async/promises.ts";
import type { Bytes, BytesInput, SignalOption } from "../types.ts";
import { makeDatagramReadable, makeDatagramWritable } from "../streams/web-streams.ts";
import { DatagramError } from "../../errors/errors.ts";

export interface SendDatagramOptions extends SignalOption {
  /** Milliseconds that the datagram may wait to be sent; then it is dropped silently. Default `outgoingMaxAge`. */
  readonly ttl?: number;
}

/** A session's datagrams: unreliable, unordered, each at most {@link maxDatagramSize} bytes. */
export class WebTransportDatagrams {
  readonly #queue: DatagramQueue;
  #readable: ReadableStream<Bytes> | undefined;
  #writable: WritableStream<BytesInput> | undefined;

  /** Made by the session. @internal */
  constructor(queue: DatagramQueue) {
    this.#queue = queue;
  }

  /** Bytes; follows the path's MTU. 0 when the peer takes no datagrams or the session has ended. */
  get maxDatagramSize(): number {
    return this.#queue.maxDatagramSize;
  }

  /** Datagrams that wait to be received; past it, and past 1 MiB of them, the oldest is dropped. Default 256. */
  get incomingHighWaterMark(): number {
    return this.#queue.incomingHighWaterMark;
  }
  set incomingHighWaterMark(datagrams: number) {
    this.#queue.incomingHighWaterMark = atLeastZero(datagrams, "incomingHighWaterMark");
  }

  /** Datagrams that wait to be sent; past it the oldest is dropped. Default 256. */
  get outgoingHighWaterMark(): number {
    return this.#queue.outgoingHighWaterMark;
  }
  set outgoingHighWaterMark(datagrams: number) {
    this.#queue.outgoingHighWaterMark = atLeastZero(datagrams, "outgoingHighWaterMark");
  }

  /** Milliseconds after which a datagram that was not received is dropped. Default Infinity. */
  get incomingMaxAge(): number {
    return this.#queue.incomingMaxAge;
  }
  set incomingMaxAge(milliseconds: number) {
    this.#queue.incomingMaxAge = atLeastZero(milliseconds, "incomingMaxAge");
  }

  /** Milliseconds after which a datagram that was not sent is dropped. Default Infinity. */
  get outgoingMaxAge(): number {
    return this.#queue.outgoingMaxAge;
  }
  set outgoingMaxAge(milliseconds: number) {
    this.#queue.outgoingMaxAge = atLeastZero(milliseconds, "outgoingMaxAge");
  }

  get stats(): DatagramStats {
    return this.#queue.stats;
  }

  /** Created lazily; from then on `receive` rejects: the datagrams are its reader's. */
  get readable(): ReadableStream<Bytes> {
    this.#readable ??= makeDatagramReadable(this.#queue);
    return this.#readable;
  }

  /** Created lazily; `send` and `trySend` go on working beside it. */
  get writable(): WritableStream<BytesInput> {
    this.#writable ??= makeDatagramWritable(this.#queue);
    return this.#writable;
  }

  /**
   * Resolves when the datagram has been handed to QUIC, or dropped: for its age, or as the oldest past
   * {@link outgoingHighWaterMark}. Rejects with DatagramError when it is too large.
   */
  send(data: BytesInput, options?: SendDatagramOptions): Promise<void> {
    return this.#queue.send(data, options);
  }

  /** False: QUIC has no room now, or the datagram is too large. */
  trySend(data: BytesInput): boolean {
    return this.#queue.trySend(data);
  }

  /** The next datagram; null when the session has ended cleanly. Rejects with SessionError when it has not, with TimeoutError after `timeout` ms. */
  receive(options?: SignalOption & { readonly timeout?: number }): Promise<Bytes | null> {
    if (this.#readable !== undefined) return rejected(locked());
    return this.#queue.receive(options);
  }

  /** What is there now: undefined when nothing is, null at the end. Throws what `receive` rejects with. */
  tryReceive(): Bytes | null | undefined {
    if (this.#readable !== undefined) throw locked();
    return this.#queue.tryReceive();
  }

  /** Ends with the session; `break` ends nothing. */
  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    return new DatagramIterator(this);
  }
}

class DatagramIterator implements AsyncIterator<Bytes> {
  readonly #datagrams: WebTransportDatagrams;

  constructor(datagrams: WebTransportDatagrams) {
    this.#datagrams = datagrams;
  }

  next(): Promise<IteratorResult<Bytes>> {
    return quiet(this.#datagrams.receive().then(toResult));
  }

  return(): Promise<IteratorResult<Bytes>> {
    return Promise.resolve({ done: true, value: undefined });
  }
}

function toResult(datagram: Bytes | null): IteratorResult<Bytes> {
  return datagram === null ? { done: true, value: undefined } : { done: false, value: datagram };
}

function locked(): DatagramError {
  return new DatagramError("Cannot receive datagrams directly: their readable has been taken", {
    code: "ERR_WT_STREAM_LOCKED",
  });
}

function atLeastZero(value: number, name: string): number {
  if (value >= 0) return value;
  throw new RangeError(`Cannot set ${name}: current value is ${String(value)}, allowed is 0 or more`);
}
