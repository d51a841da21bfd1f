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
import { HandshakeError, ProtocolError, SessionError } from "../../errors/errors.ts";
import type { WebTransportError } from "../../errors/errors.ts";
import type { ProtocolOutput } from "../../protocol/output.ts";
import { ProtocolConnection } from "../../protocol/connection.ts";

import { closeInfoOf, closeInfoOfConnection, connectionErrorOf, rejectionOf } from "../session/close-info.ts";
import type { ConnectionContext, StreamWaiter } from "./context.ts";
import { Deadlines } from "../../async/deadlines.ts";
import type { SessionDriver } from "../session/session-driver.ts";
import type { StreamRecord } from "../streams/stream-record.ts";
import { heldBy } from "../streams/unread.ts";
import type { Holder } from "../streams/unread.ts";
import type { ConnectionSettings } from "./settings.ts";
import { OutgoingStreams } from "./outgoing-streams.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { Deferred } from "../../async/promises.ts";
import type { CloseInfo, Connection, SessionState } from "../types.ts";

type SessionRequestOutput = Extract<ProtocolOutput, { type: "sessionRequest" }>;
type PlainRequestOutput = Extract<ProtocolOutput, { type: "request" }>;
type RequestRefusedOutput = Extract<ProtocolOutput, { type: "requestRefused" }>;

/** Who hears what happens to the connection as a whole. */
export interface ConnectionObserver {
  established(): void;
  sessionRequested(output: SessionRequestOutput): void;
  plainRequested(output: PlainRequestOutput): void;
  requestRefused(output: RequestRefusedOutput): void;
  requestCancelled(sessionId: number, reason: SessionError): void;
  /** GOAWAY of the peer. */
  goingAway(): void;
  sessionMoved(from: SessionState, to: SessionState): void;
  sessionEnded(session: SessionDriver, info: CloseInfo): void;
  streamOpened(): void;
  streamClosed(): void;
  violated(error: WebTransportError): void;
  /** `error` makes what the end is called. */
  ended(info: CloseInfo, error: () => WebTransportError, wasEstablished: boolean): void;
}

/** A client's request that waits for its answer. */
export interface PendingRequest {
  accepted(headers: Extract<ProtocolOutput, { type: "sessionAccepted" }>["headers"], protocol: string): void;
  failed(error: WebTransportError): void;
}

/**
 * Between the engine, the protocol core and the live objects: events of streams that have a live object go there, all
 * others to the core, whose outputs are carried out at once and completely before its next input.
 */
export class ConnectionDriver implements ConnectionListener, ConnectionContext {
  readonly connection: Connection;
  readonly settings: ConnectionSettings;
  readonly protocol: ProtocolConnection;
  readonly sessions = new Map<number, SessionDriver>();
  readonly requests = new Map<number, PendingRequest>();
  readonly receiveWindow: ReceiveWindow;
  /** Fulfilled when the peer's SETTINGS allow sessions. */
  readonly ready = new Deferred<void>();
  readonly #observer: ConnectionObserver;
  readonly #streams = new Map<number, StreamRecord>();
  readonly #finalSizes = new Map<number, (finalSize: number) => void>();
  readonly #outgoing: OutgoingStreams;
  readonly #deadlines: Deadlines;
  /** Streams of the core whose end is written and not acknowledged: answers and goodbyes. */
  readonly #leaving = new Set<number>();
  readonly #awaited = new Set<{ readonly isDone: () => boolean; readonly done: Deferred<void> }>();
  #quic: QuicConnection | undefined;
  #info: ConnectionInfo | undefined;
  #remoteAddress: SocketAddress | undefined;
  #datagrams = false;
  #draft: string | undefined;
  #draining = false;
  #isReady = false;
  #end: ConnectionClosed | undefined;
  #error: WebTransportError | undefined;
  #sendSessions = 0;
  #isPolling = false;
  #inputs: (() => void)[] = [];
  #flushes: (() => void)[] = [];

  constructor(
    connection: Connection,
    observer: ConnectionObserver,
    role: "client" | "server",
    settings: ConnectionSettings,
  ) {
    this.connection = connection;
    this.#observer = observer;
    this.settings = settings;
    this.protocol = new ProtocolConnection({ ...settings.core, role });
    this.receiveWindow = new ReceiveWindow(() => this.quic, settings);
    this.#outgoing = new OutgoingStreams(settings.maxOutgoingStreams, (direction) => this.quic.open(direction));
    this.#deadlines = new Deadlines(settings.now, settings.setTimer, () => {
      this.input((core) => {
        core.handleTimeout(this.now());
      });
    });
  }

  /** The engine's connection; `info` when its handshake has completed already. */
  attach(quic: QuicConnection, info?: ConnectionInfo): void {
    this.#quic = quic;
    if (info !== undefined) this.connected(info);
  }

  // What sessions need.

  get quic(): QuicConnection {
    if (this.#quic === undefined) throw new Error("Invariant broken: the connection has no engine");
    return this.#quic;
  }
  get info(): ConnectionInfo | undefined {
    return this.#info;
  }
  get remoteAddress(): SocketAddress {
    return this.#remoteAddress ?? this.quic.remoteAddress;
  }
  get datagrams(): boolean {
    return this.#datagrams;
  }
  get resetStreamAt(): boolean {
    return this.#info?.resetStreamAt === true;
  }
  /** The newest draft that both sides speak, once it is known. */
  get draft(): string | undefined {
    return this.#draft;
  }
  get isDraining(): boolean {
    return this.#draining;
  }
  get isClosed(): boolean {
    return this.#end !== undefined;
  }
  /** Why the connection has ended. */
  get error(): WebTransportError | undefined {
    return this.#end === undefined ? this.#error : this.#errorOf(this.#end);
  }
  get holders(): readonly Holder[] {
    return [...this.sessions.values()].map((driver) => ({
      name: `session ${driver.session.id}`,
      bytes: heldBy(driver.holders),
    }));
  }
  get counts(): { sessions: number; streams: number; waiters: number; requests: number; deadlines: number } {
    return {
      sessions: this.sessions.size,
      streams: this.#streams.size,
      waiters: this.#outgoing.waiting,
      requests: this.requests.size,
      deadlines: this.#deadlines.size,
    };
  }

  now(): number {
    return this.settings.now();
  }

  after(milliseconds: number, callback: () => void): () => void {
    return this.#deadlines.after(milliseconds, callback);
  }

  /** `failed` is given what the call throws, which may be when whoever has asked for it has returned. */
  input(call: (core: ProtocolConnection) => void, failed?: (error: unknown) => void): void {
    const attempt = (): void => {
      try {
        call(this.protocol);
      } catch (error) {
        if (failed === undefined) throw error;
        failed(error);
      }
    };
    if (this.#isPolling) {
      // The core is mutated only between complete drainings.
      this.#inputs.push(attempt);
      return;
    }
    attempt();
    this.#poll();
    this.#deadlines.setExternal(this.protocol.nextTimeout());
  }

  /** Ends both halves of a stream that nobody knows. */
  abandonStream(streamId: number, code: bigint): void {
    this.quic.stop(streamId, code);
    if (isBidirectional(streamId)) this.quic.reset(streamId, code);
  }

  /** Resolves when the peer has every answer and goodbye, after `limit` milliseconds at the latest. */
  delivered(limit: number): Promise<void> {
    return this.#when(() => this.#leaving.size === 0, limit);
  }

  /** Resolves when the peer has ended every session that this side has, after `limit` milliseconds at the latest. */
  answered(limit: number): Promise<void> {
    return this.#when(() => this.protocol.counts.sessions === 0, limit);
  }

  atEndOfScript(flush: () => void): void {
    this.#flushes.push(flush);
    if (this.#flushes.length > 1) return;
    // Behind every microtask: what the application writes as soon as it has the stream goes out with the prefix.
    process.nextTick(() => {
      const flushes = this.#flushes;
      this.#flushes = [];
      for (const each of flushes) each();
    });
  }

  openStream(waiter: StreamWaiter): void {
    this.#outgoing.open(waiter);
  }

  cancelOpen(waiter: StreamWaiter): void {
    this.#outgoing.cancel(waiter);
  }

  addStream(stream: StreamRecord): void {
    this.#streams.set(stream.streamId, stream);
    this.#observer.streamOpened();
    if (!stream.incoming) this.#outgoing.added();
  }

  removeStream(stream: StreamRecord): void {
    if (!this.#streams.delete(stream.streamId)) return;
    this.#observer.streamClosed();
    if (!stream.incoming) this.#outgoing.removed();
  }

  awaitFinalSize(streamId: number, told: (finalSize: number) => void): void {
    this.#finalSizes.set(streamId, told);
  }

  claimSendSession(): number {
    let isAlone = true;
    for (const { sendGroups } of this.sessions.values()) isAlone &&= sendGroups.session !== 0;
    if (isAlone) return 0;
    this.#sendSessions += 1;
    return this.#sendSessions;
  }

  sessionMoved(from: SessionState, to: SessionState): void {
    this.#observer.sessionMoved(from, to);
  }

  forgetSession(sessionId: number, info: CloseInfo): void {
    const session = this.sessions.get(sessionId);
    if (session === undefined) return;
    this.sessions.delete(sessionId);
    this.#observer.sessionEnded(session, info);
  }

  // What the engine tells.

  connected(info: ConnectionInfo): void {
    this.#info = info;
    this.#remoteAddress = info.remoteAddress;
    const now = this.now();
    this.#observer.established();
    this.input((core) => {
      core.handleConnected(now, { datagrams: info.maxDatagramSize > 0 });
    });
  }

  streamOpened(streamId: number): void {
    this.protocol.handleStreamOpened(streamId, this.now());
    this.#poll();
  }

  data(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      stream.receive?.receive(chunk, fin);
      return;
    }
    this.protocol.handleStreamData(streamId, chunk, fin, this.now());
    this.#poll();
  }

  reset(streamId: number, code: bigint, finalSize: number, reliableSize: number): void {
    const told = this.#finalSizes.get(streamId);
    if (told !== undefined) {
      this.#finalSizes.delete(streamId);
      told(finalSize);
    }
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      stream.owner.streamReset(stream, { code, finalSize, reliableSize });
      return;
    }
    this.protocol.handleStreamReset(streamId, { code, finalSize, reliableSize }, this.now());
    this.#poll();
  }

  stopped(streamId: number, code: bigint): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      stream.owner.streamStopped(stream, code);
      return;
    }
    this.protocol.handleStreamStopped(streamId, code, this.now());
    this.#poll();
  }

  accepted(streamId: number, bytes: number): void {
    this.#streams.get(streamId)?.send?.accepted(bytes);
  }

  finished(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      stream.send?.delivered();
      return;
    }
    this.#leaving.delete(streamId);
    this.#checkAwaited();
    this.sessions.get(streamId)?.connectDelivered();
  }

  streamsAvailable(direction: StreamDirection): void {
    this.#outgoing.available(direction);
  }

  datagram(bytes: Uint8Array): void {
    this.protocol.handleDatagram(bytes, this.now());
    this.#poll();
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
    if (this.#end !== undefined) return;
    this.#end = closed;
    // Made when something needs it: most connections end well, and nobody does.
    const error = (): WebTransportError => this.#errorOf(closed);
    this.#deadlines.clear();
    if (!this.#isReady) this.ready.reject(error());
    const info = closeInfoOfConnection(closed, error);
    for (const session of [...this.sessions.values()]) session.end(info, true);
    for (const stream of [...this.#streams.values()]) stream.owner.streamLost(stream);
    for (const request of [...this.requests.values()]) request.failed(error());
    this.requests.clear();
    this.#finalSizes.clear();
    this.#outgoing.clear();
    this.#leaving.clear();
    this.#checkAwaited();
    this.#deadlines.clear();
    this.receiveWindow.end();
    this.#observer.ended(info, error, this.#info !== undefined);
  }

  turnEnded(): void {
    this.receiveWindow.shrink();
    if (this.#end !== undefined) return;
    this.protocol.handleTurnEnded();
    this.#poll();
    this.#deadlines.setExternal(this.protocol.nextTimeout());
  }

  async #when(isDone: () => boolean, limit: number): Promise<void> {
    if (this.isClosed || isDone()) return;
    const waiting = { isDone, done: new Deferred<void>() };
    this.#awaited.add(waiting);
    const cancel = this.after(limit, waiting.done.resolve);
    await waiting.done.promise;
    this.#awaited.delete(waiting);
    cancel();
  }

  #checkAwaited(): void {
    for (const { isDone, done } of this.#awaited) if (this.isClosed || isDone()) done.resolve();
  }

  #poll(): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    try {
      for (;;) {
        for (let output = this.protocol.pollOutput(); output !== undefined; output = this.protocol.pollOutput()) {
          this.#carryOut(output);
        }
        const inputs = this.#inputs;
        if (inputs.length === 0) return;
        this.#inputs = inputs.slice(1);
        inputs[0]?.();
      }
    } finally {
      this.#isPolling = false;
    }
  }

  #carryOut(output: ProtocolOutput): void {
    const { quic } = this;
    switch (output.type) {
      case "write":
        if (output.fin) this.#leaving.add(output.streamId);
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
        this.#violation(output.code, output.reason);
        quic.close(output.code, output.reason);
        break;
      case "stream":
        this.#acceptStream(output);
        break;
      case "datagram":
        this.sessions.get(output.sessionId)?.datagrams.deliver(output.payload);
        break;
      case "ready":
        this.#datagrams = output.datagrams;
        this.#draft = output.draft === "" ? undefined : output.draft;
        this.#isReady = true;
        this.ready.resolve();
        break;
      case "unsupported":
        this.#fail(
          new HandshakeError(`The peer does not speak WebTransport: ${output.reason}`, {
            code: "ERR_WT_UNSUPPORTED",
            errorCode: Number(WireCodes.WT_REQUIREMENTS_NOT_MET),
            handshakeStage: "settings",
          }),
        );
        break;
      case "sessionRequest":
        this.#observer.sessionRequested(output);
        break;
      case "request":
        this.#observer.plainRequested(output);
        break;
      case "requestData":
      case "requestEnded":
      case "requestAborted":
        // Nothing reads the bodies of requests yet: the core gives them only when it is asked for them.
        break;
      case "requestRefused":
        this.#observer.requestRefused(output);
        break;
      case "requestCancelled": {
        const text = "The client has taken the session request back";
        const error = new SessionError(text, { code: "ERR_WT_SESSION_CANCELLED" });
        this.#observer.requestCancelled(output.sessionId, error);
        // Accepted, but the same input has ended the request before the core could hear of it.
        this.sessions.get(output.sessionId)?.end({ clean: false, by: "peer", error }, true);
        break;
      }
      case "sessionAccepted":
        this.#take(output.sessionId)?.accepted(output.headers, output.protocol);
        break;
      case "sessionRejected":
        this.#take(output.sessionId)?.failed(rejectionOf(output));
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
        this.#checkAwaited();
        break;
      }
      case "goaway":
        this.#draining = true;
        this.#observer.goingAway();
        for (const session of this.sessions.values()) session.drained();
        break;
    }
  }

  #acceptStream(output: Extract<ProtocolOutput, { type: "stream" }>): void {
    const session = this.sessions.get(output.sessionId);
    if (session !== undefined) {
      session.acceptStream(output);
      return;
    }
    this.abandonStream(output.streamId, WireCodes.WT_SESSION_GONE);
  }

  #violation(code: bigint, reason: string): void {
    if (code === WireCodes.H3_NO_ERROR || this.#error !== undefined) return;
    const error = new ProtocolError(`The peer broke the protocol: ${reason}`, { errorCode: Number(code) });
    this.#fail(error);
    this.#observer.violated(error);
  }

  #errorOf(closed: ConnectionClosed): WebTransportError {
    if (this.#error === undefined) {
      const { host, port } = this.remoteAddress;
      const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
      this.#error = connectionErrorOf(closed, address, this.#info !== undefined);
    }
    return this.#error;
  }

  #fail(error: WebTransportError): void {
    this.#error ??= error;
    this.ready.reject(error);
  }

  #take(sessionId: number): PendingRequest | undefined {
    const request = this.requests.get(sessionId);
    this.requests.delete(sessionId);
    return request;
  }
}
