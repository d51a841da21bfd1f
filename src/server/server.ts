import { inspect } from "node:util";

import { hostAndPort } from "../base/host-and-port.ts";
import { rejected } from "../async/promises.ts";
import { servedAuthorities } from "../config/authorities.ts";
import { loggerOf } from "../config/logger.ts";
import type { Logger } from "../config/logger.ts";
import { serverNameFault } from "../config/named-certificates.ts";
import { checkIdentity } from "../config/given-options.ts";
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
import { connectionSettingsOf } from "../transport/connection/configured.ts";
import type { WebTransportConnection } from "../transport/connection/connection.ts";
import type { ConnectionSettings } from "../transport/connection/settings.ts";
import type { IncomingSession } from "../transport/session/request.ts";
import type { Address, Session } from "../transport/types.ts";

import { AccessLog } from "./access-log.ts";
import { ConnectionManager } from "./accounts/connection-manager.ts";
import { EndpointTotals } from "./accounts/endpoint-totals.ts";
import { ServerAccount } from "./accounts/server-account.ts";
import { SessionManager } from "./accounts/session-manager.ts";
import { allowedOriginsOf } from "./admission/admission.ts";
import { bindAddresses } from "./binding/bind-addresses.ts";
import { explainListenError } from "./binding/bind-errors.ts";
import { CertificateReload } from "./binding/certificate-reload.ts";
import { identitiesOf, loadCertificates } from "./binding/certificates.ts";
import type { LoadedCertificate } from "./binding/certificates.ts";
import { defaultEngine } from "./binding/default-engine.ts";
import { endpointOptions } from "./binding/endpoint-options.ts";
import { Endpoints } from "./binding/endpoints.ts";
import { closeClients } from "./close-clients.ts";
import type * as Core from "./core.ts";
import { debugState } from "./diagnosis/debug-state.ts";
import type { ServerDebugState } from "./diagnosis/debug-state.ts";
import { ServerLife } from "./life.ts";
import { MiddlewareManager } from "./middleware/middleware-manager.ts";
import { ServerObservers } from "./observers.ts";
import { serverCreated } from "./server-channel.ts";
import type { ServerEventMap } from "./server-events.ts";
import { checkListenOptions, checkServerCloseOptions, checkServerOptions } from "./server-options.ts";
import type { ListenOptions, ServerCloseOptions, WebTransportServerOptions } from "./server-options.ts";
import { ServerRequests } from "./server-requests.ts";
import { serverStats } from "./server-stats.ts";
import type { ServerStats } from "./server-stats.ts";

export type { ListenOptions, ServerCloseOptions, WebTransportServerOptions } from "./server-options.ts";

/** What the layers above read of a server beside its public methods. */
export interface ServerInspection {
  readonly account: ServerAccount;
  readonly totals: EndpointTotals;
  readonly budget: BufferBudget;
  readonly logger: Logger;
  /** Undefined while it has no sockets. */
  readonly endpoints: Endpoints | undefined;
}

/** No method of the server: an application has no use for it. */
export let inspectServer: (server: WebTransportServer) => ServerInspection;

/** Accepts WebTransport sessions: hands each request to {@link incomingSessions}, or to a ServerApp. */
export class WebTransportServer extends TypedEmitter<ServerEventMap> {
  readonly config: ServerConfig;
  readonly sessionManager: SessionManager;
  readonly connectionManager: ConnectionManager;
  /** The configuration's middleware, then that of the ServerApp; asked before {@link incomingSessions} has a request. */
  readonly middlewareManager: MiddlewareManager;
  /** For tools that follow each request, as tracing does. */
  readonly observers = new ServerObservers((error) => this.reportListenerError(error, "observer"));
  readonly #logger: Logger;
  readonly #engine: QuicEngine | undefined;
  readonly #certificate: (() => Promise<CertificateAndKey>) | undefined;
  readonly #budget: BufferBudget;
  readonly #settings: ConnectionSettings;
  readonly #allowsOrigin: ((origin: string) => boolean) | undefined;
  readonly #requests = new ServerRequests();
  #life = new ServerLife();
  readonly #log: AccessLog;
  readonly #account: ServerAccount;
  readonly #totals = new EndpointTotals();

  static {
    inspectServer = (server) => ({
      account: server.#account,
      totals: server.#totals,
      budget: server.#budget,
      logger: server.#logger,
      endpoints: server.#life.endpoints,
    });
  }

  /** Throws ConfigurationError. */
  constructor(options: WebTransportServerOptions = {}) {
    super();
    checkServerOptions(options);
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
    this.#account = new ServerAccount(this.#log, values, (request) => this.#answer(request), this.observers);
    this.sessionManager = new SessionManager({ maxSessions: values.maxSessions }, this.#account.sessions);
    this.connectionManager = new ConnectionManager(values.maxConnections, this.#account.connections);
    this.#settings = this.#makeSettings();
    if (serverCreated.hasSubscribers) serverCreated.publish({ server: this });
  }

  get isServing(): boolean {
    return this.#life.state === "serving";
  }

  /** `close()` was called, and sessions may still come to their end. */
  get isDraining(): boolean {
    return this.#life.state === "closing";
  }

  get localAddress(): Address | undefined {
    return this.#life.endpoints?.localAddress;
  }

  get connections(): readonly WebTransportConnection[] {
    return this.connectionManager.getAllConnections();
  }

  get sessions(): readonly Session[] {
    return this.connections.flatMap((connection) => connection.sessions);
  }

  /**
   * Binds and accepts. Rejects with ServerError (port in use, closed meanwhile …), CertificateError or ConfigurationError,
   * each saying what to do. A server that has closed can listen again: it reads the certificate anew, and its counts go on.
   */
  async listen(options: ListenOptions = {}): Promise<Address> {
    checkListenOptions(options);
    const { state } = this.#life;
    if (state !== "idle" && state !== "closed") throw new ServerError(`Cannot listen: the server is ${state}`);
    if (this.#life.isClosed) {
      this.#life = new ServerLife();
      this.sessionManager.reopen();
    }
    const life = this.#life;
    life.isStarting = true;
    try {
      return await this.#listen(life, options);
    } finally {
      life.isStarting = false;
    }
  }

  async #listen(life: ServerLife, options: ListenOptions): Promise<Address> {
    const { host = this.config.values.bindHost, port = this.config.values.bindPort } = options;
    try {
      await life.startMiddleware(this.middlewareManager);
      const [core, certificates, hosts, engine] = await Promise.all([
        import("./core.ts"),
        loadCertificates(this.config.values, options.certificate ?? this.#certificate),
        bindAddresses(host),
        options.engine ?? this.#engine ?? defaultEngine(),
      ]);
      const endpoints = await Endpoints.bind(
        engine,
        hosts,
        endpointOptions(this.config.values, this.#settings, { port, ...identitiesOf(certificates) }),
        this.#listener(life, core),
      );
      if (life.closing !== undefined) {
        await endpoints.close(WireCodes.H3_NO_ERROR, "");
        throw new ServerError("Cannot listen: the server was closed before it was listening");
      }
      life.endpoints = endpoints;
      this.#totals.began(endpoints.all);
      if (this.config.values.certificateReload) life.reload = this.#watchFiles(certificates);
      life.startedAt = performance.now();
      setImmediate(core.rehearseOnce);
      return endpoints.localAddress;
    } catch (error) {
      await life.stopMiddleware(this.middlewareManager, this.#logger);
      throw explainListenError(error, host, port);
    }
  }

  /** Listens, unless it does or did, and resolves when the server has closed: at once when it has already. */
  async serveForever(): Promise<void> {
    const life = this.#life;
    if (life.state === "idle") await this.listen();
    await life.closed.promise;
  }

  /**
   * Sessions that ask to be accepted, for use without ServerApp. Ends when the server has closed; call it again behind the
   * next `listen`.
   */
  incomingSessions(): AsyncIterable<IncomingSession> {
    return this.#life.incoming;
  }

  /**
   * Gives every request to `handler` instead of {@link incomingSessions}; for frameworks. `middlewareFailed` is told what a
   * middleware threw, or that it gave no answer, when the request has been refused for it. Throws ConfigurationError.
   */
  handleSessions(
    handler: (incoming: IncomingSession) => Promise<void>,
    middlewareFailed?: (error: unknown) => Promise<void>,
  ): void {
    this.#requests.handleSessions(handler, middlewareFailed);
  }

  /**
   * New handshakes get this certificate: without `serverName` those that no name of `sni` is for, with it those that ask for
   * this name, which need not be in `sni` yet. Established connections live on, and sessions of TLS can be resumed. Throws
   * CertificateError, and changes nothing, when it cannot be used; ServerError before `listen`, ConfigurationError for a
   * `serverName` that no client can ask for. Has no effect once the server closes.
   */
  updateCertificate(identity: CertificateAndKey, serverName?: string): void {
    const { endpoints } = this.#life;
    if (endpoints === undefined) {
      const text = "it reads the configuration's certificate when it begins to listen";
      throw new ServerError(`Cannot update the certificate: the server is ${this.#life.state}, ${text}`);
    }
    checkIdentity(identity);
    const fault = serverName === undefined ? undefined : serverNameFault(serverName);
    if (fault !== undefined) throw refused("serverName", serverName, fault);
    if (this.#life.closing !== undefined) return;
    const certificate = endpoints.updateIdentity(identity, serverName);
    const { subject, validTo } = certificate;
    this.#logger.info({ serverName, subject, validTo }, "new handshakes get another certificate");
    this.publish("certificate_updated", { serverName, certificate, timestamp: Date.now() });
  }

  /**
   * Refuses new connections, asks every session to drain, waits up to `timeout` for them, closes those that are left,
   * then every connection with GOAWAY and H3_NO_ERROR. Idempotent, but a later call with `timeout: 0` ends the waiting;
   * nothing of the server keeps the process alive after it. It can listen again then. Throws RangeError for a code or
   * time-out out of its range. Rejects with ServerError in a middleware's `start` or `stop`, for which it waits; the server
   * closes all the same.
   */
  close(options: ServerCloseOptions = {}): Promise<void> {
    checkServerCloseOptions(options);
    const life = this.#life;
    if (options.timeout === 0) life.forced.resolve();
    life.closing ??= this.#close(life, options);
    const obstacle = life.hooks.obstacle("the server's close()");
    return obstacle === undefined ? life.closing : rejected(obstacle);
  }

  /** Counted, not collected: it costs the same for any number of sessions. */
  getServerStats(): ServerStats {
    return serverStats({
      isServing: this.isServing,
      isClosed: this.#life.isClosed,
      uptime: this.isServing ? performance.now() - (this.#life.startedAt ?? 0) : 0,
      account: this.#account,
      endpoints: this.#totals.sums(),
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
  async diagnoseIssues(): Promise<string[]> {
    const { diagnoseServer } = await import("./diagnosis/server-issues.ts");
    return diagnoseServer({
      server: this,
      budget: this.#budget,
      certificateIssues: this.#life.endpoints?.certificateIssues(),
      endpoints: (this.#life.endpoints?.all ?? []).map((endpoint) => ({
        localAddress: endpoint.localAddress,
        stats: endpoint.getStats(),
      })),
    });
  }

  /** State, address and counts. */
  override toString(): string {
    const { localAddress } = this;
    const address = localAddress === undefined ? "none" : hostAndPort(localAddress.host, localAddress.port);
    const { connections, sessions } = this.#account;
    const counts = `connections=${connections.count}, sessions=${sessions.count}`;
    return `WebTransportServer(status=${this.#life.state}, address=${address}, ${counts})`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  /** Closes it: `await using` does so at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(life: ServerLife, options: ServerCloseOptions): Promise<void> {
    life.reload?.close();
    for (const endpoint of life.endpoints?.all ?? []) endpoint.stopAccepting();
    await closeClients(this, life, options);
    await life.endpoints?.close(WireCodes.H3_NO_ERROR, "");
    await life.stopMiddleware(this.middlewareManager, this.#logger);
    life.isClosed = true;
    life.incoming.close();
    life.closed.resolve();
  }

  #watchFiles(certificates: readonly LoadedCertificate[]): CertificateReload {
    const reload = new CertificateReload({
      certificates,
      logger: this.#logger,
      update: (identity, serverName) => {
        this.updateCertificate(identity, serverName);
      },
      failed: (error, serverName) => {
        this.publish("certificate_update_failed", { serverName, error, timestamp: Date.now() });
      },
    });
    void reload.start();
    return reload;
  }

  #listener(life: ServerLife, core: typeof Core): EndpointListener {
    return {
      connection: (quic, info) => this.#accept(quic, info, core),
      failed: (error) => {
        if (life === this.#life) this.#fail(error);
      },
    };
  }

  #accept(quic: QuicConnection, info: ConnectionInfo, core: typeof Core): ConnectionListener {
    const connection = core.makeConnection({
      settings: this.#settings,
      quic,
      info,
      role: "server",
      owner: this.#account,
    });
    this.#account.connectionEstablished(connection, info.handshakeDuration);
    return connection.listener;
  }

  #answer(request: IncomingSession): Promise<void> {
    const subject = {
      request,
      isServing: this.isServing,
      account: this.#account,
      sessionManager: this.sessionManager,
      config: this.config.values,
      allowsOrigin: this.#allowsOrigin,
      middleware: this.middlewareManager,
    };
    return this.#requests.answer(subject, this.#life.incoming);
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
      traffic: this.#account.traffic,
    });
  }
}
