import { X509Certificate } from "node:crypto";

import { WireCodes } from "../../constants/wire-codes.ts";
import type { ConnectionInfo, ConnectionListener, ConnectionStats, QuicConnection } from "../../engine/engine.ts";
import { ConfigurationError, ConnectionError, SessionError, TimeoutError } from "../../errors/errors.ts";
import type { WebTransportError } from "../../errors/errors.ts";
import { TypedEmitter } from "../../events/emitter.ts";
import type { HeaderList, ProtocolOutput } from "../../protocol/output.ts";
import type { SessionResponse } from "../../protocol/webtransport/server-requests.ts";
import { protocolsFault } from "../../protocol/webtransport/subprotocols.ts";

import { checkCloseCode, checkCloseReason } from "../session/close-code.ts";
import type { ConnectionEventMap } from "../events.ts";
import { diagnoseConnection } from "./inspection.ts";
import { FieldList } from "../session/field-list.ts";
import { requestTooLarge, responseTooLarge } from "../session/header-section-errors.ts";
import { ConnectionDriver } from "./connection-driver.ts";
import type { ConnectionObserver } from "./connection-driver.ts";
import { SessionDriver } from "../session/session-driver.ts";
import { connectionSettings } from "./settings.ts";
import type { ConnectionSettings } from "./settings.ts";
import type { ConnectionOwner, RefusedRequest } from "./owner.ts";
import { Deferred, rejected, untilAborted } from "../../async/promises.ts";
import { IncomingSession } from "../session/request.ts";
import type { RequestHost } from "../session/request.ts";
import { WebTransportSession } from "../session/session.ts";
import type { SessionDescription } from "../session/session.ts";
import type { Address, CloseInfo, Connection, ConnectionState, HeadersInput, SignalOption } from "../types.ts";

export interface ConnectionOptions {
  readonly role: "client" | "server";
  /** The engine's connection, or (a client) how to make it with the listener given. */
  readonly quic: QuicConnection | ((listener: ConnectionListener) => QuicConnection);
  /** Of a connection whose handshake has completed (a server's). */
  readonly info?: ConnectionInfo;
  /** Answers session requests and keeps account. */
  readonly owner?: Partial<ConnectionOwner>;
  /** Of {@link connectionSettings}. Default: those of no options. */
  readonly settings?: ConnectionSettings;
}

export interface OpenSessionOptions extends SignalOption {
  readonly url: URL | string;
  readonly headers?: HeadersInput;
  /** Subprotocols to offer, most preferred first: different ones of 1 to 512 printable ASCII characters. */
  readonly protocols?: readonly string[];
  /** Milliseconds until the session is established; then TimeoutError. Default: no limit. */
  readonly timeout?: number;
  /** The session's `locals`. */
  readonly locals?: unknown;
}

export interface CloseConnectionOptions {
  /** Of the sessions, 0 to 2^32 - 1. Default 0. */
  readonly code?: number;
  readonly reason?: string;
  /** Do not wait until answers and the sessions' ends are delivered. Default false. */
  readonly abort?: boolean;
}

/** A session that a client opens. */
interface Opening {
  readonly promise: Promise<WebTransportSession>;
  /** Takes it back. */
  cancel(reason: unknown): void;
  /** The request is on its way. */
  isSent(): boolean;
}

/** Milliseconds that a peer has to answer a session's end before its connection is closed. */
const goodbyeTimeout = 2000;

let connections = 0;

/** A QUIC connection that carries WebTransport sessions. Its engine's events go to {@link listener}. */
export class WebTransportConnection extends TypedEmitter<ConnectionEventMap> implements Connection {
  readonly id: string;
  readonly role: "client" | "server";
  readonly #driver: ConnectionDriver;
  readonly #settings: ConnectionSettings;
  readonly #owner: Partial<ConnectionOwner>;
  readonly #requests = new Map<number, IncomingSession>();
  /** Sessions that are being opened. */
  readonly #openings = new Set<Opening>();
  readonly #requestHost: RequestHost = {
    accept: (sessionId, headers, description) => this.#accept(sessionId, headers, description),
    reject: (sessionId, status, headers) => this.#reject(sessionId, status, headers),
  };
  readonly #closed = new Deferred<CloseInfo>();
  #closing: Promise<CloseInfo> | undefined;
  /** Made when it is first asked for. */
  #peerCertificate: X509Certificate | undefined;
  /** What the owner was told last. */
  #toldState: ConnectionState = "connected";

  constructor(options: ConnectionOptions) {
    const { settings = connectionSettings({}) } = options;
    super({ parent: settings.events });
    connections += 1;
    this.id = `${options.role}-${connections}`;
    this.role = options.role;
    this.#owner = options.owner ?? {};
    this.#settings = settings;
    const observer: ConnectionObserver = {
      established: () => this.#established(),
      sessionRequested: (output) => this.#sessionRequested(output),
      requestRefused: ({ status, cause, headers }) => this.#refused(status, cause, headers),
      requestCancelled: (sessionId, reason) => this.#requestCancelled(sessionId, reason),
      goingAway: () => this.#goingAway(),
      sessionMoved: (from, to) => this.#owner.sessionMoved?.(from, to),
      sessionEnded: ({ session, stats }, info) => this.#owner.sessionEnded?.(session, info, stats),
      streamOpened: () => this.#owner.streamOpened?.(),
      streamClosed: () => this.#owner.streamClosed?.(),
      violated: (error) => this.#violated(error),
      ended: (info, error, wasEstablished) => this.#ended(info, error, wasEstablished),
    };
    this.#driver = new ConnectionDriver(this, observer, options.role, this.#settings);
    const { quic } = options;
    this.#driver.attach(typeof quic === "function" ? quic(this.#driver) : quic, options.info);
  }

  /** What the engine reports to. */
  get listener(): ConnectionListener {
    return this.#driver;
  }
  get localAddress(): Address {
    return this.#driver.quic.localAddress;
  }
  get remoteAddress(): Address {
    return this.#driver.remoteAddress;
  }
  get sessions(): readonly WebTransportSession<object, unknown>[] {
    return [...this.#driver.sessions.values()].map(
      (driver) => driver.session as unknown as WebTransportSession<object, unknown>,
    );
  }
  get state(): ConnectionState {
    if (this.#driver.isClosed) return "closed";
    if (this.#driver.info === undefined) return "connecting";
    return this.#driver.isDraining || this.#closing !== undefined ? "draining" : "connected";
  }
  /** Fulfilled when the peer's SETTINGS allow sessions; rejected when they do not, or the connection ends before. */
  get ready(): Promise<void> {
    return this.#driver.ready.promise;
  }
  /** TLS server name that the client asked for. */
  get serverName(): string | undefined {
    return this.#driver.info?.serverName;
  }
  /**
   * The newest draft of WebTransport that both sides speak, by the first draft that has its setting: "draft-02",
   * "draft-07", "draft-13" or "draft-15". Undefined until the peer's SETTINGS have come, and when there is none.
   */
  get draft(): string | undefined {
    return this.#driver.draft;
  }
  /** Client: how many sessions the server allows here at a time; 1 until its SETTINGS have come. */
  get simultaneousSessions(): number {
    return this.#driver.protocol.simultaneousSessions;
  }
  /** The peer's certificate, if it gave one: at a server a client's, which `caCerts` has verified. */
  get peerCertificate(): X509Certificate | undefined {
    const der = this.#driver.info?.peerCertificates[0];
    this.#peerCertificate ??= der && new X509Certificate(der);
    return this.#peerCertificate;
  }
  /** How the connection ended; never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#closed.promise;
  }
  /** What is alive; all 0 once the connection has closed. */
  get counts(): {
    readonly sessions: number;
    readonly streams: number;
    readonly waiters: number;
    readonly requests: number;
    readonly deadlines: number;
  } {
    const counts = this.#driver.counts;
    return { ...counts, requests: counts.requests + this.#requests.size };
  }

  getStats(): ConnectionStats {
    return this.#driver.quic.getStats();
  }

  /** What all streams of the connection wait for and who holds it, with figures; empty when there is nothing. */
  diagnoseIssues(): string[] {
    return this.#driver.isClosed ? [] : diagnoseConnection(this.#driver);
  }

  /** Tells the peer to open no further sessions here. */
  goaway(): void {
    this.#driver.input((core) => {
      core.sendGoaway();
    });
  }

  /** Ends every session with code and reason, and then the connection. Resolves when it has ended. Throws RangeError, TypeError. */
  close(options: CloseConnectionOptions = {}): Promise<CloseInfo> {
    checkCloseCode(options.code);
    checkCloseReason(options.reason);
    this.#closing ??= this.#close(options);
    this.#stateChanged();
    if (options.abort === true) this.#driver.quic.close(WireCodes.H3_NO_ERROR, "");
    return this.#closing;
  }

  /** Client: asks the server for a session. Rejects with HttpError for a status that is not 2xx. */
  openSession(options: OpenSessionOptions): Promise<WebTransportSession> {
    const { signal, timeout } = options;
    const opening = this.#open(options);
    if (timeout === undefined && signal === undefined) return opening.promise;
    const cancelTimeout =
      timeout === undefined
        ? undefined
        : this.#driver.after(timeout, () => {
            const text = `No session was established within ${timeout} ms`;
            opening.cancel(new TimeoutError(text, { operation: "open session", timeoutDuration: timeout }));
          });
    if (cancelTimeout !== undefined) opening.promise.then(cancelTimeout, cancelTimeout);
    return untilAborted(opening.promise, signal, () => {
      opening.cancel(signal?.reason);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // What the live part tells.

  #established(): void {
    if (!this.listens("connection_established")) return;
    const { remoteAddress } = this;
    this.publish("connection_established", { connection: this, remoteAddress, timestamp: Date.now() });
  }

  #sessionRequested(output: Extract<ProtocolOutput, { type: "sessionRequest" }>): void {
    const { sessionId, headers, protocols } = output;
    if (this.#closing !== undefined) {
      this.#reject(sessionId, 503, []);
      this.#refused(503, "closing", headers);
      return;
    }
    const url = urlOf(headers);
    if (url === undefined) {
      this.#reject(sessionId, 400, []);
      this.#refused(400, "url", headers);
      return;
    }
    const request = new IncomingSession({
      sessionId,
      rawHeaders: headers,
      url,
      protocols,
      connection: this,
      host: this.#requestHost,
    });
    this.#requests.set(sessionId, request);
    this.#owner.requestArrived?.(request);
    if (this.listens("session_request")) {
      this.publish("session_request", { connection: this, request, timestamp: Date.now() });
    }
    // A listener may have answered it.
    if (!request.isAnswered) void this.#handle(request);
  }

  #refused(status: number, cause: RefusedRequest["cause"], headers: HeaderList): void {
    this.#owner.requestRefused?.({ status, cause, headers, remoteAddress: this.remoteAddress });
  }

  #requestCancelled(sessionId: number, reason: SessionError): void {
    this.#requests.get(sessionId)?.cancel(reason);
    this.#answered(sessionId, "cancelled");
  }

  #answered(sessionId: number, answer: "accepted" | "rejected" | "cancelled"): void {
    const request = this.#requests.get(sessionId);
    if (request === undefined) return;
    this.#requests.delete(sessionId);
    this.#owner.requestAnswered?.(request, answer);
  }

  #stateChanged(): void {
    const from = this.#toldState;
    const to = this.state;
    if (from === to || to === "connecting") return;
    this.#toldState = to;
    this.#owner.connectionMoved?.(from, to);
  }

  #violated(error: WebTransportError): void {
    this.#owner.violated?.(error);
    if (this.listens("protocol_error")) {
      this.publish("protocol_error", { connection: this, error, timestamp: Date.now() });
    }
  }

  #ended(info: CloseInfo, error: () => WebTransportError, wasEstablished: boolean): void {
    if (this.#requests.size > 0) this.#cancelRequests(error());
    for (const opening of this.#openings) opening.cancel(error());
    this.#stateChanged();
    this.#owner.connectionEnded?.(this, info);
    this.#closed.resolve(info);
    if (!wasEstablished || !info.clean) this.#tellFailure(error(), wasEstablished, info.by === "transport");
    if (this.listens("connection_closed")) {
      this.publish("connection_closed", { connection: this, info, timestamp: Date.now() });
    }
  }

  #goingAway(): void {
    this.#stateChanged();
    // RFC 9114 §5.2: behind GOAWAY a client sends no request; one that is on its way may still be answered.
    for (const opening of this.#openings) if (!opening.isSent()) opening.cancel(goingAway());
  }

  #cancelRequests(cause: WebTransportError): void {
    const text = `The connection has ended: ${cause.message}`;
    const gone = new SessionError(text, { code: "ERR_WT_SESSION_CANCELLED", cause });
    for (const [sessionId, request] of this.#requests) {
      request.cancel(gone);
      this.#answered(sessionId, "cancelled");
    }
  }

  #tellFailure(error: WebTransportError, wasEstablished: boolean, isLost: boolean): void {
    const event = { connection: this, error, timestamp: Date.now() };
    if (error instanceof TimeoutError) this.publish("timeout_error", { ...event, error });
    if (!wasEstablished) this.publish("connection_failed", event);
    else if (isLost) this.publish("connection_lost", event);
  }

  // What an incoming session asks for.

  #accept(
    sessionId: number,
    headers: HeaderList,
    description: SessionDescription,
  ): WebTransportSession<object, unknown> {
    const { protocol } = description;
    const response = protocol === "" ? { headers } : { protocol, headers };
    this.#checkAnswer(sessionId, { ...response, status: 200 });
    const session = this.#createSession(sessionId, description);
    this.#owner.sessionEstablished?.(session);
    this.#answered(sessionId, "accepted");
    this.#driver.sessions.get(sessionId)?.holdDatagrams();
    this.#driver.input((core) => {
      try {
        core.acceptSession(sessionId, response);
      } catch (cause) {
        // Whatever stops the answer, the client gets one.
        core.rejectSession(sessionId, { status: 500, headers: [] });
        const error = new SessionError("The session could not be accepted", { cause, sessionId: session.id });
        this.#driver.sessions.get(sessionId)?.end({ clean: false, by: "local", error }, true);
      }
    });
    this.#ready(session, sessionId);
    return session;
  }

  #reject(sessionId: number, status: number, headers: HeaderList): void {
    this.#checkAnswer(sessionId, { status, headers });
    this.#answered(sessionId, "rejected");
    this.#driver.input((core) => {
      core.rejectSession(sessionId, { status, headers });
    });
  }

  /** Before anything is done: the request can still be answered with less. Throws ConfigurationError. */
  #checkAnswer(sessionId: number, response: SessionResponse): void {
    const excess = this.#driver.protocol.responseExcess(sessionId, response);
    if (excess !== undefined) throw responseTooLarge(excess);
  }

  async #handle(request: IncomingSession): Promise<void> {
    try {
      if (this.#owner.answerRequest === undefined) await request.reject(404);
      else await this.#owner.answerRequest(request);
    } catch (cause) {
      // Whoever was about to answer when the client went has not failed.
      if (cause instanceof SessionError && cause.code === "ERR_WT_SESSION_CANCELLED") return;
      const isTold = !request.isAnswered && this.#owner.requestAnswered !== undefined;
      if (!isTold) this.reportListenerError(cause, "session_request");
      if (!request.isAnswered)
        await request.reject(500, { kind: "error", reason: "the request could not be answered", cause });
    }
  }

  #createSession(sessionId: number, description: SessionDescription): WebTransportSession<object, unknown> {
    const driver = new SessionDriver(this.#driver, sessionId);
    this.#driver.sessions.set(sessionId, driver);
    return new WebTransportSession<object, unknown>(driver, description, this);
  }

  #ready(session: WebTransportSession<object, unknown>, sessionId: number): void {
    // The client had taken the request back, or the connection has ended.
    if (session.isClosed) return;
    if (this.listens("session_ready") || session.listens("session_ready")) {
      session.publish("session_ready", { session, timestamp: Date.now() });
    }
    // GOAWAY has come while the session was being opened.
    if (this.#driver.isDraining) this.#driver.sessions.get(sessionId)?.drained();
  }

  #open(options: OpenSessionOptions): Opening {
    const driver = this.#driver;
    const result = new Deferred<WebTransportSession>();
    let url: URL;
    let fields: FieldList;
    try {
      url = new URL(options.url);
      fields = FieldList.of(options.headers);
      checkProtocols(options.protocols ?? []);
    } catch (error) {
      return { promise: rejected(error), cancel: () => {}, isSent: () => false };
    }
    const { protocols = [] } = options;
    const request = { authority: url.host, path: url.pathname + url.search, headers: fields.list, protocols };
    let sessionId: number | undefined;
    let cancelled = false;
    const accepted = (list: HeaderList, protocol: string): void => {
      if (sessionId === undefined) return;
      const session = this.#createSession(sessionId, {
        url,
        path: url.pathname,
        request: fields,
        response: new FieldList(list),
        protocol,
        locals: options.locals ?? {},
        params: {},
        pathParams: [],
      });
      this.#ready(session, sessionId);
      result.resolve(session as unknown as WebTransportSession);
    };
    const waiter = {
      direction: "bidirectional" as const,
      opened: (streamId: number): void => {
        sessionId = streamId;
        driver.requests.set(streamId, { accepted, failed: result.reject });
        driver.input(
          (core) => {
            core.openSession(streamId, request, this.#settings.now());
          },
          (error) => {
            cancel(error);
            driver.abandonStream(streamId, WireCodes.H3_REQUEST_CANCELLED);
          },
        );
      },
    };
    const open = (): void => {
      if (cancelled) return;
      const { error } = driver;
      if (error !== undefined) throw error;
      if (driver.isDraining) throw goingAway();
      const excess = driver.protocol.requestExcess(request);
      if (excess !== undefined) throw requestTooLarge(excess);
      driver.openStream(waiter);
    };
    const cancel = (reason: unknown): void => {
      if (cancelled) return;
      cancelled = true;
      driver.cancelOpen(waiter);
      const id = sessionId;
      if (id !== undefined && driver.requests.delete(id)) {
        driver.input((core) => {
          core.abortSession(id, WireCodes.H3_REQUEST_CANCELLED, "The request was taken back");
        });
      }
      result.reject(reason);
    };
    // What it throws is told here and nowhere else.
    driver.ready.promise.then(open).catch(cancel);
    const opening: Opening = { promise: result.promise, cancel, isSent: () => sessionId !== undefined };
    this.#openings.add(opening);
    const over = (): void => {
      this.#openings.delete(opening);
    };
    result.promise.then(over, over);
    return opening;
  }

  async #close(options: CloseConnectionOptions): Promise<CloseInfo> {
    const driver = this.#driver;
    const { code = 0, reason = "" } = options;
    if (driver.isClosed) return this.#closed.promise;
    if (options.abort !== true) {
      for (const request of [...this.#requests.values()])
        await request.reject(503, { kind: "closing", reason: "the connection is being closed" }).catch(() => {});
      const sessions = [...driver.sessions.values()];
      await Promise.all(sessions.map((session) => session.close({ code, reason })));
      driver.input((core) => {
        core.sendGoaway({ final: true });
      });
      // CONNECTION_CLOSE discards what is not sent: a rejection or a goodbye must have arrived before.
      const { closeTimeout } = this.#settings;
      await driver.delivered(closeTimeout);
      // A browser that loses its connection before it has answered the goodbye forgets code and reason.
      await driver.answered(Math.min(closeTimeout, goodbyeTimeout));
      await new Promise((resolve) => setImmediate(resolve));
    }
    driver.quic.close(WireCodes.H3_NO_ERROR, "");
    return this.#closed.promise;
  }
}

function goingAway(): ConnectionError {
  return new ConnectionError("The server opens no further sessions (GOAWAY)");
}

function checkProtocols(protocols: readonly string[]): void {
  const fault = protocolsFault(protocols);
  if (fault === undefined) return;
  throw new ConfigurationError(`Cannot offer the subprotocols: ${fault}`, {
    configKey: "protocols",
    configValue: protocols,
  });
}

function urlOf(headers: HeaderList): URL | undefined {
  const pseudo = (name: string): string => headers.find(([key]) => key === name)?.[1] ?? "";
  const text = `https://${pseudo(":authority")}${pseudo(":path")}`;
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
