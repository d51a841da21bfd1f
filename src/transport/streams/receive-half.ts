import { onAbort } from "../../async/abort.ts";
import { Deferred, quiet, rejected, resolved } from "../../async/promises.ts";
import type { QuicConnection } from "../../engine/engine.ts";
import type { StreamError } from "../../errors/errors.ts";
import { toWireCode } from "../../protocol/webtransport/error-mapping.ts";
import type { SessionAccounts } from "../session/session-accounts.ts";
import type { Bytes, BytesInput, ReadOptions, ReceiveSide, WaitOptions } from "../types.ts";

import { ByteQueue } from "./byte-queue.ts";
import { own, toBytes } from "./bytes.ts";
import type { HalfStream } from "./half-stream.ts";
import { ReadAll, ReadChunk, ReadExactly, ReadUntil } from "./read-operations.ts";
import type { ReadOperation } from "./read-operations.ts";
import { readableTaken, readTimedOut } from "./stream-errors.ts";
import { makeReadable } from "./web-streams.ts";

/** Default limit of `readUntil` and `readLine`, bytes: a peer that never sends the separator must not fill the memory. */
const defaultMaxRecord = 65_536;
const newline = new Uint8Array([0x0a]);
const decoder = new TextDecoder();
const atEnd: Promise<null> = Promise.resolve(null);

/**
 * The receiving half of a stream: what has arrived and is not read yet, and the reads that wait for more. Credit goes
 * back to the peer only as the reader takes bytes, so never more than the credit is buffered.
 */
export class ReceiveHalf implements ReceiveSide {
  readonly #stream: HalfStream;
  readonly #quic: QuicConnection;
  readonly #accounts: SessionAccounts;
  readonly #unread = new ByteQueue<ArrayBuffer>();
  /** Read, but not granted to the peer again. */
  #ungranted = 0;
  #received = 0;
  #bytesRead = 0;
  #fin = false;
  #error: unknown;
  /** The peer's reset, which takes effect when the bytes that it has left reliable are read. */
  #errorBehind: StreamError | undefined;
  #stopped = false;
  #peerReset = false;
  #lingering = false;
  #operations: ReadOperation[] | undefined;
  #closed: Deferred<void> | undefined;
  #readable: ReadableStream<Bytes> | undefined;

  constructor(stream: HalfStream) {
    this.#stream = stream;
    this.#quic = stream.context.quic;
    this.#accounts = stream.accounts;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  get bytesReceived(): number {
    return this.#bytesRead + this.#unread.length;
  }

  /** Bytes that have arrived, those that were dropped among them. */
  get received(): number {
    return this.#received;
  }

  get buffered(): number {
    return this.#unread.length;
  }

  /** The engine tells nothing more. */
  get over(): boolean {
    return this.#fin || this.#stopped || this.#error !== undefined || this.#errorBehind !== undefined;
  }

  get peerReset(): boolean {
    return this.#peerReset;
  }

  get error(): unknown {
    return this.#error ?? this.#errorBehind;
  }

  /** More can be read, now or later. */
  get isReadable(): boolean {
    return this.#error === undefined && !this.#stopped && !(this.#fin && this.#unread.length === 0);
  }

  get closed(): Promise<void> {
    if (this.#error !== undefined) return rejected(this.#error);
    if (!this.isReadable) return resolved;
    this.#closed ??= new Deferred<void>();
    return this.#closed.promise;
  }

  get readClosed(): Promise<void> {
    return this.closed;
  }

  // What the application asks for.

  get readable(): ReadableStream<Bytes> {
    this.#readable ??= makeReadable(this);
    return this.#readable;
  }

  read(options?: ReadOptions): Promise<Bytes | null> {
    if (this.#readable !== undefined) return this.#refused();
    const maxBytes = positive(options?.maxBytes, Infinity);
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    return this.next(maxBytes, options);
  }

  tryRead(maxBytes?: number): Bytes | null | undefined {
    if (this.#readable !== undefined) throw readableTaken(this.#stream.streamId);
    return this.tryTake(positive(maxBytes, Infinity));
  }

  readAll(options: ReadOptions = {}): Promise<Bytes> {
    if (this.#readable !== undefined) return this.#refused();
    return this.#perform(new ReadAll(this.#stream.streamId, positive(options.maxBytes, Infinity)), options);
  }

  readExactly(count: number, options: WaitOptions = {}): Promise<Bytes> {
    if (this.#readable !== undefined) return this.#refused();
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new RangeError(`Cannot read exactly ${String(count)} bytes: a whole number from 0 is needed`);
    }
    return this.#perform(new ReadExactly(this.#stream.streamId, count), options);
  }

  readUntil(separator: BytesInput, options: ReadOptions = {}): Promise<Bytes> {
    if (this.#readable !== undefined) return this.#refused();
    const pattern = Uint8Array.from(toBytes(separator));
    if (pattern.byteLength === 0) throw new RangeError("Cannot read until an empty separator");
    const maxBytes = positive(options.maxBytes, defaultMaxRecord);
    // Without `orEnd` there is always a result.
    return this.#perform(new ReadUntil(this.#stream.streamId, pattern, maxBytes, false), options) as Promise<Bytes>;
  }

  readLine(options: ReadOptions = {}): Promise<string | null> {
    if (this.#readable !== undefined) return this.#refused();
    const maxBytes = positive(options.maxBytes, defaultMaxRecord);
    const line = this.#perform(new ReadUntil(this.#stream.streamId, newline, maxBytes, true), options);
    return quiet(line.then(toLine));
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    return new ChunkIterator(this);
  }

  stop(code = 0): void {
    const wireCode = toWireCode(code);
    if (!this.isReadable) return;
    this.#stopped = true;
    this.#drop();
    if (!this.#fin && this.#errorBehind === undefined) {
      this.#quic.stop(this.#stream.streamId, wireCode);
      this.#stream.stoppedEarly(this.#received);
    }
    if (this.#operations !== undefined) this.#advance();
    this.#closed?.resolve();
    this.#stream.halfChanged();
  }

  /** `read`, for the reader of `readable`, too. */
  next(maxBytes: number, options?: WaitOptions): Promise<Bytes | null> {
    if (this.#operations === undefined) {
      try {
        const chunk = this.tryTake(maxBytes);
        if (chunk !== undefined) return chunk === null ? atEnd : Promise.resolve(chunk);
      } catch (error) {
        return rejected(error);
      }
    }
    return this.#perform(new ReadChunk(maxBytes), options);
  }

  /** `tryRead`, for the reader of `readable`, too. */
  tryTake(maxBytes: number): Bytes | null | undefined {
    const chunk = this.#unread.shift(maxBytes);
    if (chunk !== undefined) {
      this.#consumed(chunk.byteLength);
      return own(chunk);
    }
    if (this.#error !== undefined) throw this.#error as Error;
    return this.#stopped || this.#fin ? null : undefined;
  }

  /** The first unread bytes without taking them; only for the time of the call. */
  peek(): Bytes | undefined {
    return this.#unread.peek();
  }

  // What the engine tells.

  receive(chunk: Bytes, fin: boolean): void {
    if (this.over) return;
    const length = chunk.byteLength;
    if (length > 0) {
      this.#unread.push(chunk);
      this.#received += length;
      this.#accounts.received(length);
      this.#accounts.budget.add(length);
      // More than the session's flow control allows: that has ended the session.
      if (this.#error !== undefined) return;
    }
    if (fin) {
      this.#fin = true;
      this.#accounts.budget.forget(this);
    }
    if (this.#operations !== undefined) this.#advance();
    if (fin) {
      this.#settleWhenRead();
      this.#stream.halfChanged();
    }
  }

  /**
   * The peer's reset: unread bytes are dropped, unless everything had arrived before (RFC 9000 §3.2, Data Recvd). The
   * first `reliable` bytes can still be read; then comes the error.
   */
  receiveReset(error: StreamError, reliable = 0): void {
    if (this.over) return;
    this.#peerReset = true;
    this.#accounts.streamFailed();
    const buffered = this.#unread.length;
    const kept = Math.min(buffered, reliable - this.#bytesRead);
    if (kept <= 0) {
      this.fail(error);
      return;
    }
    this.#unread.truncate(kept);
    this.#accounts.budget.remove(buffered - kept);
    this.#errorBehind = error;
    this.#accounts.budget.forget(this);
    if (this.#operations !== undefined) this.#advance();
    this.#stream.halfChanged();
  }

  /** The session or the connection has ended. A stream that had arrived completely can still be read. */
  fail(error: unknown): void {
    if (this.over) return;
    this.#error = error;
    this.#drop();
    const operations = this.#operations;
    this.#operations = undefined;
    if (operations !== undefined) for (const operation of operations) operation.reject(error);
    this.#closed?.reject(error);
    this.#stream.halfChanged();
  }

  /**
   * The peer has closed the session. What it had finished before may wait in the engine for credit, so it gets some:
   * `bytes` is what QUIC's window can hold.
   */
  linger(bytes: number): void {
    if (this.over || this.#lingering) return;
    this.#lingering = true;
    this.#accounts.budget.forget(this);
    this.#quic.grant(this.#stream.streamId, bytes);
  }

  /** Called by the budget, too, once the session may buffer more. */
  grantCredit(): void {
    if (this.over || this.#lingering || this.#ungranted === 0) return;
    const { budget } = this.#accounts;
    if (budget.exhausted) {
      budget.wait(this);
      return;
    }
    this.#quic.grant(this.#stream.streamId, this.#ungranted);
    this.#ungranted = 0;
  }

  #consumed(bytes: number): void {
    this.#bytesRead += bytes;
    this.#accounts.budget.remove(bytes);
    if (this.#fin || this.#errorBehind !== undefined) {
      this.#settleWhenRead();
      return;
    }
    this.#ungranted += bytes;
    if (this.#ungranted * 2 >= this.#stream.context.settings.streamBufferSize) this.grantCredit();
  }

  #settleWhenRead(): void {
    if (this.#unread.length > 0) return;
    if (this.#errorBehind === undefined) {
      this.#closed?.resolve();
      return;
    }
    this.#error = this.#errorBehind;
    this.#closed?.reject(this.#error);
  }

  #drop(): void {
    const { budget } = this.#accounts;
    const dropped = this.#unread.length;
    this.#unread.clear();
    budget.remove(dropped);
    budget.forget(this);
  }

  /** The operation's result; the options' signal and time-out cancel it. */
  #perform<T>(operation: ReadOperation<T>, options: WaitOptions = {}): Promise<T> {
    const { signal, timeout = this.#stream.context.settings.readTimeout } = options;
    if (signal?.aborted === true) return rejected(signal.reason);
    if (this.#start(operation)) return operation.promise;
    const giveUp = (reason: unknown): void => {
      this.#cancel(operation);
      operation.reject(reason);
    };
    if (signal !== undefined) {
      const end = onAbort(signal, () => giveUp(signal.reason));
      operation.promise.then(end, end);
    }
    if (timeout > 0) {
      const cancel = this.#stream.context.after(timeout, () => {
        giveUp(readTimedOut(this.#stream.streamId, timeout));
      });
      operation.promise.then(cancel, cancel);
    }
    return operation.promise;
  }

  /** Operations are served in the order of their calls. True: it is done already. */
  #start(operation: ReadOperation): boolean {
    if (this.#operations !== undefined) {
      this.#operations.push(operation);
      return false;
    }
    if (this.#attempt(operation)) return true;
    this.#operations = [operation];
    return false;
  }

  #cancel(operation: ReadOperation): void {
    const operations = this.#operations;
    const index = operations?.indexOf(operation) ?? -1;
    if (operations === undefined || index < 0) return;
    operations.splice(index, 1);
    if (operations.length === 0) this.#operations = undefined;
    else if (index === 0) this.#advance();
  }

  #advance(): void {
    const operations = this.#operations;
    if (operations === undefined) return;
    while (operations[0] !== undefined && this.#attempt(operations[0])) operations.shift();
    if (operations.length === 0 && this.#operations === operations) this.#operations = undefined;
  }

  #attempt(operation: ReadOperation): boolean {
    try {
      return operation.attempt(this);
    } catch (error) {
      operation.reject(error);
      return true;
    }
  }

  #refused(): Promise<never> {
    return rejected(readableTaken(this.#stream.streamId));
  }
}

class ChunkIterator implements AsyncIterator<Bytes> {
  readonly #half: ReceiveHalf;

  constructor(half: ReceiveHalf) {
    this.#half = half;
  }

  next(): Promise<IteratorResult<Bytes>> {
    return quiet(this.#half.read().then(toResult));
  }

  /** `break`: what is left is not wanted. */
  return(): Promise<IteratorResult<Bytes>> {
    this.#half.stop();
    return Promise.resolve({ done: true, value: undefined });
  }
}

function toResult(chunk: Bytes | null): IteratorResult<Bytes> {
  return chunk === null ? { done: true, value: undefined } : { done: false, value: chunk };
}

function toLine(line: Bytes | null): string | null {
  return line === null ? null : decoder.decode(line).replace(/\r?\n$/, "");
}

function positive(value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!(value > 0)) throw new RangeError(`Cannot read at most ${String(value)} bytes: a positive number is needed`);
  return value;
}
