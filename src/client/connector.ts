import { loggerOf } from "../config/logger.ts";
import type { Logger } from "../config/logger.ts";
import type { QuicEngine, TransportOptions } from "../engine/engine.ts";
import type { HandshakeStage } from "../errors/errors.ts";
import { liveOf, transportOf } from "../transport/connection/configured.ts";
import { resolveOptions } from "../transport/connection/options.ts";
import type { LiveOptions } from "../transport/connection/options.ts";
import { quiet, untilAborted } from "../async/promises.ts";
import type { WebTransportSession } from "../transport/session/session.ts";

import { RaceLost, raceAddresses } from "./address-race.ts";
import { isWorthRetrying, retryDelayOf } from "./back-off.ts";
import type { ClientConfigValues } from "./client-config.ts";
import { explainRace, explainRequest, outOfTime } from "./connect-errors.ts";
import type { ConnectContext } from "./connect-errors.ts";
import { identityOf, verificationOf } from "./credentials.ts";
import { addressesOf } from "./lookup.ts";
import type { Lookup } from "./lookup.ts";
import { reach, release } from "./reach.ts";
import type { Reached, ReachOptions } from "./reach.ts";
import type { Target } from "./target.ts";

/** What stands around a client, so that tests can put something else in its place. */
export interface Surroundings {
  readonly engine: () => Promise<QuicEngine>;
  readonly lookup: Lookup;
  /** Keeps the process alive, which waits for the session. The result takes it back. */
  readonly setTimer: (milliseconds: number, callback: () => void) => () => void;
}

export interface ConnectorOptions {
  readonly config: ClientConfigValues;
  readonly transport: TransportOptions;
  readonly live: LiveOptions;
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
    const onAbort = (): void => this.#abort.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
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
      signal?.removeEventListener("abort", onAbort);
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

  async #attempt(options: ReachOptions): Promise<WebTransportSession> {
    const { signal } = this.#abort;
    this.#stage = "dns";
    const addresses = await untilAborted(addressesOf(this.#target.hostname, this.#options.surroundings.lookup), signal);
    this.#stage = "udp";
    const reached = await this.#race(addresses, options);
    try {
      return await this.#open(reached);
    } catch (error) {
      await release(reached.endpoint);
      throw explainRequest(error, this.#context);
    }
  }

  async #race(addresses: readonly string[], options: ReachOptions): Promise<Reached> {
    try {
      return await raceAddresses(addresses, {
        attempt: (address, signal) => {
          this.#logger.debug({ authority: this.#context.authority, address }, "Trying an address");
          return reach(address, options, signal);
        },
        discard: ({ endpoint }) => void quiet(release(endpoint)),
        setTimer: this.#options.surroundings.setTimer,
        signal: this.#abort.signal,
      });
    } catch (error) {
      throw error instanceof RaceLost ? explainRace(error, this.#context) : error;
    }
  }

  async #open({ connection, endpoint }: Reached): Promise<WebTransportSession> {
    const { headers, protocols, userAgent } = this.#options.config;
    const { signal } = this.#abort;
    this.#stage = "settings";
    await untilAborted(connection.ready, signal);
    this.#stage = "http";
    const sent = new Headers(headers as Headers | undefined);
    if (!sent.has("user-agent")) sent.set("user-agent", userAgent);
    const session = await connection.openSession({
      url: this.#target.url,
      signal,
      headers: sent,
      ...(protocols && { protocols }),
    });
    closeWith(session, { connection, endpoint });
    return session;
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
    const { config, transport, live, surroundings } = this.#options;
    const identity = await identityOf(config);
    return {
      engine: await surroundings.engine(),
      connect: {
        serverName: config.serverName ?? this.#target.hostname,
        alpn: ["h3"],
        verification: verificationOf(config),
        ...(identity && { identity }),
      },
      port: this.#target.port,
      transport: { ...transportOf(config), ...transport },
      live: resolveOptions({ ...liveOf(config), maxOutgoingStreams: config.maxStreams, ...live }),
    };
  }
}

/** Nothing of a client outlives its session: the process can end. */
function closeWith(session: WebTransportSession, { connection, endpoint }: Reached): void {
  const close = async (): Promise<void> => {
    await session.closed;
    await connection.close();
    await release(endpoint);
  };
  close().catch((error: unknown) => {
    process.emitWarning(`The client's endpoint could not be closed: ${String(error)}`, { code: "WT_CLIENT" });
  });
}
