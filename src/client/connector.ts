import { loggerOf } from "../config/logger.ts";
import type { Logger } from "../config/logger.ts";
import type { QuicEngine, TransportOptions } from "../engine/engine.ts";
import { ConnectionError, HttpError, SessionError } from "../errors/errors.ts";
import type { HandshakeStage } from "../errors/errors.ts";
import { alpn } from "../constants/http3.ts";
import { WireCodes } from "../constants/wire-codes.ts";
import { connectionSettingsOf, transportOf } from "../transport/connection/configured.ts";
import type { WebTransportConnection } from "../transport/connection/connection.ts";
import type { ConnectionSettingsInit } from "../transport/connection/settings.ts";
import { onAbort } from "../async/abort.ts";
import { quiet, untilAborted } from "../async/promises.ts";
import type { WebTransportSession } from "../transport/session/session.ts";

import { RaceLost, raceAddresses } from "./address-race.ts";
import { isWorthRetrying, retryDelayOf } from "./back-off.ts";
import type { ClientConfigValues } from "./client-config.ts";
import { explainRace, explainRequest, outOfTime } from "./connect-errors.ts";
import type { ConnectContext } from "./connect-errors.ts";
import { ConnectionPool, maxPooledSessions } from "./connection-pool.ts";
import type { Lease, PoolKey } from "./connection-pool.ts";
import { identityOf, verificationOf } from "./credentials.ts";
import { addressesOf } from "./lookup.ts";
import type { Lookup } from "./lookup.ts";
import { reach, release } from "./reach.ts";
import type { Reached, ReachOptions } from "./reach.ts";
import type { Target } from "./target.ts";

/** What a client takes from its environment; tests give it something else. */
export interface Surroundings {
  readonly engine: QuicEngine | (() => Promise<QuicEngine>);
  readonly lookup: Lookup;
  /** Keeps the process alive, which waits for the session. The result takes it back. */
  readonly setTimer: (milliseconds: number, callback: () => void) => () => void;
}

export interface ConnectorOptions {
  readonly config: ClientConfigValues;
  readonly transport: TransportOptions;
  readonly settings: ConnectionSettingsInit;
  readonly surroundings: Surroundings;
  readonly signal: AbortSignal | undefined;
}

/** One call of `connect()`: attempts until there is a session, a failure that stays, or no more time. */
export class Connector {
  readonly #target: Target;
  readonly #options: ConnectorOptions;
  readonly #context: ConnectContext;
  readonly #logger: Logger;
  readonly #abort = new AbortController();
  #stage: HandshakeStage = "dns";
  #failure: unknown;

  constructor(target: Target, options: ConnectorOptions) {
    const { config } = options;
    this.#target = target;
    this.#options = options;
    this.#logger = loggerOf(config);
    this.#context = {
      authority: `${target.url.hostname}:${target.port}`,
      path: target.url.pathname,
      serverName: config.serverName ?? target.hostname,
      protocols: config.protocols ?? [],
      handshakeTimeout: options.transport.handshakeTimeout ?? config.handshakeTimeout,
    };
  }

  async run(): Promise<WebTransportSession> {
    const { signal, config, surroundings } = this.#options;
    signal?.throwIfAborted();
    const endAbort = onAbort(signal, () => {
      this.#abort.abort(signal?.reason);
    });
    const cancelLimit =
      config.connectTimeout === 0
        ? undefined
        : surroundings.setTimer(config.connectTimeout, () => {
            this.#abort.abort(outOfTime(this.#stage, config.connectTimeout, this.#failure, this.#context));
          });
    try {
      return await this.#attempts();
    } finally {
      cancelLimit?.();
      endAbort();
    }
  }

  async #attempts(): Promise<WebTransportSession> {
    const { config } = this.#options;
    const options = await this.#reachOptions();
    this.#abort.signal.throwIfAborted();
    for (let retry = 1; ; retry += 1) {
      try {
        return await this.#attempt(options);
      } catch (error) {
        this.#abort.signal.throwIfAborted();
        if (retry > config.maxRetries || !isWorthRetrying(error)) throw error;
        this.#failure = error;
        await this.#pause(retry, error);
      }
    }
  }

  #attempt(options: ReachOptions): Promise<WebTransportSession> {
    return this.#options.config.allowPooling ? this.#attemptPooled(options) : this.#attemptAlone(options);
  }

  async #attemptAlone(options: ReachOptions): Promise<WebTransportSession> {
    const { connection, endpoint } = await this.#reach(options, this.#abort.signal);
    try {
      const session = await this.#open(connection);
      whenClosed(session, async () => {
        await connection.close();
        await release(endpoint);
      });
      return session;
    } catch (error) {
      await release(endpoint);
      throw explainRequest(error, this.#context);
    }
  }

  async #attemptPooled(options: ReachOptions): Promise<WebTransportSession> {
    const { signal } = this.#abort;
    const key = this.#poolKey(options);
    let room = Infinity;
    for (;;) {
      const lease = pool.lease(key, room, (until) => this.#reach(options, until));
      if (lease.isJoined) this.#stage = "udp";
      const session = await this.#openPooled(lease).catch(async (error: unknown) => {
        await lease.end("at once");
        throw error;
      });
      if (typeof session === "object") return session;
      room = session;
      await lease.end("at once");
      signal.throwIfAborted();
    }
  }

  /** The session, or, where the connection takes no further one, how many the server allows on one. */
  async #openPooled(lease: Lease): Promise<WebTransportSession | number> {
    const { connection } = await lease.reached(this.#abort.signal);
    if (!lease.claim()) return connection.simultaneousSessions;
    try {
      const session = await this.#open(connection);
      whenClosed(session, () => lease.end("delivered"));
      return session;
    } catch (error) {
      if (!lease.isJoined || !isForOneConnection(error)) throw explainRequest(error, this.#context);
      lease.retire();
      return connection.simultaneousSessions;
    }
  }

  /** A connection on which the server's SETTINGS allow sessions. */
  async #reach(options: ReachOptions, signal: AbortSignal): Promise<Reached> {
    this.#stage = "dns";
    const addresses = await untilAborted(addressesOf(this.#target.hostname, this.#options.surroundings.lookup), signal);
    this.#stage = "udp";
    const reached = await this.#race(addresses, options, signal);
    this.#stage = "settings";
    try {
      await untilAborted(reached.connection.ready, signal);
      return reached;
    } catch (error) {
      await release(reached.endpoint);
      throw explainRequest(error, this.#context);
    }
  }

  async #race(addresses: readonly string[], options: ReachOptions, signal: AbortSignal): Promise<Reached> {
    try {
      return await raceAddresses(addresses, {
        attempt: (address, until) => {
          this.#logger.debug({ authority: this.#context.authority, address }, "Trying an address");
          return reach(address, options, until);
        },
        discard: ({ endpoint }) => void quiet(release(endpoint)),
        setTimer: this.#options.surroundings.setTimer,
        signal,
      });
    } catch (error) {
      throw error instanceof RaceLost ? explainRace(error, this.#context) : error;
    }
  }

  #open(connection: WebTransportConnection): Promise<WebTransportSession> {
    const { headers, protocols, userAgent } = this.#options.config;
    this.#stage = "http";
    const sent = new Headers(headers as Headers | undefined);
    if (!sent.has("user-agent")) sent.set("user-agent", userAgent);
    return connection.openSession({
      url: this.#target.url,
      signal: this.#abort.signal,
      headers: sent,
      ...(protocols && { protocols }),
    });
  }

  async #pause(retry: number, error: unknown): Promise<void> {
    const { config, surroundings } = this.#options;
    const delay = retryDelayOf(retry, config, error);
    const { authority } = this.#context;
    const why = error instanceof Error ? error.message : String(error);
    this.#logger.warn({ authority, retry, delay }, `Trying again in ${delay} ms: ${why}`);
    let cancel: (() => void) | undefined;
    const over = new Promise<void>((resolve) => {
      cancel = surroundings.setTimer(delay, resolve);
    });
    await untilAborted(over, this.#abort.signal, cancel);
  }

  async #reachOptions(): Promise<ReachOptions> {
    const { config, transport, settings, surroundings } = this.#options;
    const identity = await identityOf(config);
    return {
      engine: typeof surroundings.engine === "function" ? await surroundings.engine() : surroundings.engine,
      connect: {
        serverName: config.serverName ?? this.#target.hostname,
        alpn: [alpn],
        verification: verificationOf(config),
        ...(identity && { identity }),
      },
      port: this.#target.port,
      transport: { ...(config.allowPooling ? pooledTransportOf(config) : transportOf(config)), ...transport },
      settings: connectionSettingsOf(config, { maxOutgoingStreams: config.maxStreams, ...settings }),
    };
  }

  /** Everything that makes one connection different from another. */
  #poolKey({ connect, transport, settings }: ReachOptions): PoolKey {
    // Traffic is what the connection has carried so far, so it would tell every connection from every other.
    const data = [this.#target.url.origin, connect, transport, { ...settings, traffic: undefined }];
    return { data, objects: [this.#options.surroundings.engine] };
  }
}

/** Each session may have as many streams as one alone; the connection's window grows with what is unread. */
function pooledTransportOf(config: ClientConfigValues): TransportOptions {
  const one = transportOf(config);
  const forAll = (limit = 0): number => Math.min(limit * maxPooledSessions, mostStreams);
  return {
    ...one,
    maxIncomingBidirectionalStreams: forAll(one.maxIncomingBidirectionalStreams),
    maxIncomingUnidirectionalStreams: forAll(one.maxIncomingUnidirectionalStreams),
  };
}
/** As `maxIncomingStreams` allows. */
const mostStreams = 1_000_000;

/** Those of this process. */
const pool = new ConnectionPool();

/** Whether another connection may do better: this one has ended or is about to, or is full. */
function isForOneConnection(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  if (error instanceof HttpError) return error.status === 429;
  // draft-ietf-webtrans-http3 §3.4, RFC 9114 §5.2: refused before anything was done for it.
  return error instanceof SessionError && error.errorCode === Number(WireCodes.H3_REQUEST_REJECTED);
}

/** Nothing of a client outlives its session: the process can end. */
function whenClosed(session: WebTransportSession, end: () => Promise<void>): void {
  session.closed.then(end).catch((error: unknown) => {
    process.emitWarning(`The client's endpoint could not be closed: ${String(error)}`, { code: "WT_CLIENT" });
  });
}
