import { RingQueue } from "../../base/ring-queue.ts";
import type { QuicConnection } from "../../engine/engine.ts";
import { DatagramError, TimeoutError } from "../../errors/errors.ts";
import type { SessionError } from "../../errors/errors.ts";

import type { SessionFace } from "../session/session-face.ts";
import type { Traffic } from "../traffic.ts";
import { toBytes } from "../streams/bytes.ts";
import { Deferred, rejected, resolved, untilAborted } from "../../async/promises.ts";
import { WaitingLine } from "../../async/waiting-line.ts";
import type { Bytes, BytesInput, SignalOption } from "../types.ts";

/**
 * Bytes of datagrams that wait to be received, whatever the high-water mark: in a capsule a datagram can be 65535 bytes
 * long, and 256 of these would be 16 MiB.
 */
const maxIncomingBytes = 1_048_576;

/** What a session's datagrams need of its connection. */
export interface DatagramContext {
  readonly quic: QuicConnection;
  /** The peer takes HTTP datagrams. */
  readonly datagrams: boolean;
  readonly protocol: { datagramPrefix(sessionId: number): Uint8Array };
  now(): number;
  after(milliseconds: number, callback: () => void): () => void;
  /** `traffic`: of the server's sessions together. */
  readonly settings: { readonly traffic: Traffic };
}

/** The session that the datagrams belong to. */
export interface DatagramSession {
  readonly sessionId: number;
  readonly context: DatagramContext;
  readonly session: SessionFace;
}

/** Counts of datagrams since the session began. */
export interface DatagramStats {
  readonly sent: number;
  readonly received: number;
  /** Incoming ones that were dropped because the reader was slower than the high-water mark, or 1 MiB, allows. */
  readonly droppedIncoming: number;
  /** Incoming ones that were older than `incomingMaxAge` when they were to be received. */
  readonly expiredIncoming: number;
  /** Outgoing ones that were dropped because they waited past the high-water mark. */
  readonly droppedOutgoing: number;
  /** Outgoing ones that were older than their `ttl` or `outgoingMaxAge`. */
  readonly expiredOutgoing: number;
  readonly queuedIncoming: number;
  readonly queuedOutgoing: number;
}

interface Incoming {
  readonly bytes: Bytes;
  readonly at: number;
}

interface Outgoing {
  readonly bytes: Bytes;
  readonly expires: number;
  readonly done: Deferred<void>;
}

/** A session's datagrams: those that have arrived and were not received yet, and those that wait for room in the engine. */
export class DatagramQueue {
  incomingHighWaterMark: number;
  outgoingHighWaterMark: number;
  incomingMaxAge = Infinity;
  outgoingMaxAge = Infinity;
  readonly #owner: DatagramSession;
  readonly #context: DatagramContext;
  #prefix: Uint8Array | undefined;
  #incoming: RingQueue<Incoming> | undefined;
  #incomingBytes = 0;
  #outgoing: RingQueue<Outgoing> | undefined;
  readonly #receivers = new WaitingLine<Deferred<Bytes | null>>();
  #ended = false;
  /** Set when the session did not end cleanly. */
  #error: SessionError | undefined;
  /** Set when nothing can be sent any more: gives why. */
  #refusal: (() => SessionError) | undefined;
  #drained: Deferred<void> | undefined;
  #held = false;
  #sent = 0;
  #received = 0;
  #droppedIncoming = 0;
  #expiredIncoming = 0;
  #droppedOutgoing = 0;
  #expiredOutgoing = 0;

  constructor(owner: DatagramSession, highWaterMark: number) {
    this.#owner = owner;
    this.#context = owner.context;
    this.incomingHighWaterMark = highWaterMark;
    this.outgoingHighWaterMark = highWaterMark;
  }

  get stats(): DatagramStats {
    return {
      sent: this.#sent,
      received: this.#received,
      droppedIncoming: this.#droppedIncoming,
      expiredIncoming: this.#expiredIncoming,
      droppedOutgoing: this.#droppedOutgoing,
      expiredOutgoing: this.#expiredOutgoing,
      queuedIncoming: this.#incoming?.length ?? 0,
      queuedOutgoing: this.#queued,
    };
  }

  get maxDatagramSize(): number {
    if (!this.#context.datagrams || this.#refusal !== undefined) return 0;
    return Math.max(0, this.#context.quic.maxDatagramSize() - this.#sessionPrefix.byteLength);
  }

  trySend(data: BytesInput): boolean {
    if (this.#refusal !== undefined) return false;
    const bytes = toBytes(data);
    if (this.#held && this.#queued < this.outgoingHighWaterMark) {
      if (bytes.byteLength > this.maxDatagramSize) {
        this.#tellUnsendable(bytes.byteLength, "too-large");
        return false;
      }
      void this.#queue(bytes, {});
      return true;
    }
    if (this.#queued > 0 || this.#held) return false;
    const result = this.#hand(bytes);
    if (result === "too-large" || result === "unsupported") this.#tellUnsendable(bytes.byteLength, result);
    return result === "queued";
  }

  send(data: BytesInput, options: SignalOption & { readonly ttl?: number } = {}): Promise<void> {
    if (this.#refusal !== undefined) return rejected(this.#refusal());
    if (options.signal?.aborted === true) return rejected(options.signal.reason);
    const bytes = toBytes(data);
    if (this.#queued === 0 && !this.#held) {
      const result = this.#hand(bytes);
      if (result === "queued") return resolved;
      if (result !== "blocked") return rejected(this.#unsendable(bytes.byteLength, result));
    } else if (bytes.byteLength > this.maxDatagramSize) {
      return rejected(this.#unsendable(bytes.byteLength, "too-large"));
    }
    return this.#queue(bytes, options);
  }

  tryReceive(): Bytes | null | undefined {
    const oldest = this.#hasIncoming ? this.#context.now() - this.incomingMaxAge : 0;
    for (let next = this.#shift(); next !== undefined; next = this.#shift()) {
      if (next.at >= oldest) return next.bytes;
      this.#expiredIncoming += 1;
      this.#traffic.datagramsExpiredIncoming += 1;
    }
    if (this.#error !== undefined) throw this.#error;
    return this.#ended ? null : undefined;
  }

  receive(options: SignalOption & { readonly timeout?: number } = {}): Promise<Bytes | null> {
    const { signal, timeout } = options;
    if (signal?.aborted === true) return rejected(signal.reason);
    try {
      const ready = this.tryReceive();
      if (ready !== undefined) return Promise.resolve(ready);
    } catch (error) {
      return rejected(error);
    }
    const waiting = new Deferred<Bytes | null>();
    this.#receivers.push(waiting);
    if (timeout !== undefined) {
      const cancel = this.#context.after(timeout, () => {
        this.#receivers.delete(waiting);
        const text = `No datagram within ${timeout} ms`;
        waiting.reject(new TimeoutError(text, { operation: "receive datagram", timeoutDuration: timeout }));
      });
      waiting.promise.then(cancel, cancel);
    }
    return untilAborted(waiting.promise, signal, () => {
      this.#receivers.delete(waiting);
    });
  }

  // What the connection tells.

  deliver(bytes: Bytes): void {
    if (this.#ended) return;
    this.#received += 1;
    this.#traffic.datagramsReceived += 1;
    const { session } = this.#owner;
    if (session.listens("datagram_received")) {
      session.publish("datagram_received", { session, data: bytes, timestamp: Date.now() });
    }
    const receiver = this.#receivers.shift();
    if (receiver !== undefined) {
      receiver.resolve(bytes);
      return;
    }
    this.#incoming ??= new RingQueue();
    while (this.#incoming.length > 0 && this.#isFullFor(this.#incoming, bytes.byteLength)) {
      this.#shift();
      this.#dropIncoming();
    }
    if (this.incomingHighWaterMark === 0) {
      this.#dropIncoming();
      return;
    }
    this.#incoming.push({ bytes, at: this.#context.now() });
    this.#incomingBytes += bytes.byteLength;
  }

  /** Datagrams wait until {@link release}. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.writable();
  }

  /** The engine has room again. False: it is full again. */
  writable(): boolean {
    if (this.#held) return true;
    for (let next = this.#outgoing?.peek(); next !== undefined; next = this.#outgoing?.peek()) {
      if (next.expires < this.#context.now()) {
        this.#expiredOutgoing += 1;
        this.#traffic.datagramsExpiredOutgoing += 1;
        next.done.resolve();
      } else {
        const result = this.#hand(next.bytes);
        if (result === "blocked") return false;
        if (result === "queued") next.done.resolve();
        else next.done.reject(this.#unsendable(next.bytes.byteLength, result));
      }
      this.#outgoing?.shift();
    }
    this.#drained?.resolve();
    return true;
  }

  /** No further datagrams are taken; resolves when those that wait have gone. */
  finish(error: SessionError): Promise<void> {
    this.#refusal ??= (): SessionError => error;
    if (this.#queued === 0) return resolved;
    this.#drained ??= new Deferred<void>();
    return this.#drained.promise;
  }

  /** The session has ended. What has come can still be received when it ended cleanly. */
  end(error: () => SessionError, clean: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#refusal ??= error;
    if (!clean) {
      this.#error = error();
      this.#incoming = undefined;
      this.#incomingBytes = 0;
    }
    for (const receiver of this.#receivers.clear()) {
      if (clean) receiver.resolve(null);
      else receiver.reject(this.#error);
    }
    for (const { done } of this.#outgoing ?? []) done.reject(error());
    this.#outgoing = undefined;
    this.#drained?.resolve();
  }

  get #traffic(): Traffic {
    return this.#context.settings.traffic;
  }

  #dropIncoming(): void {
    this.#droppedIncoming += 1;
    this.#traffic.datagramsDroppedIncoming += 1;
  }

  /** Datagrams that wait to be sent. */
  get #queued(): number {
    return this.#outgoing?.length ?? 0;
  }

  /** What the session's datagrams begin with. */
  get #sessionPrefix(): Uint8Array {
    this.#prefix ??= this.#context.protocol.datagramPrefix(this.#owner.sessionId);
    return this.#prefix;
  }

  #isFullFor(incoming: RingQueue<Incoming>, size: number): boolean {
    return incoming.length >= this.incomingHighWaterMark || this.#incomingBytes + size > maxIncomingBytes;
  }

  get #hasIncoming(): boolean {
    return this.#incoming !== undefined && this.#incoming.length > 0;
  }

  /** Takes the oldest incoming one out. */
  #shift(): Incoming | undefined {
    const oldest = this.#incoming?.shift();
    this.#incomingBytes -= oldest?.bytes.byteLength ?? 0;
    return oldest;
  }

  #hand(bytes: Uint8Array): "queued" | "blocked" | "too-large" | "unsupported" {
    if (!this.#context.datagrams) return "unsupported";
    const result = this.#context.quic.sendDatagram(this.#sessionPrefix, bytes);
    if (result !== "queued") return result;
    this.#sent += 1;
    this.#traffic.datagramsSent += 1;
    const { session } = this.#owner;
    if (session.listens("datagram_sent")) {
      session.publish("datagram_sent", { session, size: bytes.byteLength, timestamp: Date.now() });
    }
    return result;
  }

  #queue(bytes: Uint8Array, options: SignalOption & { readonly ttl?: number }): Promise<void> {
    // A caller that does not wait for `send` must not fill the memory: the oldest is dropped.
    while (this.#queued > 0 && this.#queued >= this.outgoingHighWaterMark) {
      this.#outgoing?.shift()?.done.resolve();
      this.#droppedOutgoing += 1;
      this.#traffic.datagramsDroppedOutgoing += 1;
    }
    const done = new Deferred<void>();
    const ttl = options.ttl ?? this.outgoingMaxAge;
    this.#outgoing ??= new RingQueue();
    this.#outgoing.push({ bytes: Uint8Array.from(bytes), expires: this.#context.now() + ttl, done });
    return untilAborted(done.promise, options.signal);
  }

  /** For senders that get no error: of `trySend`, and of the writable. */
  #tellUnsendable(datagramSize: number, why: "too-large" | "unsupported"): void {
    if (this.#owner.session.listens("datagram_error")) this.#unsendable(datagramSize, why);
  }

  #unsendable(datagramSize: number, why: "too-large" | "unsupported"): DatagramError {
    const maxSize = this.maxDatagramSize;
    const error =
      why === "unsupported"
        ? new DatagramError("Cannot send a datagram: the peer takes none", {
            code: "ERR_WT_DATAGRAM_UNSUPPORTED",
            datagramSize,
            maxSize: 0,
          })
        : new DatagramError(`Cannot send a datagram of ${datagramSize} bytes: at most ${maxSize} fit`, {
            datagramSize,
            maxSize,
          });
    const { session } = this.#owner;
    if (session.listens("datagram_error")) session.publish("datagram_error", { session, error, timestamp: Date.now() });
    return error;
  }
}
