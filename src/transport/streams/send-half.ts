import { Deferred, rejected, resolved, untilAborted } from "../../async/promises.ts";
import type { QuicConnection } from "../../engine/engine.ts";
import type { SessionError, StreamError } from "../../errors/errors.ts";
import { toWireCode } from "../../protocol/webtransport/error-mapping.ts";
import type { SessionAccounts } from "../session/session-accounts.ts";
import type { BytesInput, SendGroup, SendOptions, SendSide, SignalOption } from "../types.ts";

import { ByteQueue } from "./byte-queue.ts";
import { toBytes } from "./bytes.ts";
import type { HalfStream } from "./half-stream.ts";
import type { CreditTaker, SendCredit } from "./send-credit.ts";
import { SendWaits } from "./send-waits.ts";
import type { SendProgress } from "./send-waits.ts";
import { resetHere, writableTaken, writtenAfterFinish } from "./stream-errors.ts";
import { makeWritable } from "./web-streams.ts";

const nothing = new Uint8Array(0);
const noPriority: SendOptions = {};

/**
 * `open` → `finishing` (FIN queued) → `delivered` (all acknowledged); from the first two `failed`. `orphaned`: the peer has
 * stopped the half because its session is gone, and the end of the session has not arrived yet.
 */
type SendPhase = "open" | "finishing" | "delivered" | "orphaned" | "failed";

/**
 * The sending half of a stream. Bytes go to the engine at once, which copies them; the half only counts those that wait
 * there. Where the session's bytes are limited, those beyond its credit wait in the half.
 */
export class SendHalf implements SendSide, CreditTaker, SendProgress {
  readonly #stream: HalfStream;
  readonly #quic: QuicConnection;
  readonly #accounts: SessionAccounts;
  #phase: SendPhase = "open";
  #prefix: Uint8Array | undefined;
  readonly #prefixLength: number;
  #sendGroup: SendGroup | undefined;
  #sendOrder = 0;
  /** Bytes that wait for the session's credit; undefined when there are none. */
  #held: ByteQueue | undefined;
  /** The stream ends behind the bytes that are held. */
  #finHeld = false;
  /** Bytes in the engine's queue, and those held. */
  #buffered = 0;
  /** Bytes handed to the engine, the prefix among them. */
  #handed = 0;
  /** Of these, bytes that have left its queue. */
  #taken = 0;
  /** Bytes from the stream's beginning that a reset does not take back. */
  #committed: number;
  /** The half has failed, but its reset waits until the engine has the bytes that the peer must get first. */
  #pendingReset: bigint | undefined;
  #bytesWritten = 0;
  #error: unknown;
  #peerStopped = false;
  #waits: SendWaits | undefined;
  #closed: Deferred<void> | undefined;
  #writable: WritableStream<BytesInput> | undefined;

  /** `prefix`: what a stream begins with that this side has opened. Throws TypeError for a send group of another session. */
  constructor(stream: HalfStream, prefix?: Uint8Array, priority: SendOptions = noPriority) {
    this.#stream = stream;
    this.#quic = stream.context.quic;
    this.#accounts = stream.accounts;
    this.#prefix = prefix;
    this.#prefixLength = prefix?.byteLength ?? 0;
    this.#committed = this.#prefixLength;
    if (prefix !== undefined) {
      stream.context.atEndOfScript(() => {
        this.#sendPrefix();
      });
    }
    const { sendGroup, sendOrder = 0 } = priority;
    if (this.#accounts.sendGroups.session !== 0 || sendGroup !== undefined || sendOrder !== 0) {
      this.#setPriority(sendGroup, sendOrder);
    }
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

  /** Bytes that have left the engine's queue, the prefix among them. */
  get taken(): number {
    return this.#taken;
  }

  /** FIN is queued, but not everything is acknowledged. */
  get undelivered(): boolean {
    return this.#phase === "finishing";
  }

  /** Nothing more will be sent. */
  get over(): boolean {
    return this.#hasEnded && this.#pendingReset === undefined;
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

  get writeClosed(): Promise<void> {
    return this.closed;
  }

  // What the application asks for.

  get sendOrder(): number {
    return this.#sendOrder;
  }

  set sendOrder(order: number) {
    this.#setPriority(this.#sendGroup, order);
  }

  get sendGroup(): SendGroup | undefined {
    return this.#sendGroup;
  }

  set sendGroup(group: SendGroup | undefined) {
    this.#setPriority(group, this.#sendOrder);
  }

  get sendGroupNumber(): number {
    return this.#sendGroup?.id ?? 0;
  }

  get writable(): WritableStream<BytesInput> {
    this.#writable ??= makeWritable(this);
    return this.#writable;
  }

  write(data: BytesInput, options?: SignalOption): Promise<void> {
    if (this.#writable !== undefined) return rejected(writableTaken(this.#stream.streamId));
    const signal = options?.signal;
    if (signal === undefined) return this.enqueue(data);
    if (signal.aborted) return rejected(signal.reason);
    return untilAborted(this.enqueue(data), signal);
  }

  writeAll(data: BytesInput, options?: SignalOption): Promise<void> {
    if (this.#writable !== undefined) return rejected(writableTaken(this.#stream.streamId));
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    if (this.#phase !== "open") return untilAborted(this.#refuse(), options?.signal);
    this.#phase = "finishing";
    this.#send(toBytes(data), true);
    return untilAborted(this.#whenBelowHighWaterMark(), options?.signal);
  }

  finish(): void {
    if (this.#writable !== undefined) throw writableTaken(this.#stream.streamId);
    this.end();
  }

  flush(options?: SignalOption): Promise<void> {
    return untilAborted(this.#flush(), options?.signal);
  }

  reset(code = 0): void {
    const wireCode = toWireCode(code);
    if (this.#hasEnded) return;
    // RFC 9000 §3.2: without its prefix the peer could not tell whose stream was reset.
    this.#sendPrefix();
    this.#pendingReset = wireCode;
    this.#finHeld = false;
    this.#held?.truncate(Math.max(0, this.#committed - this.#handed));
    this.#resetWhenPossible();
    this.fail(resetHere(this.#stream.streamId, code));
  }

  commit(): void {
    if (!this.#hasEnded) this.#committed = this.#prefixLength + this.#bytesWritten;
  }

  /** `write`, for the writer of `writable`, too. */
  enqueue(data: BytesInput): Promise<void> {
    if (this.#phase !== "open") return this.#refuse();
    this.#send(toBytes(data), false);
    return this.#whenBelowHighWaterMark();
  }

  /** `finish`, for the writer of `writable`, too. */
  end(): void {
    if (this.#phase !== "open") return;
    this.#phase = "finishing";
    this.#sendPrefix();
    if (this.#held !== undefined) this.#finHeld = true;
    else this.#quic.write(this.#stream.streamId, nothing, true);
  }

  // What the session tells.

  /** The session has credit for `bytes` of what is held. */
  resume(bytes: number): number {
    const held = this.#held;
    if (held === undefined) return 0;
    let used = 0;
    while (used < bytes) {
      const piece = held.shift(bytes - used);
      if (piece === undefined) break;
      used += piece.byteLength;
      this.#hand(piece, this.#finHeld && held.length === 0);
    }
    if (held.length === 0) this.#held = undefined;
    this.#waits?.wake();
    this.#resetWhenPossible();
    return used;
  }

  /** The peer has stopped the half because its session is gone: writes wait for the end of the session. */
  awaitSessionEnd(): void {
    if (!this.#hasEnded) this.#phase = "orphaned";
  }

  /** The session or the connection has ended. */
  abandon(error: SessionError, wireCode: bigint): void {
    const { streamId, context } = this.#stream;
    if (this.#pendingReset !== undefined) {
      this.#quic.reset(streamId, this.#pendingReset, this.#reliableSize);
      this.#endReset();
    }
    if (this.#hasEnded) return;
    if (this.#phase !== "orphaned") {
      if (context.resetStreamAt) this.#sendPrefix();
      this.#quic.reset(streamId, wireCode, this.#reliableSize);
    }
    this.fail(error);
  }

  // What the engine tells.

  accepted(bytes: number): void {
    this.#taken += bytes;
    this.#buffered = Math.max(0, this.#buffered - bytes);
    this.#waits?.wake();
    this.#resetWhenPossible();
  }

  /** All bytes and FIN are acknowledged. */
  delivered(): void {
    if (this.#phase !== "finishing") return;
    this.accepted(this.#buffered);
    this.#phase = "delivered";
    this.#waits?.delivered();
    this.#closed?.resolve();
    this.#stream.halfChanged();
  }

  /** STOP_SENDING; the engine has reset the half already. */
  stopped(error: StreamError): void {
    if (this.#pendingReset !== undefined) this.#endReset();
    if (this.#hasEnded) return;
    this.#peerStopped = true;
    this.#accounts.streamFailed();
    this.fail(error);
  }

  /** The half has ended without everything being delivered. */
  fail(error: unknown): void {
    if (this.#hasEnded) return;
    this.#phase = "failed";
    this.#error = error;
    this.#prefix = undefined;
    if (this.#pendingReset === undefined) this.#dropHeld();
    this.#waits?.fail(error);
    this.#closed?.reject(error);
    this.#stream.halfChanged();
  }

  #send(bytes: Uint8Array, fin: boolean): void {
    this.#sendPrefix();
    const length = bytes.byteLength;
    if (length === 0 && !fin) return;
    this.#bytesWritten += length;
    this.#accounts.sent(length);
    this.#buffered += length;
    const { sendCredit } = this.#accounts;
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
    this.#held ??= new ByteQueue();
    this.#held.push(bytes.slice(allowed));
    this.#finHeld = fin;
  }

  /** `bytes` are counted as buffered already. */
  #hand(bytes: Uint8Array, fin: boolean): void {
    const taken = this.#quic.write(this.#stream.streamId, bytes, fin);
    this.#handed += bytes.byteLength;
    this.#taken += taken;
    this.#buffered -= taken;
  }

  #sendPrefix(): void {
    const prefix = this.#prefix;
    if (prefix === undefined) return;
    this.#prefix = undefined;
    this.#buffered += prefix.byteLength;
    this.#hand(prefix, false);
  }

  #setPriority(group: SendGroup | undefined, order: number): void {
    const { sendGroups } = this.#accounts;
    const number = sendGroups.numberOf(group);
    this.#sendGroup = group;
    this.#sendOrder = order;
    this.#quic.setPriority(this.#stream.streamId, sendGroups.session, number, order);
  }

  get #hasEnded(): boolean {
    return this.#phase === "delivered" || this.#phase === "failed";
  }

  /** Bytes that are delivered in spite of a reset. */
  get #reliableSize(): number {
    return this.#stream.context.resetStreamAt ? Math.min(this.#committed, this.#handed) : 0;
  }

  /**
   * With RESET_STREAM_AT, everything committed must have been handed to the engine. Without it, the prefix must have left
   * the engine's queue, which a reset empties.
   */
  #resetWhenPossible(): void {
    const code = this.#pendingReset;
    if (code === undefined) return;
    const { resetStreamAt } = this.#stream.context;
    const isReady = resetStreamAt ? this.#handed >= this.#committed : this.#taken >= this.#prefixLength;
    if (!isReady) return;
    this.#quic.reset(this.#stream.streamId, code, this.#reliableSize);
    this.#endReset();
  }

  #endReset(): void {
    this.#pendingReset = undefined;
    this.#dropHeld();
    if (this.#hasEnded) this.#stream.halfChanged();
  }

  #dropHeld(): void {
    this.#accounts.sendCredit?.forget(this);
    this.#held = undefined;
  }

  #whenBelowHighWaterMark(): Promise<void> {
    return this.#buffered < this.#stream.context.settings.outgoingHighWaterMark ? resolved : this.#wait();
  }

  #wait(): Promise<void> {
    this.#waits ??= new SendWaits(this.#stream, this);
    return this.#waits.belowHighWaterMark();
  }

  #flush(): Promise<void> {
    if (this.#phase === "failed") return rejected(this.#error);
    this.#sendPrefix();
    if (this.#buffered === 0) return resolved;
    this.#waits ??= new SendWaits(this.#stream, this);
    return this.#waits.flushed();
  }

  #refuse(): Promise<void> {
    if (this.#phase === "orphaned") return this.#wait();
    return rejected(this.#phase === "failed" ? this.#error : writtenAfterFinish(this.#stream.streamId));
  }
}
