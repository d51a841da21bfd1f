import { invariant } from "../../base/invariant.ts";
import type { QuicConnection, StreamDirection } from "../../engine/engine.ts";
import type { SessionError } from "../../errors/errors.ts";
import type { ProtocolOutput } from "../../protocol/output.ts";
import type { ConnectionContext } from "../connection/context.ts";
import { DatagramQueue } from "../datagrams/datagram-queue.ts";
import { BufferBudget } from "../streams/buffer-budget.ts";
import type { StreamRecord } from "../streams/stream-record.ts";
import type { Holder } from "../streams/unread.ts";
import type { CloseInfo, CloseOptions, CreateStreamOptions, SessionState, SessionStats } from "../types.ts";

import { controlSession, SendGroups } from "./send-groups.ts";
import { SessionAccounts } from "./session-accounts.ts";
import { checkCloseOptions, SessionClosing } from "./session-closing.ts";
import type { ClosingSession } from "./session-closing.ts";
import type { SessionFace } from "./session-face.ts";
import { SessionFlow } from "./session-flow.ts";
import { SessionLifecycle } from "./session-lifecycle.ts";
import { SessionStreams } from "./session-streams.ts";
import type { StreamsSession } from "./session-streams.ts";
import { StreamOpenings } from "./stream-openings.ts";
import type { OpeningSession } from "./stream-openings.ts";

/** What a session does, cut into its parts; {@link WebTransportSession} is what an application sees of it. */
export class SessionDriver implements StreamsSession, OpeningSession, ClosingSession {
  readonly sessionId: number;
  readonly context: ConnectionContext;
  readonly accounts: SessionAccounts;
  readonly lifecycle: SessionLifecycle;
  readonly streams: SessionStreams;
  readonly openings: StreamOpenings;
  readonly datagrams: DatagramQueue;
  /** Undefined where the session's streams and bytes are not limited. */
  readonly flow: SessionFlow | undefined;
  readonly createdAt = Date.now();
  /** As of `settings.now()`: the system's clock may be set meanwhile. */
  readonly #began: number;
  #ended: number | undefined;
  #closing: SessionClosing | undefined;
  #face: SessionFace | undefined;
  #abort: AbortController | undefined;

  constructor(context: ConnectionContext, sessionId: number) {
    this.context = context;
    this.sessionId = sessionId;
    this.#began = context.settings.now();
    const control = context.protocol.flowControl(sessionId);
    this.flow = control === undefined ? undefined : new SessionFlow(sessionId, context, control);
    const { maxSessionBufferSize, totalBudget, datagramHighWaterMark, traffic } = context.settings;
    const budget = new BufferBudget(maxSessionBufferSize, totalBudget, this.flow);
    this.accounts = new SessionAccounts(budget, new SendGroups(context.claimSendSession()), this.flow, traffic);
    context.quic.setPriority(sessionId, controlSession, 0, 0);
    this.lifecycle = new SessionLifecycle(this);
    this.streams = new SessionStreams(this);
    this.openings = new StreamOpenings(this);
    this.datagrams = new DatagramQueue(this, datagramHighWaterMark);
  }

  get session(): SessionFace {
    invariant(this.#face !== undefined, "the session has no public object");
    return this.#face;
  }
  set session(face: SessionFace) {
    this.#face = face;
  }
  get quic(): QuicConnection {
    return this.context.quic;
  }
  get sendGroups(): SendGroups {
    return this.accounts.sendGroups;
  }

  // What the connection tells.

  acceptStream(output: Extract<ProtocolOutput, { type: "stream" }>): void {
    this.streams.accept(output);
  }

  drained(): void {
    this.lifecycle.drained();
  }

  /**
   * Datagrams must leave after the answer: QUIC puts DATAGRAM frames before the bytes of streams into a packet, and
   * browsers drop the datagrams of a session that they have not seen accepted.
   */
  holdDatagrams(): void {
    this.datagrams.hold();
    setImmediate(() => {
      this.datagrams.release();
    });
  }

  /** The CONNECT stream's bytes and FIN are acknowledged, and with them our close capsule. */
  connectDelivered(): void {
    this.settle();
  }

  /** The session has ended: its streams and datagrams end at once, `closed` when `settled`. */
  end(info: CloseInfo, settled: boolean): void {
    if (this.lifecycle.end(info)) {
      this.#ended = this.context.settings.now();
      this.#endParts(info);
    }
    if (settled) this.settle();
  }

  settle(): void {
    if (this.lifecycle.hasEnded) this.#closing?.done();
    this.lifecycle.settle();
  }

  #endParts(info: CloseInfo): void {
    const error = (): SessionError => this.lifecycle.errorOf(info);
    // Streams that wait to be opened come first: the end of the session's other streams would open them.
    this.flow?.end();
    this.openings.end(error);
    this.streams.end(error, info.clean && info.by === "peer");
    this.datagrams.end(error, info.clean);
    this.streams.incoming.end(info.clean ? undefined : error());
    this.accounts.budget.detach();
    this.#abort?.abort(error());
  }

  // What its parts ask for.

  get refusal(): SessionError | undefined {
    return this.lifecycle.error ?? this.#closing?.refusal;
  }

  openStream(streamId: number, direction: StreamDirection, options: CreateStreamOptions): StreamRecord {
    return this.streams.open(streamId, direction, options);
  }

  streamsChanged(): void {
    this.#closing?.check();
  }

  // What the application asks for.

  get state(): SessionState {
    return this.lifecycle.state;
  }

  get holders(): readonly Holder[] {
    return this.streams.holders;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.lifecycle.hasEnded) this.#abort.abort(this.lifecycle.error);
    }
    return this.#abort.signal;
  }

  get stats(): SessionStats {
    const { accounts } = this;
    const { sent, received, droppedIncoming, droppedOutgoing } = this.datagrams.stats;
    const duration = Math.round((this.#ended ?? this.context.settings.now()) - this.#began);
    return {
      createdAt: this.createdAt,
      closedAt: this.#ended === undefined ? undefined : this.createdAt + duration,
      duration,
      streamsOpened: accounts.streamsOpened,
      streamsAccepted: accounts.streamsAccepted,
      bidirectionalStreams: accounts.streamsOpened + accounts.streamsAccepted - accounts.unidirectionalStreams,
      unidirectionalStreams: accounts.unidirectionalStreams,
      streamsActive: this.streams.records.size,
      streamErrors: accounts.streamErrors,
      bytesSent: accounts.bytesSent,
      bytesReceived: accounts.bytesReceived,
      datagramsSent: sent,
      datagramsReceived: received,
      datagramsDropped: droppedIncoming + droppedOutgoing,
      bufferedBytes: accounts.budget.used,
    };
  }

  /** The first call decides code and reason; a later one with `abort` only ends the waiting for delivery. */
  close(options: CloseOptions): Promise<void> {
    checkCloseOptions(options);
    const { lifecycle } = this;
    if (!lifecycle.hasEnded) {
      this.#closing ??= new SessionClosing(this, options);
      if (options.abort === true) this.#closing.sayGoodbye();
    }
    return lifecycle.close;
  }

  drain(): void {
    if (!this.lifecycle.hasEnded) this.context.input((core) => core.drainSession(this.sessionId));
  }
}
