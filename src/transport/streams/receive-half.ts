import { TimeoutError } from "../../errors/errors.ts";
import type { StreamError } from "../../errors/errors.ts";
import { isJoined, join } from "../../base/gather.ts";
import { RingQueue } from "../../base/ring-queue.ts";

import { own } from "./bytes.ts";
import type { HalfHost } from "./half-host.ts";
import { onAbort } from "../../async/abort.ts";
import { Deferred, rejected, resolved } from "../../async/promises.ts";
import type { ReadOperation } from "./read-operations.ts";
import type { Bytes, WaitOptions } from "../types.ts";

const atEnd: Promise<null> = Promise.resolve(null);

/** Chunks of a stream that are kept as they came, however small: a reader that is not far behind gets them so. */
const mostSmallChunks = 32;

/**
 * The receiving half of a stream: what has arrived and is not read yet, and who waits for it. Credit goes back to the
 * peer only as the reader takes bytes, so never more than the credit is buffered.
 */
export class ReceiveHalf {
  readonly #host: HalfHost;
  readonly #chunks = new RingQueue<Bytes>();
  /** Bytes of the first chunk that have been read. */
  #offset = 0;
  #buffered = 0;
  /** Read, but not granted to the peer again. */
  #ungranted = 0;
  #received = 0;
  #bytesRead = 0;
  #fin = false;
  #error: unknown;
  /** The peer's reset, behind bytes that it has left reliable. */
  #errorBehind: StreamError | undefined;
  #stopped = false;
  #peerReset = false;
  #lingering = false;
  #operations: ReadOperation[] | undefined;
  #closed: Deferred<void> | undefined;

  constructor(host: HalfHost) {
    this.#host = host;
  }

  get streamId(): number {
    return this.#host.streamId;
  }

  get readTimeout(): number {
    return this.#host.readTimeout;
  }

  after(milliseconds: number, callback: () => void): () => void {
    return this.#host.after(milliseconds, callback);
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Bytes that have arrived. */
  get received(): number {
    return this.#received;
  }

  get buffered(): number {
    return this.#buffered;
  }

  /** No further event of the engine is to be expected. */
  get over(): boolean {
    return this.#fin || this.#stopped || this.#error !== undefined || this.#errorBehind !== undefined;
  }

  get finReceived(): boolean {
    return this.#fin;
  }

  get peerReset(): boolean {
    return this.#peerReset;
  }

  get error(): unknown {
    return this.#error ?? this.#errorBehind;
  }

  /** More can be read, now or later. */
  get isReadable(): boolean {
    return this.#error === undefined && !this.#stopped && !(this.#fin && this.#buffered === 0);
  }

  get closed(): Promise<void> {
    if (this.#error !== undefined) return rejected(this.#error);
    if (!this.isReadable) return resolved;
    this.#closed ??= new Deferred<void>();
    return this.#closed.promise;
  }

  // What the engine tells.

  receive(chunk: Bytes, fin: boolean): void {
    if (this.over) return;
    const length = chunk.byteLength;
    if (length > 0) {
      this.#push(chunk);
      this.#buffered += length;
      this.#received += length;
      this.#host.counters.bytesReceived += length;
      this.#host.budget.add(length);
      // They were more than the session allows, which has ended it.
      if (this.#error !== undefined) return;
    }
    if (fin) {
      this.#fin = true;
      this.#host.budget.forget(this);
    }
    if (this.#operations !== undefined) this.#advance();
    if (fin) {
      this.#settleWhenRead();
      this.#host.halfChanged();
    }
  }

  /** Many small chunks that nobody reads are kept as few: see `gather`. */
  #push(chunk: Bytes): void {
    let kept = chunk;
    while (this.#chunks.length > mostSmallChunks) {
      const { last } = this.#chunks;
      if (last === undefined || !isJoined(last, kept)) break;
      kept = join(last, kept);
      this.#chunks.pop();
    }
    this.#chunks.push(kept);
  }

  /**
   * The peer's reset: what was not read is dropped, unless everything had arrived already (RFC 9000 §3.2, Data Recvd), or
   * it is among the `reliable` first bytes, which are still to be read before the error.
   */
  receiveReset(error: StreamError, reliable = 0): void {
    if (this.over) return;
    this.#peerReset = true;
    this.#host.counters.streamErrors += 1;
    const kept = Math.min(this.#buffered, reliable - this.#bytesRead);
    if (kept <= 0) {
      this.fail(error);
      return;
    }
    this.#keep(kept);
    this.#errorBehind = error;
    this.#host.budget.forget(this);
    if (this.#operations !== undefined) this.#advance();
    this.#host.halfChanged();
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
    this.#host.halfChanged();
  }

  /**
   * The peer has closed the session. What it had finished before may wait in the engine beyond the credit, so that comes
   * now: `bytes` is what QUIC's window can hold.
   */
  linger(bytes: number): void {
    if (this.over || this.#lingering) return;
    this.#lingering = true;
    this.#host.budget.forget(this);
    this.#host.quic.grant(this.#host.streamId, bytes);
  }

  // What the application asks for.

  /** See `ReceiveSide.tryRead`. */
  tryTake(maxBytes: number): Bytes | null | undefined {
    const chunk = this.#chunks.peek();
    if (chunk !== undefined) {
      const available = chunk.byteLength - this.#offset;
      if (available > maxBytes) {
        const part = chunk.slice(this.#offset, this.#offset + maxBytes);
        this.#offset += maxBytes;
        this.#consumed(maxBytes);
        return part;
      }
      const rest = this.#offset === 0 ? own(chunk) : chunk.slice(this.#offset);
      this.#chunks.shift();
      this.#offset = 0;
      this.#consumed(available);
      return rest;
    }
    if (this.#error !== undefined) throw this.#error as Error;
    if (this.#stopped || this.#fin) return null;
    return undefined;
  }

  /** The first unread bytes without taking them; only for the time of the call. */
  peek(): Bytes | undefined {
    const chunk = this.#chunks.peek();
    return chunk === undefined || this.#offset === 0 ? chunk : chunk.subarray(this.#offset);
  }

  read(maxBytes: number): Promise<Bytes | null> | undefined {
    if (this.#operations !== undefined) return undefined;
    try {
      const ready = this.tryTake(maxBytes);
      return ready === undefined ? undefined : ready === null ? atEnd : Promise.resolve(ready);
    } catch (error) {
      return rejected(error);
    }
  }

  /** Operations are served in the order of their calls. True: it is done already. */
  start(operation: ReadOperation): boolean {
    if (this.#operations === undefined) {
      if (this.#attempt(operation)) return true;
      this.#operations = [operation];
    } else {
      this.#operations.push(operation);
    }
    return false;
  }

  cancel(operation: ReadOperation): void {
    const operations = this.#operations;
    const index = operations?.indexOf(operation) ?? -1;
    if (operations === undefined || index < 0) return;
    operations.splice(index, 1);
    if (operations.length === 0) this.#operations = undefined;
    else if (index === 0) this.#advance();
  }

  stop(wireCode: bigint): void {
    if (!this.isReadable) return;
    this.#stopped = true;
    this.#drop();
    if (!this.#fin && this.#errorBehind === undefined) {
      this.#host.quic.stop(this.#host.streamId, wireCode);
      this.#host.stoppedEarly(this.#received);
    }
    if (this.#operations !== undefined) this.#advance();
    this.#closed?.resolve();
    this.#host.halfChanged();
  }

  /** Called by the budget once the session may buffer more. */
  grantCredit(): void {
    if (this.over || this.#lingering || this.#ungranted === 0) return;
    if (this.#host.budget.exhausted) {
      this.#host.budget.wait(this);
      return;
    }
    this.#host.quic.grant(this.#host.streamId, this.#ungranted);
    this.#ungranted = 0;
  }

  #consumed(bytes: number): void {
    this.#buffered -= bytes;
    this.#bytesRead += bytes;
    this.#host.budget.remove(bytes);
    if (this.#fin || this.#errorBehind !== undefined) {
      this.#settleWhenRead();
      return;
    }
    this.#ungranted += bytes;
    if (this.#ungranted * 2 >= this.#host.credit) this.grantCredit();
  }

  #settleWhenRead(): void {
    if (this.#buffered > 0) return;
    if (this.#errorBehind === undefined) {
      this.#closed?.resolve();
      return;
    }
    this.#error = this.#errorBehind;
    this.#closed?.reject(this.#error);
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

  /** Drops what is unread behind the next `bytes`. */
  #keep(bytes: number): void {
    const chunks = [...this.#chunks];
    this.#chunks.clear();
    let length = -this.#offset;
    for (const chunk of chunks) {
      const wanted = bytes - length;
      if (wanted <= 0) break;
      this.#chunks.push(chunk.byteLength <= wanted ? chunk : chunk.slice(0, wanted));
      length += chunk.byteLength;
    }
    this.#host.budget.remove(this.#buffered - bytes);
    this.#buffered = bytes;
  }

  #drop(): void {
    this.#host.budget.remove(this.#buffered);
    this.#host.budget.forget(this);
    this.#buffered = 0;
    this.#offset = 0;
    if (this.#chunks.length > 0) this.#chunks.clear();
  }
}

/** Runs `operation` on `half` and gives its result; the options' signal and time-out take it back. */
export function run<T>(
  half: ReceiveHalf,
  operation: ReadOperation & { readonly promise: Promise<T> },
  options: WaitOptions = {},
): Promise<T> {
  const { signal, timeout = half.readTimeout } = options;
  if (signal?.aborted === true) return rejected(signal.reason);
  if (half.start(operation)) return operation.promise;
  const giveUp = (reason: unknown): void => {
    half.cancel(operation);
    operation.reject(reason);
  };
  if (signal !== undefined) {
    const end = onAbort(signal, () => giveUp(signal.reason));
    operation.promise.then(end, end);
  }
  if (timeout > 0) {
    const cancel = half.after(timeout, () => {
      const text = `Nothing to read came on stream ${half.streamId} for ${timeout} ms`;
      giveUp(new TimeoutError(text, { operation: "read", timeoutDuration: timeout }));
    });
    operation.promise.then(cancel, cancel);
  }
  return operation.promise;
}
