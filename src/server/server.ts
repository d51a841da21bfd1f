import { servedAuthorities } from "../config/authorities.ts";
import { serverDefaults } from "../constants/defaults.ts";
import { loggerOf } from "../config/logger.ts";
import type { Logger } from "../config/logger.ts";
import { serverNameFault } from "../config/named-certificates.ts";
import { refused } from "../config/option-table.ts";
import { ServerConfig } from "../config/server-config.ts";
import type { CertificateAndKey } from "../config/server-config.ts";
import type {
  ConnectionInfo,
  ConnectionListener,
  EndpointListener,
  EngineError,
  QuicConnection,
  QuicEngine,
} from "../engine/engine.ts";
import { ServerError } from "../errors/errors.ts";
import { TypedEmitter } from "../events/emitter.ts";
import { WireCodes } from "../constants/wire-codes.ts";
import { BufferBudget } from "../transport/streams/buffer-budget.ts";
import { checkCloseCode, checkCloseReason } from "../transport/session/close-code.ts";
import { connectionSettingsOf } from "../transport/connection/configured.ts";
import { WebTransportConnection } from "../transport/connection/connection.ts";
import type { ConnectionSettings } from "../transport/connection/settings.ts";
import { Deferred } from "../async/promises.ts";
import { settledWithin } from "../async/settled-within.ts";
import type { IncomingSession } from "../transport/session/request.ts";
import type { Address, Session } from "../transport/types.ts";

import { AccessLog } from "./access-log.ts";
import { ConnectionManager } from "./accounts/connection-manager.ts";
import { ServerAccount } from "./accounts/server-account.ts";
import { SessionManager } from "./accounts/session-manager.ts";
import { allowedOriginsOf, errorOf, firstRejection, serverSteps } from "./admission/admission.ts";
import { AsyncQueue } from "../async/async-queue.ts";
import { bindAddresses } from "./binding/bind-addresses.ts";
import { explainListenError } from "./binding/bind-errors.ts";
import { CertificateReload } from "./binding/certificate-reload.ts";
import { identitiesOf, loadCertificates } from "./binding/certificates.ts";
import type { LoadedCertificate } from "./binding/certificates.ts";
import { endpointOptions } from "./binding/endpoint-options.ts";
import { Endpoints } from "./binding/endpoints.ts";
import { debugState } from "./diagnosis/debug-state.ts";
import type { ServerDebugState } from "./diagnosis/debug-state.ts";
import { diagnoseServer } from "./diagnosis/server-issues.ts";
import { MiddlewareManager } from "./middleware/middleware-manager.ts";
import type { ServerEventMap } from "./server-events.ts";
import type { ListenOptions, ServerCloseOptions, WebTransportServerOptions } from "./server-options.ts";
import { serverStats } from "./server-stats.ts";
import type { ServerStats } from "./server-stats.ts";

/** Sessions that may wait for `incomingSessions()` to take them; further ones are refused. */
const maxWaitingSessions = 1024;

export type { ListenOptions, ServerCloseOptions, WebTransportServerOptions } from "./server-options.ts";

/** Milliseconds that clients have to close their connections themselves once their sessions have been closed. */
const lingerTime = 250;

type State = "idle" | "starting" | "serving" | "closing" | "closed";

/** Accepts WebTransport sessions: hands each request to {@link incomingSessions}, or to a ServerApp. */
export class WebTransportServer extends TypedEmitter<ServerEventMap> {
  readonly config: ServerConfig;
  readonly sessionManager: SessionManager;
  readonly connectionManager: ConnectionManager;
  /** The configuration's middleware, then that of the ServerApp; asked before {@link incomingSessions} has a request. */
  readonly middlewareManager: MiddlewareManager;
  readonly #logger: Logger;
  readonly #engine: QuicEngine | undefined;
  readonly #certificate: (() => Promise<CertificateAndKey>) | undefined;
  #reload: CertificateReload | undefined;
  readonly #incoming = new AsyncQueue<IncomingSession>();
  readonly #closed = new Deferred<void>();
  readonly #budget: BufferBudget;
  readonly #settings: ConnectionSettings;
  readonly #allowsOrigin: ((origin: string) => boolean) | undefined;
  #handler: ((incoming: IncomingSession) => Promise<void>) | undefined;
  #middlewareFailed: ((error: unknown) => Promise<void>) | undefined;
  /** The middleware was started here, so it is stopped here. */
  #ownsMiddleware = false;
  #endpoints: Endpoints | undefined;
  readonly #forced = new Deferred<void>();
  #closing: Promise<void> | undefined;
  #state: State = "idle";
  #startedAt = 0;
  readonly #log: AccessLog;
  readonly #account: ServerAccount;

  /** Throws ConfigurationError. */
  constructor(options: WebTransportServerOptions = {}) {
    super();
    this.config = ServerConfig.create(options.config);
    const { values } = this.config;
    this.#logger = loggerOf(values);
    this.#engine = options.engine;
    this.#certificate = options.certificate;
    this.#budget = new BufferBudget(values.maxTotalBufferSize);
    this.#allowsOrigin = allowedOriginsOf(values);
    this.middlewareManager = new MiddlewareManager({ middlewareTimeout: values.middlewareTimeout });
    for (const middleware of values.middleware) this.middlewareManager.addMiddleware(middleware);
    this.#log = new AccessLog(this.#logger, values);
    this.#account = new ServerAccount(this.#log, values, (request) => this.#answer(request));
    this.sessionManager = new SessionManager(values, this.#account.sessions);
    this.connectionManager = new ConnectionManager(values.maxConnections, this.#account.connections);
    this.#settings = this.#makeSettings();
  }

  get isServing(): boolean {
    return this.#state === "serving";
  }

  get localAddress(): Address | undefined {
    return this.#endpoints?.localAddress;
  }

  get connections(): readonly WebTransportConnection[] {
    return this.connectionManager.getAllConnections();
  }

  get sessions(): readonly Session[] {
    return this.connections.flatMap((connection) => connection.sessions);
  }

  /**
   * Binds and accepts. Rejects with ServerError (port in use, closed meanwhile …) or CertificateError, each saying what to
   * do.
   */
  async listen(options: ListenOptions = {}): Promise<Address> {
    if (this.#state !== "idle") throw new ServerError(`Cannot listen: the server is ${this.#state}`);
    this.#state = "starting";
    const { host = this.config.values.bindHost, port = this.config.values.bindPort } = options;
    try {
      await this.#startMiddleware();
      const [certificates, hosts, engine] = await Promise.all([
        loadCertificates(this.config.values, options.certificate ?? this.#certificate),
        bindAddresses(host),
        options.engine ?? this.#engine ?? loadNativeEngine(),
      ]);
      const endpoints = await Endpoints.bind(
        engine,
        hosts,
        endpointOptions(this.config.values, this.#settings, { port, ...identitiesOf(certificates) }),
        this.#listener(),
      );
      if (this.#closing !== undefined) {
        await endpoints.close(WireCodes.H3_NO_ERROR, "");
        throw new ServerError("Cannot listen: the server was closed before it was listening");
      }
      this.#endpoints = endpoints;
      if (this.config.values.certificateReload) this.#watchFiles(certificates);
    } catch (error) {
      await this.#stopMiddleware();
      if (this.#closing === undefined) this.#state = "idle";
      throw explainListenError(error, host, port);
    }
    this.#state = "serving";
    this.#startedAt = performance.now();
    return this.#endpoints.localAddress;
  }

  /** Resolves when the server has closed. */
  async serveForever(): Promise<void> {
    if (this.#state === "idle") await this.listen();
    await this.#closed.promise;
  }

  /** Sessions that ask to be accepted, for use without ServerApp. Ends when the server has closed. */
  incomingSessions(): AsyncIterable<IncomingSession> {
    return this.#incoming;
  }

  /**
   * Gives every request to `handler` instead of {@link incomingSessions}; for frameworks. `middlewareFailed` is told what a
   * middleware threw, or that it gave no answer, when the request has been refused for it.
   */
  handleSessions(
    handler: (incoming: IncomingSession) => Promise<void>,
    middlewareFailed?: (error: unknown) => Promise<void>,
  ): void {
    this.#handler = handler;
    this.#middlewareFailed = middlewareFailed;
  }

  /**
   * New handshakes get this certificate: without `serverName` those that no name of `sni` is for, with it those that ask for
   * this name, which need not be in `sni` yet. Established connections live on, and sessions of TLS can be resumed. Throws
   * CertificateError, and changes nothing, when it cannot be used; ServerError before `listen`, ConfigurationError for a
   * `serverName` that no client can ask for.
   */
  updateCertificate(identity: CertificateAndKey, serverName?: string): void {
    const endpoints = this.#endpoints;
    if (endpoints === undefined) {
      const text = "it reads the configuration's certificate when it begins to listen";
      throw new ServerError(`Cannot update the certificate: the server is ${this.#state}, ${text}`);
    }
    const fault = serverName === undefined ? undefined : serverNameFault(serverName);
    if (fault !== undefined) throw refused("serverName", serverName, fault);
    if (this.#closing !== undefined) return;
    const certificate = endpoints.updateIdentity(identity, serverName);
    const { subject, validTo } = certificate;
    this.#logger.info({ serverName, subject, validTo }, "new handshakes get another certificate");
    this.publish("certificate_updated", { serverName, certificate, timestamp: Date.now() });
  }

  /**
   * Refuses new connections, asks every session to drain, waits up to `timeout` for them, closes those that are left,
   * then every connection with GOAWAY and H3_NO_ERROR. Idempotent, but a later call with `timeout: 0` ends the waiting;
   * nothing of the server keeps the process alive after it. Throws RangeError for a code out of its range.
   */
  close(options: ServerCloseOptions = {}): Promise<void> {
    checkCloseCode(options.code);
    checkCloseReason(options.reason);
    if (options.timeout === 0) this.#forced.resolve();
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  /** Counted, not collected: it costs the same for any number of sessions. */
  getServerStats(): ServerStats {
    return serverStats({
      isServing: this.isServing,
      isClosed: this.#state === "closed",
      uptime: this.isServing ? performance.now() - this.#startedAt : 0,
      account: this.#account,
      endpoints: (this.#endpoints?.all ?? []).map((endpoint) => endpoint.getStats()),
      connectionStats: this.connectionManager.getStats(),
      sessionStats: this.sessionManager.getStats(),
    });
  }

  /** Everything that helps to find a fault, as plain data without secrets. Looks at each connection and session. */
  debugState(): ServerDebugState {
    return debugState({ server: this, account: this.#account, budget: this.#budget });
  }

  /**
   * What is wrong, a sentence each with its figures and mostly with what mends it; empty when all is well. Looks at each
   * connection and session, at the certificate and at the sockets. Never rejects.
   */
  diagnoseIssues(): Promise<string[]> {
    return diagnoseServer({
      server: this,
      budget: this.#budget,
      certificateIssues: this.#endpoints?.certificateIssues(),
      endpoints: (this.#endpoints?.all ?? []).map((endpoint) => ({
        localAddress: endpoint.localAddress,
        stats: endpoint.getStats(),
      })),
    });
  }

  /** Closes it: `await using` does so at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #startMiddleware(): Promise<void> {
    if (this.middlewareManager.isStarted) return;
    this.#ownsMiddleware = true;
    await this.middlewareManager.start();
  }

  async #stopMiddleware(): Promise<void> {
    if (!this.#ownsMiddleware) return;
    this.#ownsMiddleware = false;
    try {
      await this.middlewareManager.stop();
    } catch (error) {
      this.#logger.error({ error }, "a middleware could not be stopped");
    }
  }

  async #close({ timeout = serverDefaults.closeTimeout, code = 0, reason = "" }: ServerCloseOptions): Promise<void> {
    this.#state = "closing";
    this.#reload?.close();
    for (const endpoint of this.#endpoints?.all ?? []) endpoint.stopAccepting();
    const { sessions } = this;
    for (const session of sessions) session.drain();
    await this.#unlessForced(settledWithin(Promise.all(sessions.map((session) => session.closed)), timeout));
    await this.#closeSessions(code, reason);
    await this.#unlessForced(Promise.all(this.connections.map((connection) => connection.close({ code, reason }))));
    await this.#endpoints?.close(WireCodes.H3_NO_ERROR, "");
    await this.#stopMiddleware();
    this.#state = "closed";
    this.#incoming.close();
    this.#closed.resolve();
  }

  async #closeSessions(code: number, reason: string): Promise<void> {
    const { sessions, connections } = this;
    if (sessions.length === 0) return;
    await this.#unlessForced(Promise.all(sessions.map((session) => session.close({ code, reason }))));
    // Chromium closes the connection of a session that has ended, and tells its page of a lost one when it is not the first.
    const gone = Promise.all(connections.map((connection) => connection.closed));
    await this.#unlessForced(settledWithin(gone, lingerTime));
  }

  async #unlessForced(waiting: Promise<unknown>): Promise<void> {
    await Promise.race([waiting, this.#forced.promise]);
  }

  #watchFiles(certificates: readonly LoadedCertificate[]): void {
    this.#reload = new CertificateReload({
      certificates,
      logger: this.#logger,
      update: (identity, serverName) => {
        this.updateCertificate(identity, serverName);
      },
      failed: (error, serverName) => {
        this.publish("certificate_update_failed", { serverName, error, timestamp: Date.now() });
      },
    });
    void this.#reload.start();
  }

  #listener(): EndpointListener {
    return {
      connection: (quic, info) => this.#accept(quic, info),
      failed: (error) => {
        this.#fail(error);
      },
    };
  }

  #accept(quic: QuicConnection, info: ConnectionInfo): ConnectionListener {
    const connection = new WebTransportConnection({
      settings: this.#settings,
      quic,
      info,
      role: "server",
      owner: this.#account,
    });
    this.#account.connectionEstablished(connection);
    return connection.listener;
  }

  async #answer(request: IncomingSession): Promise<void> {
    const rejection = await firstRejection(serverSteps, {
      request,
      isServing: this.isServing,
      account: this.#account,
      sessionManager: this.sessionManager,
      config: this.config.values,
      allowsOrigin: this.#allowsOrigin,
      middleware: this.middlewareManager,
    });
    if (request.isAnswered) return;
    if (rejection !== undefined) {
      await request.reject(rejection.status, rejection);
      if (rejection.kind === "middleware_error") await this.#middlewareFailed?.(errorOf(rejection));
    } else if (this.#handler !== undefined) {
      await this.#handler(request);
    } else if (this.#incoming.length >= maxWaitingSessions) {
      await request.reject(503, { kind: "not_taken", reason: "nobody takes the sessions of incomingSessions()" });
    } else {
      this.#incoming.push(request);
    }
  }

  /** The engine is dead: what it carried has been told; the server is closed. */
  #fail(error: EngineError): void {
    this.#logger.error({ error }, "the QUIC engine has failed; the server is closed");
    void this.close({ timeout: 0 });
  }

  #makeSettings(): ConnectionSettings {
    const { values } = this.config;
    return connectionSettingsOf(values, {
      totalBudget: this.#budget,
      maxSessions: values.maxSessionsPerConnection,
      servesAuthority: servedAuthorities(values.authorities),
      maxOutgoingStreams: values.maxStreamsPerConnection,
      events: this,
    });
  }
}

async function loadNativeEngine(): Promise<QuicEngine> {
  const { nativeEngine } = await import("../engine/native/native-engine.ts");
  return nativeEngine();
}
