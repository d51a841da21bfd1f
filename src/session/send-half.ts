import { StreamError, TimeoutError } from "../errors/errors.ts";
import type { SessionError } from "../errors/errors.ts";

import { toBytes } from "./bytes.ts";
import type { HalfHost } from "./half-host.ts";
import { Deferred, rejected, resolved } from "./promises.ts";
import type { BytesInput } from "./types.ts";

const nothing = new Uint8Array(0);

/**
 * `open` → `finishing` (FIN queued) → `delivered` (all acknowledged); from the first two `failed`. `doomed`: the peer has
 * ended the half because the session is gone, whose own end has not come yet.
 */
type SendPhase = "open" | "finishing" | "delivered" | "doomed" | "failed";

/** The sending half of a stream. Bytes go to the engine at once, which captures them; here is only the count of those that wait there. */
export class SendHalf {
  readonly #host: HalfHost;
  #phase: SendPhase = "open";
  #prefix: Uint8Array | undefined;
  /** Bytes in the engine's queue. */
  #buffered = 0;
  /** Bytes that the engine has taken from its queue. */
  #accepted = 0;
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

  get over(): boolean {
    return this.#phase === "delivered" || this.#phase === "failed";
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
    this.#host.quic.write(this.#host.streamId, nothing, true);
  }

  flush(): Promise<void> {
    if (this.#phase === "failed") return rejected(this.#error);
    this.#sendPrefix();
    if (this.#buffered === 0) return resolved;
    this.#flushed ??= new Deferred<void>();
    return this.#flushed.promise;
  }

  reset(wireCode: bigint, code: number): void {
    if (this.over) return;
    const { streamId, quic } = this.#host;
    // RFC 9000 §3.2: without its prefix the peer could not tell whose stream was reset.
    this.#sendPrefix();
    quic.reset(streamId, wireCode);
    const text = `Stream ${streamId} was reset here with code ${code}`;
    this.fail(new StreamError(text, { code: "ERR_WT_STREAM_RESET", streamId, errorCode: code }));
  }

  setPriority(group: number, order: number): void {
    this.#host.quic.setPriority(this.#host.streamId, group, order);
  }

  // What the engine tells.

  accepted(bytes: number): void {
    this.#accepted += bytes;
    this.#buffered = Math.max(0, this.#buffered - bytes);
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
    if (this.over) return;
    this.#peerStopped = true;
    this.#host.counters.streamErrors += 1;
    this.fail(error);
  }

  /** The peer has stopped the half because the session is gone: what is asked for now waits for the session's end. */
  doom(): void {
    if (!this.over) this.#phase = "doomed";
  }

  /** The half has ended without everything being delivered. */
  fail(error: unknown): void {
    if (this.over) return;
    this.#phase = "failed";
    this.#error = error;
    this.#prefix = undefined;
    this.#cancelTimeout?.();
    this.#writable?.reject(error);
    this.#flushed?.reject(error);
    this.#closed?.reject(error);
    this.#host.halfChanged();
  }

  /** The session or the connection has ended. */
  abandon(error: SessionError, wireCode: bigint): void {
    if (this.over) return;
    if (this.#phase !== "doomed") this.#host.quic.reset(this.#host.streamId, wireCode);
    this.fail(error);
  }

  #send(bytes: Uint8Array, fin: boolean): void {
    this.#sendPrefix();
    const length = bytes.byteLength;
    if (length === 0 && !fin) return;
    this.#bytesWritten += length;
    this.#host.counters.bytesSent += length;
    this.#buffered += length - this.#host.quic.write(this.#host.streamId, bytes, fin);
  }

  #sendPrefix(): void {
    const prefix = this.#prefix;
    if (prefix === undefined) return;
    this.#prefix = undefined;
    this.#buffered += prefix.byteLength - this.#host.quic.write(this.#host.streamId, prefix, false);
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
    const acceptedBefore = this.#accepted;
    this.#cancelTimeout = this.#host.after(writeTimeout, () => {
      this.#cancelTimeout = undefined;
      const waiting = this.#writable;
      if (waiting === undefined) return;
      if (this.#accepted !== acceptedBefore) {
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
