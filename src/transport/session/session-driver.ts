import { WireCodes } from "../../constants/wire-codes.ts";
import type { QuicConnection, StreamDirection } from "../../engine/engine.ts";
import { TimeoutError } from "../../errors/errors.ts";
import type { DatagramError, SessionError } from "../../errors/errors.ts";
import type { ProtocolOutput, StreamReset } from "../../protocol/output.ts";

import { WebTransportStream } from "../streams/bidirectional-stream.ts";
import { BufferBudget } from "../streams/buffer-budget.ts";
import { sessionErrorOf } from "./close-info.ts";
import type { ConnectionContext, StreamWaiter } from "../connection/context.ts";
import { DatagramQueue } from "../datagrams/datagram-queue.ts";
import type { DatagramHost } from "../datagrams/datagram-queue.ts";
import { IncomingStreams } from "./incoming-streams.ts";
import { endedByPeer } from "../streams/stream-errors.ts";
import { StreamRecord } from "../streams/stream-record.ts";
import type { StreamOwner } from "../streams/stream-record.ts";
import { onAbort } from "../../async/abort.ts";
import { Deferred, rejected } from "../../async/promises.ts";
import { WebTransportReceiveStream } from "../streams/receive-stream.ts";
import { controlSession, SendGroups } from "./send-groups.ts";
import { WebTransportSendStream } from "../streams/send-stream.ts";
import type { Holder } from "../streams/unread.ts";
import { SessionClosing } from "./session-closing.ts";
import { SessionAccounts } from "./session-accounts.ts";
import { SessionFlow } from "./session-flow.ts";
import type { SessionEventMap } from "../events.ts";
import type {
  Bytes,
  CloseInfo,
  CloseOptions,
  CreateStreamOptions,
  Session,
  SessionState,
  SessionStats,
} from "../types.ts";

/** The session's public object, as far as its live part uses it. */
export interface SessionFace extends Session {
  listens(type: string): boolean;
  publish<Type extends keyof SessionEventMap>(type: Type, payload: SessionEventMap[Type]): boolean;
}

/** Milliseconds in which what the peer had sent before it closed the session still arrives. */
const lingerTime = 1000;

type StreamOutput = Extract<ProtocolOutput, { type: "stream" }>;

/** What a session does; {@link WebTransportSession} is what an application sees of it. */
export class SessionDriver implements StreamOwner, DatagramHost {
  readonly sessionId: number;
  readonly context: ConnectionContext;
  readonly accounts: SessionAccounts;
  readonly datagrams: DatagramQueue;
  readonly incoming = new IncomingStreams();
  readonly createdAt = Date.now();
  readonly prefix: Uint8Array;
  /** Undefined where the session's streams and bytes are not limited. */
  readonly flow: SessionFlow | undefined;
  /** Settles once, when the session has ended on the wire. */
  readonly closed = new Deferred<CloseInfo>();
  readonly draining = new Deferred<void>();
  readonly #streams = new Set<StreamRecord>();
  readonly #waiters = new Set<{ readonly waiter: StreamWaiter; readonly fail: (error: unknown) => void }>();
  readonly #closing: SessionClosing;
  #face: SessionFace | undefined;
  #error: SessionError | undefined;
  /** Set when the session has ended for its children. */
  #info: CloseInfo | undefined;
  #isDraining = false;
  #isSettled = false;
  /** What the connection was told last. */
  #toldState: SessionState = "connected";
  #abort: AbortController | undefined;

  constructor(context: ConnectionContext, sessionId: number) {
    this.context = context;
    this.sessionId = sessionId;
    const control = context.protocol.flowControl(sessionId);
    this.flow = control === undefined ? undefined : new SessionFlow(sessionId, context, control);
    const budget = new BufferBudget(context.settings.maxSessionBufferSize, context.settings.totalBudget, this.flow);
    this.accounts = new SessionAccounts(budget, new SendGroups(context.claimSendSession()), this.flow);
    context.quic.setPriority(sessionId, controlSession, 0, 0);
    this.prefix = context.protocol.datagramPrefix(sessionId);
    this.datagrams = new DatagramQueue(this, context.settings.datagramHighWaterMark);
    this.#closing = new SessionClosing(this);
  }

  // What streams and datagrams need.

  get session(): SessionFace {
    if (this.#face === undefined) throw new Error("Invariant broken: the session has no public object");
    return this.#face;
  }
  set session(face: SessionFace) {
    this.#face = face;
  }
  get quic(): QuicConnection {
    return this.context.quic;
  }
  get budget(): BufferBudget {
    return this.accounts.budget;
  }
  get sendGroups(): SendGroups {
    return this.accounts.sendGroups;
  }
  get supported(): boolean {
    return this.context.datagrams;
  }
  now(): number {
    return this.context.now();
  }
  after(milliseconds: number, callback: () => void): () => void {
    return this.context.after(milliseconds, callback);
  }

  streamChanged(stream: StreamRecord): void {
    if (stream.over && this.#streams.delete(stream)) {
      this.context.removeStream(stream);
      if (stream.incoming) this.flow?.streamEnded(directionOf(stream.streamId));
      const { error } = stream;
      if (error !== undefined) this.#tellStream("stream_error", stream, error);
      this.#tellStream("stream_closed", stream);
    }
    this.#closing.check();
  }

  /**
   * Datagrams leave when the answer has left: QUIC puts DATAGRAM frames before the bytes of streams into a packet, and
   * browsers drop the datagrams of a session that they have not seen accepted.
   */
  holdDatagrams(): void {
    this.datagrams.hold();
    setImmediate(() => {
      this.datagrams.release();
    });
  }

  datagramReceived(data: Bytes): void {
    const { session } = this;
    if (session.listens("datagram_received"))
      session.publish("datagram_received", { session, data, timestamp: Date.now() });
  }
  datagramSent(size: number): void {
    const { session } = this;
    if (session.listens("datagram_sent")) session.publish("datagram_sent", { session, size, timestamp: Date.now() });
  }
  datagramFailed(error: DatagramError): void {
    const { session } = this;
    if (session.listens("datagram_error")) session.publish("datagram_error", { session, error, timestamp: Date.now() });
  }

  // What the connection tells.

  acceptStream(output: StreamOutput): void {
    const { streamId, prefixLength, chunks, fin, reset, stopped } = output;
    const bidirectional = directionOf(streamId) === "bidirectional";
    if (this.#hasEnded() || this.#hasTooManyPending()) {
      // Draft §4.6: nobody will read it; the session's end has a code of its own.
      const code = this.#hasEnded() ? WireCodes.WT_SESSION_GONE : WireCodes.WT_BUFFERED_STREAM_REJECTED;
      this.quic.stop(streamId, code);
      if (bidirectional) this.quic.reset(streamId, code);
      this.flow?.streamEnded(directionOf(streamId));
      // Behind a FIN that has been delivered nothing more is told.
      const delivered = chunks.reduce((size, chunk) => size + chunk.byteLength, prefixLength);
      this.#skip(streamId, prefixLength, 0, reset?.finalSize ?? (fin ? delivered : undefined));
      return;
    }
    this.accounts.streamsAccepted += 1;
    const stream = new StreamRecord(this, streamId, bidirectional ? "both" : "receive", prefixLength);
    this.#add(stream);
    chunks.forEach((chunk, index) => stream.receive?.receive(chunk, fin && index === chunks.length - 1));
    if (fin && chunks.length === 0) stream.receive?.receive(new Uint8Array(0), true);
    // One of them may have been too many for the session.
    if (this.#hasEnded()) return;
    if (reset !== undefined) this.streamReset(stream, reset);
    if (stopped !== undefined) this.streamStopped(stream, stopped);
    this.incoming.push(bidirectional ? new WebTransportStream(stream) : new WebTransportReceiveStream(stream));
  }

  streamLost(stream: StreamRecord): void {
    if (this.#info !== undefined) this.#endStream(stream, this.#errorOf(this.#info), false);
  }

  streamStoppedEarly(stream: StreamRecord, received: number): void {
    this.#skip(stream.streamId, stream.receivePrefixLength, received, undefined);
  }

  streamReset(stream: StreamRecord, reset: StreamReset): void {
    const { receive, receivePrefixLength } = stream;
    const { code: wireCode, finalSize } = reset;
    if (receive?.over === false) this.#skip(stream.streamId, receivePrefixLength, receive.received, finalSize);
    if (this.#info !== undefined) {
      receive?.fail(this.#errorOf(this.#info));
      return;
    }
    const error = endedByPeer(stream.streamId, wireCode, "reset");
    // Draft §4.6: the reset may overtake the session's own end, which says more.
    if (wireCode === WireCodes.WT_SESSION_GONE)
      stream.awaitSessionEnd("receive", error, this.context.settings.closeTimeout);
    else receive?.receiveReset(error, reset.reliableSize - receivePrefixLength);
  }

  streamStopped(stream: StreamRecord, wireCode: bigint): void {
    const error = endedByPeer(stream.streamId, wireCode, "stop");
    if (wireCode === WireCodes.WT_SESSION_GONE)
      stream.awaitSessionEnd("send", error, this.context.settings.closeTimeout);
    else stream.send?.stopped(error);
  }

  drained(): void {
    if (this.#isDraining || this.#info !== undefined) return;
    this.#isDraining = true;
    this.#stateChanged();
    this.draining.resolve();
    const { session } = this;
    if (session.listens("session_draining")) session.publish("session_draining", { session, timestamp: Date.now() });
  }

  /** The CONNECT stream's bytes and FIN, with them a close capsule of ours, are acknowledged. */
  connectDelivered(): void {
    if (this.#info !== undefined) this.settle();
  }

  /** The session has ended: for its children at once, for `closed` when nothing more is to be waited for. */
  end(info: CloseInfo, settled: boolean): void {
    if (this.#info === undefined) {
      this.#info = info;
      this.#stateChanged();
      // Made when something needs it: most sessions end well, and nobody does.
      const error = (): SessionError => this.#errorOf(info);
      // First those who wait for a stream: the end of the session's streams would give them one.
      this.flow?.end();
      for (const { waiter, fail } of [...this.#waiters]) {
        this.#cancelOpen(waiter);
        fail(error());
      }
      for (const stream of [...this.#streams]) this.#endStream(stream, error(), info.clean && info.by === "peer");
      this.datagrams.end(error, info.clean);
      this.incoming.end(info.clean ? undefined : error());
      this.budget.detach();
      this.#abort?.abort(error());
    }
    if (settled) this.settle();
  }

  settle(): void {
    if (this.#isSettled || this.#info === undefined) return;
    this.#isSettled = true;
    this.#stateChanged();
    this.context.forgetSession(this.sessionId, this.#info);
    this.#closing.done();
    this.closed.resolve(this.#info);
    const { session } = this;
    if (session.listens("session_closed")) {
      session.publish("session_closed", { session, info: this.#info, timestamp: Date.now() });
    }
  }

  // What the application asks for.

  get state(): SessionState {
    if (this.#isSettled) return "closed";
    if (this.#closing.started || this.#info !== undefined) return "closing";
    return this.#isDraining ? "draining" : "connected";
  }

  get streams(): ReadonlySet<StreamRecord> {
    return this.#streams;
  }

  /** Its streams, and the unread bytes of each: here and in the engine. */
  get holders(): readonly Holder[] {
    return [...this.#streams].map(({ streamId, receive }) => ({
      name: `stream ${streamId}`,
      bytes: receive === undefined ? 0 : receive.buffered + this.quic.unreadBytes(streamId),
    }));
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#info !== undefined) this.#abort.abort(this.#errorOf(this.#info));
    }
    return this.#abort.signal;
  }

  get stats(): SessionStats {
    const { accounts } = this;
    const { sent, received, droppedIncoming, droppedOutgoing } = this.datagrams.stats;
    return {
      createdAt: this.createdAt,
      duration: Date.now() - this.createdAt,
      streamsOpened: accounts.streamsOpened,
      streamsAccepted: accounts.streamsAccepted,
      streamsActive: this.#streams.size,
      streamErrors: accounts.streamErrors,
      bytesSent: accounts.bytesSent,
      bytesReceived: accounts.bytesReceived,
      datagramsSent: sent,
      datagramsReceived: received,
      datagramsDropped: droppedIncoming + droppedOutgoing,
      bufferedBytes: accounts.budget.used,
    };
  }

  close(options: CloseOptions): Promise<void> {
    const closed = this.#closing.start(options);
    this.#stateChanged();
    return closed;
  }

  drain(): void {
    if (this.#info === undefined) this.context.input((core) => core.drainSession(this.sessionId));
  }

  createBidirectionalStream(options: CreateStreamOptions = {}): Promise<WebTransportStream> {
    return this.#create("bidirectional", options, (stream) => new WebTransportStream(stream));
  }

  createUnidirectionalStream(options: CreateStreamOptions = {}): Promise<WebTransportSendStream> {
    return this.#create("unidirectional", options, (stream) => new WebTransportSendStream(stream));
  }

  #create<S>(direction: StreamDirection, options: CreateStreamOptions, wrap: (stream: StreamRecord) => S): Promise<S> {
    const ended = this.#info === undefined ? this.#closing.refusal : this.#errorOf(this.#info);
    const refusal = ended ?? this.sendGroups.refusal(options.sendGroup) ?? orderRefusal(options.sendOrder);
    if (refusal !== undefined) return rejected(refusal);
    const { signal } = options;
    if (signal?.aborted === true) return rejected(signal.reason);
    const slot: { stream?: S; waiting?: Deferred<S> } = {};
    const waiter: StreamWaiter = {
      direction,
      opened: (streamId) => {
        slot.stream = wrap(this.#open(streamId, direction, options));
        slot.waiting?.resolve(slot.stream);
      },
    };
    if (this.flow === undefined) this.context.openStream(waiter);
    else this.flow.open(waiter);
    if (slot.stream !== undefined) return Promise.resolve(slot.stream);
    slot.waiting = new Deferred<S>();
    this.#wait(waiter, slot.waiting, options);
    return slot.waiting.promise;
  }

  #wait<S>(waiter: StreamWaiter, waiting: Deferred<S>, options: CreateStreamOptions): void {
    const { signal, timeout = this.context.settings.streamCreationTimeout } = options;
    const entry = {
      waiter,
      fail: (error: unknown): void => {
        waiting.reject(error);
      },
    };
    this.#waiters.add(entry);
    const give = (error: unknown): void => {
      this.#cancelOpen(waiter);
      waiting.reject(error);
    };
    const endAbort = onAbort(signal, () => {
      give(signal?.reason);
    });
    const operation = `create ${waiter.direction} stream`;
    const cancelTimeout =
      timeout === 0
        ? undefined
        : this.after(timeout, () => {
            const text = `Cannot ${operation}: the peer's limit has allowed none for ${timeout} ms`;
            give(new TimeoutError(text, { operation, timeoutDuration: timeout }));
          });
    const end = (): void => {
      this.#waiters.delete(entry);
      cancelTimeout?.();
      endAbort();
    };
    waiting.promise.then(end, end);
  }

  #open(streamId: number, direction: StreamDirection, options: CreateStreamOptions): StreamRecord {
    this.accounts.streamsOpened += 1;
    const prefix = this.context.protocol.streamPrefix(this.sessionId, direction);
    const halves = direction === "bidirectional" ? "both" : "send";
    const stream = new StreamRecord(this, streamId, halves, prefix, options);
    this.#add(stream);
    return stream;
  }

  #cancelOpen(waiter: StreamWaiter): void {
    if (this.flow === undefined) this.context.cancelOpen(waiter);
    else this.flow.cancelOpen(waiter);
  }

  /** What the peer sends beyond the `received` bytes of the body is not read, but counts: all that the final size says. */
  #skip(streamId: number, prefixLength: number, received: number, finalSize: number | undefined): void {
    const { flow } = this;
    if (flow === undefined || this.#info !== undefined) return;
    const skip = (size: number): void => {
      flow.skipped(size - prefixLength - received);
    };
    if (finalSize === undefined) this.context.awaitFinalSize(streamId, skip);
    else skip(finalSize);
  }

  #add(stream: StreamRecord): void {
    this.#streams.add(stream);
    this.context.addStream(stream);
    this.#tellStream("stream_opened", stream);
  }

  #endStream(stream: StreamRecord, error: SessionError, lingers: boolean): void {
    const { receive, send, streamId } = stream;
    send?.abandon(error, WireCodes.WT_SESSION_GONE);
    if (receive === undefined || receive.over) return;
    if (lingers && !stream.receiveOrphaned) {
      receive.linger(this.context.settings.maxStreamBufferSize);
      stream.unlessOver(lingerTime, () => {
        this.#endStream(stream, error, false);
      });
      return;
    }
    this.quic.stop(streamId, WireCodes.WT_SESSION_GONE);
    receive.fail(error);
  }

  /** What a child of the ended session is told. */
  #errorOf(info: CloseInfo): SessionError {
    this.#error ??= sessionErrorOf(info, this.session.id);
    return this.#error;
  }

  #stateChanged(): void {
    const from = this.#toldState;
    const to = this.state;
    if (from === to) return;
    this.#toldState = to;
    this.context.sessionMoved(from, to);
  }

  #hasEnded(): boolean {
    return this.#info !== undefined;
  }

  #hasTooManyPending(): boolean {
    const { length } = this.incoming;
    return length >= this.context.settings.maxPendingStreams || (length > 0 && this.budget.exhausted);
  }

  #tellStream(type: "stream_opened" | "stream_closed" | "stream_error", stream: StreamRecord, error?: unknown): void {
    const { session } = this;
    if (!session.listens(type)) return;
    const direction =
      stream.receive === undefined ? "send_only" : stream.send === undefined ? "receive_only" : "bidirectional";
    const initiator = stream.incoming ? "peer" : "local";
    const event = { session, streamId: stream.streamId, direction, initiator, timestamp: Date.now() } as const;
    if (type === "stream_error") session.publish(type, { ...event, error });
    else session.publish(type, event);
  }
}

/** Before there is a stream: an engine takes nothing else. */
function orderRefusal(sendOrder: unknown = 0): TypeError | undefined {
  return typeof sendOrder === "number" ? undefined : new TypeError("Cannot use a sendOrder that is no number");
}

function directionOf(streamId: number): StreamDirection {
  return (streamId & 2) === 0 ? "bidirectional" : "unidirectional";
}
