import { isBidirectional } from "../../base/stream-id.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import type {
  ConnectionClosed,
  ConnectionInfo,
  ConnectionListener,
  QuicConnection,
  SocketAddress,
  StreamDirection,
} from "../../engine/engine.ts";
import type { WebTransportError } from "../../errors/errors.ts";
import type { ProtocolOutput } from "../../protocol/output.ts";
import type { ProtocolConnection } from "../../protocol/connection.ts";

import { closeInfoOf, closeInfoOfConnection } from "../session/close-info.ts";
import { SessionDriver } from "../session/session-driver.ts";
import { WebTransportSession } from "../session/session.ts";
import type { SessionDescription } from "../session/session.ts";
import type { StreamRecord } from "../streams/stream-record.ts";
import { heldBy } from "../streams/unread.ts";
import type { Holder } from "../streams/unread.ts";
import type { CloseInfo, SessionState } from "../types.ts";
import { ConnectionClosing } from "./connection-closing.ts";
import { ConnectionStatus } from "./connection-status.ts";
import type { ConnectionFace } from "./connection-status.ts";
import type { WaitingStream } from "./context.ts";
import { CoreDriver } from "./core-driver.ts";
import type { CoreCall, OutputHandler } from "./core-driver.ts";
import type { DriverContext } from "./driver-context.ts";
import type { ConnectionCounts } from "./inspection.ts";
import { OutgoingStreams } from "./outgoing-streams.ts";
import type { ConnectionOwner } from "./owner.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { SessionAnswerer } from "./session-answerer.ts";
import { SessionOpener } from "./session-opener.ts";
import type { ConnectionSettings } from "./settings.ts";

/**
 * Drives a connection, between the engine, the protocol core and the live objects: events of streams that have a live
 * object go there, all others to the core, whose outputs are carried out at once and completely before its next input.
 * {@link WebTransportConnection} is what an application sees of it.
 */
export class ConnectionDriver implements ConnectionListener, DriverContext, OutputHandler {
  readonly connection: ConnectionFace;
  readonly owner: Partial<ConnectionOwner>;
  readonly settings: ConnectionSettings;
  readonly status: ConnectionStatus;
  readonly closing: ConnectionClosing;
  readonly opener: SessionOpener | undefined;
  readonly receiveWindow: ReceiveWindow;
  readonly sessions = new Map<number, SessionDriver>();
  readonly #core: CoreDriver;
  readonly #answerer: SessionAnswerer | undefined;
  readonly #outgoing: OutgoingStreams;
  #quic: QuicConnection | undefined;
  #remoteAddress: SocketAddress | undefined;
  #sendSessions = 0;
  // Created lazily: a connection with an idle session needs none of them.
  #streams: Map<number, StreamRecord> | undefined;
  #finalSizes: Map<number, (finalSize: number) => void> | undefined;

  constructor(
    connection: ConnectionFace,
    owner: Partial<ConnectionOwner>,
    role: "client" | "server",
    settings: ConnectionSettings,
  ) {
    this.connection = connection;
    this.owner = owner;
    this.settings = settings;
    this.#core = new CoreDriver(role, settings, this);
    this.status = new ConnectionStatus(connection, owner);
    this.opener = role === "client" ? new SessionOpener(this) : undefined;
    this.#answerer = role === "server" ? new SessionAnswerer(this) : undefined;
    this.closing = new ConnectionClosing(this, this.#answerer);
    this.receiveWindow = new ReceiveWindow(this, settings);
    this.#outgoing = new OutgoingStreams(settings.maxOutgoingStreams, this);
  }

  /** The engine's connection; `info` when its handshake has completed already. */
  attach(quic: QuicConnection, info?: ConnectionInfo): void {
    this.#quic = quic;
    if (info !== undefined) this.connected(info);
  }

  // For sessions and the connection's parts.

  get quic(): QuicConnection {
    if (this.#quic === undefined) throw new Error("Invariant broken: the connection has no engine");
    return this.#quic;
  }
  get protocol(): ProtocolConnection {
    return this.#core.protocol;
  }
  get remoteAddress(): SocketAddress {
    return this.#remoteAddress ?? this.quic.remoteAddress;
  }
  get datagrams(): boolean {
    return this.status.datagrams;
  }
  get resetStreamAt(): boolean {
    return this.status.info?.resetStreamAt === true;
  }
  get holders(): readonly Holder[] {
    return [...this.sessions.values()].map((driver) => ({
      name: `session ${driver.session.id}`,
      bytes: heldBy(driver.holders),
    }));
  }
  get counts(): ConnectionCounts {
    return {
      sessions: this.sessions.size,
      streams: this.#streams?.size ?? 0,
      waiters: this.#outgoing.waiting,
      requests: (this.opener ?? this.#answerer)?.waiting ?? 0,
      deadlines: this.#core.deadlines,
    };
  }

  now(): number {
    return this.settings.now();
  }

  after(milliseconds: number, callback: () => void): () => void {
    return this.#core.after(milliseconds, callback);
  }

  input(call: CoreCall, failed?: (error: unknown) => void): void {
    this.#core.input(call, failed);
  }

  abandonStream(streamId: number, code: bigint): void {
    this.quic.stop(streamId, code);
    if (isBidirectional(streamId)) this.quic.reset(streamId, code);
  }

  atEndOfScript(flush: () => void): void {
    // After every microtask, so that what the application writes as soon as it has the stream leaves with the prefix.
    process.nextTick(flush);
  }

  openStream(waiter: WaitingStream): void {
    this.#outgoing.open(waiter);
  }

  cancelOpen(waiter: WaitingStream): void {
    this.#outgoing.cancel(waiter);
  }

  addStream(stream: StreamRecord): void {
    this.#streams ??= new Map();
    this.#streams.set(stream.streamId, stream);
    this.owner.streamOpened?.();
    if (!stream.incoming) this.#outgoing.added();
  }

  removeStream(stream: StreamRecord): void {
    if (this.#streams?.delete(stream.streamId) !== true) return;
    this.owner.streamClosed?.();
    if (!stream.incoming) this.#outgoing.removed();
  }

  awaitFinalSize(streamId: number, told: (finalSize: number) => void): void {
    this.#finalSizes ??= new Map();
    this.#finalSizes.set(streamId, told);
  }

  claimSendSession(): number {
    let isAlone = true;
    for (const { sendGroups } of this.sessions.values()) isAlone &&= sendGroups.session !== 0;
    if (isAlone) return 0;
    this.#sendSessions += 1;
    return this.#sendSessions;
  }

  createSession(sessionId: number, description: SessionDescription): WebTransportSession<object, unknown> {
    const driver = new SessionDriver(this, sessionId);
    this.sessions.set(sessionId, driver);
    return new WebTransportSession<object, unknown>(driver, description, this.connection);
  }

  tellReady(session: WebTransportSession<object, unknown>, sessionId: number): void {
    // The client had taken the request back, or the connection has ended.
    if (session.isClosed) return;
    if (session.listens("session_ready")) {
      session.publish("session_ready", { session, timestamp: Date.now() });
    }
    // GOAWAY has come while the session was being opened.
    if (this.status.isDraining) this.sessions.get(sessionId)?.drained();
  }

  sessionMoved(from: SessionState, to: SessionState): void {
    this.owner.sessionMoved?.(from, to);
  }

  forgetSession(sessionId: number, info: CloseInfo): void {
    const driver = this.sessions.get(sessionId);
    if (driver === undefined) return;
    this.sessions.delete(sessionId);
    const { stats } = driver;
    this.status.endedErrors += stats.streamErrors;
    this.owner.sessionEnded?.(driver.session, info, stats);
  }

  // Events of the engine.

  connected(info: ConnectionInfo): void {
    this.#remoteAddress = info.remoteAddress;
    const now = this.now();
    this.status.established(info);
    this.input((core) => {
      core.handleConnected(now, { datagrams: info.maxDatagramSize > 0 });
    });
  }

  streamOpened(streamId: number): void {
    this.protocol.handleStreamOpened(streamId, this.now());
    this.#core.drain();
  }

  data(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    const stream = this.#streams?.get(streamId);
    if (stream !== undefined) {
      stream.receive?.receive(chunk, fin);
      return;
    }
    this.protocol.handleStreamData(streamId, chunk, fin, this.now());
    this.#core.drain();
  }

  reset(streamId: number, code: bigint, finalSize: number, reliableSize: number): void {
    const told = this.#finalSizes?.get(streamId);
    if (told !== undefined) {
      this.#finalSizes?.delete(streamId);
      told(finalSize);
    }
    const stream = this.#streams?.get(streamId);
    if (stream !== undefined) {
      stream.owner.streamReset(stream, { code, finalSize, reliableSize });
      return;
    }
    this.protocol.handleStreamReset(streamId, { code, finalSize, reliableSize }, this.now());
    this.#core.drain();
  }

  stopped(streamId: number, code: bigint): void {
    const stream = this.#streams?.get(streamId);
    if (stream !== undefined) {
      stream.owner.streamStopped(stream, code);
      return;
    }
    this.protocol.handleStreamStopped(streamId, code, this.now());
    this.#core.drain();
  }

  accepted(streamId: number, bytes: number): void {
    this.#streams?.get(streamId)?.send?.accepted(bytes);
  }

  finished(streamId: number): void {
    const stream = this.#streams?.get(streamId);
    if (stream !== undefined) {
      stream.send?.delivered();
      return;
    }
    this.closing.finDelivered(streamId);
    this.sessions.get(streamId)?.connectDelivered();
  }

  streamsAvailable(direction: StreamDirection): void {
    this.#outgoing.available(direction);
  }

  datagram(bytes: Uint8Array): void {
    this.protocol.handleDatagram(bytes, this.now());
    this.#core.drain();
  }

  datagramsWritable(): void {
    for (const session of this.sessions.values()) if (!session.datagrams.writable()) return;
  }

  receiveWindowLow(): void {
    this.receiveWindow.grow();
  }

  addressChanged(remoteAddress: SocketAddress): void {
    this.#remoteAddress = remoteAddress;
  }

  closed(closed: ConnectionClosed): void {
    if (this.status.isClosed) return;
    const error = (): WebTransportError => this.status.errorOf(closed);
    this.#core.clearDeadlines();
    this.status.ended(closed);
    const info = closeInfoOfConnection(closed, error);
    for (const session of [...this.sessions.values()]) session.end(info, true);
    for (const stream of [...(this.#streams?.values() ?? [])]) stream.owner.streamLost(stream);
    this.opener?.end(error);
    this.#finalSizes = undefined;
    this.#outgoing.clear();
    this.closing.end();
    this.#core.clearDeadlines();
    this.receiveWindow.end();
    this.#answerer?.end(error);
    this.status.tellEnd(closed, info);
  }

  turnEnded(): void {
    this.status.lastActivity = Date.now();
    this.receiveWindow.shrink();
    if (this.status.isClosed) return;
    this.#core.turnEnded();
  }

  // Outputs of the core.

  carryOut(output: ProtocolOutput): void {
    const { quic } = this;
    switch (output.type) {
      case "write":
        if (output.fin) this.closing.finWritten(output.streamId);
        quic.write(output.streamId, output.data, output.fin);
        break;
      case "reset":
        quic.reset(output.streamId, output.code);
        break;
      case "stop":
        quic.stop(output.streamId, output.code);
        break;
      case "grant":
        quic.grant(output.streamId, output.bytes);
        break;
      case "closeConnection":
        this.status.violated(output.code, output.reason);
        quic.close(output.code, output.reason);
        break;
      case "stream":
        this.#acceptStream(output);
        break;
      case "datagram":
        this.sessions.get(output.sessionId)?.datagrams.deliver(output.payload);
        break;
      case "ready":
        this.status.settingsKnown(output.draft, output.datagrams);
        break;
      case "unsupported":
        this.status.unsupported(output.reason);
        break;
      case "sessionRequest":
        this.#answerer?.requested(output);
        break;
      case "request":
        this.#answerer?.plainRequested(output.streamId, output.headers);
        break;
      case "requestData":
      case "requestEnded":
      case "requestAborted":
        // Nothing reads the bodies of requests yet: the core gives them only when it is asked for them.
        break;
      case "requestRefused":
        this.#answerer?.refused(output.status, output.cause, output.headers);
        break;
      case "requestCancelled":
        this.#answerer?.cancelled(output.sessionId);
        break;
      case "sessionAccepted":
        this.opener?.accepted(output);
        break;
      case "sessionRejected":
        this.opener?.rejected(output);
        break;
      case "creditRaised":
        this.sessions.get(output.sessionId)?.flow?.raised(output.resource);
        break;
      case "sessionDraining":
        this.sessions.get(output.sessionId)?.drained();
        break;
      case "sessionClosed": {
        const session = this.sessions.get(output.sessionId);
        session?.end(closeInfoOf(output.info, session.session.id), true);
        this.closing.check();
        break;
      }
      case "goaway":
        this.status.goingAway();
        this.opener?.goingAway();
        for (const session of this.sessions.values()) session.drained();
        break;
    }
  }

  #acceptStream(output: Extract<ProtocolOutput, { type: "stream" }>): void {
    const session = this.sessions.get(output.sessionId);
    if (session === undefined) this.abandonStream(output.streamId, WireCodes.WT_SESSION_GONE);
    else session.acceptStream(output);
  }
}
