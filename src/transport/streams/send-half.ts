import { StreamError, TimeoutError } from "../../errors/errors.ts";
import type { SessionError } from "../../errors/errors.ts";

import { toBytes } from "./bytes.ts";
import type { CreditTaker, HalfHost, SendCredit } from "./half-host.ts";
import { HeldBytes } from "./held-bytes.ts";
import { Deferred, rejected, resolved } from "../../async/promises.ts";
import type { BytesInput } from "../types.ts";

const nothing = new Uint8Array(0);

/**
 * `open` → `finishing` (FIN queued) → `delivered` (all acknowledged); from the first two `failed`. `doomed`: the peer has
 * ended the half because the session is gone, whose own end has not come yet.
 */
type SendPhase = "open" | "finishing" | "delivered" | "doomed" | "failed";

/**
 * The sending half of a stream. Bytes go to the engine at once, which captures them; here is only the count of those that
 * wait there. Where the session's bytes are limited, those beyond its credit wait here.
 */
export class SendHalf implements CreditTaker {
  readonly #host: HalfHost;
  #phase: SendPhase = "open";
  #prefix: Uint8Array | undefined;
  readonly #prefixLength: number;
  /** Bytes that wait for the session's credit; undefined when there are none. */
  #held: HeldBytes | undefined;
  /** Bytes in the engine's queue, and those held. */
  #buffered = 0;
  /** Bytes handed to the engine, the prefix among them. */
  #handed = 0;
  /** Of these, bytes that have left its queue. */
  #left = 0;
  /** Bytes from the stream's beginning that a reset does not take back. */
  #committed: number;
  /** The half is failed, but its reset waits until the engine has what the peer must get before. */
  #pendingReset: bigint | undefined;
  #bytesWritten = 0;
  #error: unknown;
  #peerStopped = false;
  #writable: Deferred<void> | undefined;
  #flushed: Deferred<void> | undefined;
  #closed: Deferred<void> | undefined;
  #cancelTimeout: (() => void) | undefined;

  /** `prefix`: what a stream begins with that this side has opened. */
  constructor(host: HalfHost, prefix?: Uint8Array) {
    this.#host = host;
    this.#prefix = prefix;
    this.#prefixLength = prefix?.byteLength ?? 0;
    this.#committed = this.#prefixLength;
    if (prefix !== undefined) host.prefixPending(() => this.#sendPrefix());
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  get bufferedAmount(): number {
    return this.#buffered;
  }

  get isWritable(): boolean {
    return this.#phase === "open";
  }

  get isFinished(): boolean {
    return this.#phase === "finishing" || this.#phase === "delivered";
  }

  /** FIN is queued, but not everything is acknowledged. */
  get undelivered(): boolean {
    return this.#phase === "finishing";
  }

  /** Nothing more is to be sent. */
  get over(): boolean {
    return this.#hasEnded && this.#pendingReset === undefined;
  }

  get sendGroupNumber(): number {
    return this.#host.sendGroupNumber;
  }

  get sendOrder(): number {
    return this.#host.sendOrder;
  }

  get error(): unknown {
    return this.#error;
  }

  get peerStopped(): boolean {
    return this.#peerStopped;
  }

  get closed(): Promise<void> {
    if (this.#phase === "delivered") return resolved;
    if (this.#phase === "failed") return rejected(this.#error);
    this.#closed ??= new Deferred<void>();
    return this.#closed.promise;
  }

  write(data: BytesInput): Promise<void> {
    if (this.#phase !== "open") return this.#refuse();
    this.#send(toBytes(data), false);
    return this.#buffered < this.#host.highWaterMark ? resolved : this.#whenWritable();
  }

  writeAll(data: BytesInput): Promise<void> {
    if (this.#phase !== "open") return this.#refuse();
    this.#phase = "finishing";
    this.#send(toBytes(data), true);
    return this.#buffered < this.#host.highWaterMark ? resolved : this.#whenWritable();
  }

  finish(): void {
    if (this.#phase !== "open") return;
    this.#phase = "finishing";
    this.#sendPrefix();
    if (this.#held !== undefined) this.#held.fin = true;
    else this.#host.quic.write(this.#host.streamId, nothing, true);
  }

  flush(): Promise<void> {
    if (this.#phase === "failed") return rejected(this.#error);
    this.#sendPrefix();
    if (this.#buffered === 0) return resolved;
    this.#flushed ??= new Deferred<void>();
    return this.#flushed.promise;
  }

  reset(wireCode: bigint, code: number): void {
    if (this.#hasEnded) return;
    const { streamId } = this.#host;
    // RFC 9000 §3.2: without its prefix the peer could not tell whose stream was reset.
    this.#sendPrefix();
    this.#pendingReset = wireCode;
    this.#held?.truncate(Math.max(0, this.#committed - this.#handed));
    this.#resetWhenPossible();
    const text = `Stream ${streamId} was reset here with code ${code}`;
    this.fail(new StreamError(text, { code: "ERR_WT_STREAM_RESET", streamId, errorCode: code }));
  }

  /** See `SendSide.commit`. */
  commit(): void {
    if (!this.#hasEnded) this.#committed = this.#prefixLength + this.#bytesWritten;
  }

  /** The session has credit for `bytes` of what is held. */
  resume(bytes: number): number {
    const held = this.#held;
    if (held === undefined) return 0;
    const before = held.length;
    while (held.length > 0 && before - held.length < bytes) {
      const piece = held.shift(bytes - (before - held.length));
      this.#hand(piece, held.fin && held.length === 0);
    }
    const used = before - held.length;
    if (held.length === 0) this.#held = undefined;
    this.#wake();
    this.#resetWhenPossible();
    return used;
  }

  setPriority(session: number, group: number, order: number): void {
    this.#host.quic.setPriority(this.#host.streamId, session, group, order);
  }

  // What the engine tells.

  accepted(bytes: number): void {
    this.#left += bytes;
    this.#buffered = Math.max(0, this.#buffered - bytes);
    this.#wake();
    this.#resetWhenPossible();
  }

  #wake(): void {
    if (this.#writable !== undefined && this.#buffered < this.#host.highWaterMark) {
      const waiting = this.#writable;
      this.#writable = undefined;
      waiting.resolve();
    }
    if (this.#flushed !== undefined && this.#buffered === 0) {
      const waiting = this.#flushed;
      this.#flushed = undefined;
      waiting.resolve();
    }
  }

  /** All bytes and FIN are acknowledged. */
  delivered(): void {
    if (this.#phase !== "finishing") return;
    this.accepted(this.#buffered);
    this.#phase = "delivered";
    this.#cancelTimeout?.();
    this.#closed?.resolve();
    this.#host.halfChanged();
  }

  /** STOP_SENDING; the engine has reset the half already. */
  stopped(error: StreamError): void {
    if (this.#pendingReset !== undefined) this.#endReset();
    if (this.#hasEnded) return;
    this.#peerStopped = true;
    this.#host.counters.streamErrors += 1;
    this.fail(error);
  }

  /** The peer has stopped the half because the session is gone: what is asked for now waits for the session's end. */
  doom(): void {
    if (!this.#hasEnded) this.#phase = "doomed";
  }

  /** The half has ended without everything being delivered. */
  fail(error: unknown): void {
    if (this.#hasEnded) return;
    this.#phase = "failed";
    this.#error = error;
    this.#prefix = undefined;
    if (this.#pendingReset === undefined) this.#dropHeld();
    this.#cancelTimeout?.();
    this.#writable?.reject(error);
    this.#flushed?.reject(error);
    this.#closed?.reject(error);
    this.#host.halfChanged();
  }

  /** The session or the connection has ended. */
  abandon(error: SessionError, wireCode: bigint): void {
    if (this.#pendingReset !== undefined) {
      this.#host.quic.reset(this.#host.streamId, this.#pendingReset, this.#reliableSize);
      this.#endReset();
    }
    if (this.#hasEnded) return;
    if (this.#phase !== "doomed") {
      if (this.#host.resetStreamAt) this.#sendPrefix();
      this.#host.quic.reset(this.#host.streamId, wireCode, this.#reliableSize);
    }
    this.fail(error);
  }

  #send(bytes: Uint8Array, fin: boolean): void {
    this.#sendPrefix();
    const length = bytes.byteLength;
    if (length === 0 && !fin) return;
    this.#bytesWritten += length;
    this.#host.counters.bytesSent += length;
    this.#buffered += length;
    const { sendCredit } = this.#host;
    if (sendCredit === undefined) this.#hand(bytes, fin);
    else this.#sendWithin(sendCredit, bytes, fin);
  }

  #sendWithin(credit: SendCredit, bytes: Uint8Array, fin: boolean): void {
    const allowed = this.#held === undefined ? credit.take(this, bytes.byteLength) : 0;
    if (this.#held === undefined && allowed === bytes.byteLength) {
      this.#hand(bytes, fin);
      return;
    }
    if (allowed > 0) this.#hand(bytes.subarray(0, allowed), false);
    this.#held ??= new HeldBytes();
    this.#held.push(bytes.slice(allowed));
    this.#held.fin = fin;
  }

  /** Bytes that the count of those buffered has in it. */
  #hand(bytes: Uint8Array, fin: boolean): void {
    const left = this.#host.quic.write(this.#host.streamId, bytes, fin);
    this.#handed += bytes.byteLength;
    this.#left += left;
    this.#buffered -= left;
  }

  get #hasEnded(): boolean {
    return this.#phase === "delivered" || this.#phase === "failed";
  }

  /** What a reset leaves to be delivered; the answering half of a peer's stream has no prefix. */
  get #reliableSize(): number {
    return this.#host.resetStreamAt ? Math.min(this.#committed, this.#handed) : 0;
  }

  /**
   * With RESET_STREAM_AT once everything committed is the engine's. Without, the prefix must at least have left the
   * engine's queue, which a reset empties.
   */
  #resetWhenPossible(): void {
    const code = this.#pendingReset;
    if (code === undefined) return;
    const { resetStreamAt, quic, streamId } = this.#host;
    const isReady = resetStreamAt ? this.#handed >= this.#committed : this.#left >= this.#prefixLength;
    if (!isReady) return;
    quic.reset(streamId, code, this.#reliableSize);
    this.#endReset();
  }

  #endReset(): void {
    this.#pendingReset = undefined;
    this.#dropHeld();
    if (this.#hasEnded) this.#host.halfChanged();
  }

  #dropHeld(): void {
    this.#host.sendCredit?.forget(this);
    this.#held = undefined;
  }

  #sendPrefix(): void {
    const prefix = this.#prefix;
    if (prefix === undefined) return;
    this.#prefix = undefined;
    this.#buffered += prefix.byteLength;
    this.#hand(prefix, false);
  }

  #whenWritable(): Promise<void> {
    this.#writable ??= new Deferred<void>();
    this.#watchTimeout();
    return this.#writable.promise;
  }

  /** One deadline per stream and not per write: it looks whether anything was taken since it was set. */
  #watchTimeout(): void {
    const { writeTimeout } = this.#host;
    if (writeTimeout === 0 || this.#cancelTimeout !== undefined) return;
    const leftBefore = this.#left;
    this.#cancelTimeout = this.#host.after(writeTimeout, () => {
      this.#cancelTimeout = undefined;
      const waiting = this.#writable;
      if (waiting === undefined) return;
      if (this.#left !== leftBefore) {
        this.#watchTimeout();
        return;
      }
      this.#writable = undefined;
      const text = `Stream ${this.#host.streamId} took nothing for ${writeTimeout} ms: ${this.#buffered} bytes wait`;
      waiting.reject(new TimeoutError(text, { operation: "write", timeoutDuration: writeTimeout }));
    });
  }

  #refuse(): Promise<void> {
    if (this.#phase === "doomed") return this.#whenWritable();
    if (this.#phase === "failed") return rejected(this.#error);
    const streamId = this.#host.streamId;
    const text = `Cannot write to stream ${streamId}: it has been finished`;
    return rejected(new StreamError(text, { streamId, streamState: "half_closed_local" }));
  }
}
