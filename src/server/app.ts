import { loggerOf } from "../config/logger.ts";
import type { Logger } from "../config/logger.ts";
import type { ServerConfig, ServerConfigOptions } from "../config/server-config.ts";
import { ConfigurationError, ServerError, SessionError } from "../errors/errors.ts";
import { checkCloseCode, checkCloseReason } from "../transport/session/close-code.ts";
import type { IncomingSession } from "../transport/session/request.ts";
import type { WebTransportSession } from "../transport/session/session.ts";
import type { Address, DynamicParams, HeadersInput } from "../transport/types.ts";

import { RequestRouter } from "./routing/router.ts";
import { WebTransportServer } from "./server.ts";
import type { ListenOptions, ServerCloseOptions, WebTransportServerOptions } from "./server.ts";

/** A session lives as long as its handler. */
export type SessionHandler<P extends object = DynamicParams, Locals = Record<string, unknown>> = (
  session: WebTransportSession<P, Locals>,
) => Promise<unknown>;

export interface RouteOptions {
  /** Subprotocols that the route speaks; the first of the client's that is among them is agreed on. */
  readonly protocols?: readonly string[];
  /** Refuse (400) clients that offer none of `protocols`. Default false. */
  readonly requireProtocol?: boolean;
  /** Headers of the response. */
  readonly headers?: HeadersInput;
}

/** The parameters of a path's `:name` segments. */
export type PathParams<Path extends string> = string extends Path
  ? DynamicParams
  : Readonly<Record<ParamNames<Path>, string>>;

type ParamNames<Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? ParamNames<Segment> | ParamNames<Rest>
  : Path extends `:${infer Name}`
    ? Name
    : never;

interface Route {
  readonly handler: SessionHandler;
  readonly options: RouteOptions;
}

interface Refusal {
  readonly status: number;
  readonly cause: string;
}

export type LifecycleHook = () => unknown;
export type ErrorHandler = (error: unknown, session: WebTransportSession | undefined) => unknown;

export interface ServeOptions extends ListenOptions {
  /** Closes the app. */
  readonly signal?: AbortSignal;
}

/** Application code of a session whose handler threw. */
const handlerFailed = { code: 1, reason: "Internal server error" };

/**
 * Routes sessions to handlers. Order for one session: limits, origin policy, route, subprotocol, acceptance, handler.
 * `Locals` types `session.locals`.
 */
export class ServerApp<Locals = Record<string, unknown>> {
  readonly server: WebTransportServer;
  readonly #logger: Logger;
  readonly #router = new RequestRouter<Route>();
  readonly #startup: LifecycleHook[] = [];
  readonly #shutdown: LifecycleHook[] = [];
  #onError: ErrorHandler | undefined;
  #closing: Promise<void> | undefined;

  /** Throws ConfigurationError. */
  constructor(options: WebTransportServerOptions & { readonly config?: ServerConfig | ServerConfigOptions } = {}) {
    this.server = new WebTransportServer(options);
    this.#logger = loggerOf(this.server.config.values);
    this.server.handleSessions((incoming) => this.#handle(incoming));
  }

  /** An exact path; its `:name` segments are parameters. Without a handler, returns a function that takes it. */
  route<Path extends string>(
    path: Path,
    handler: SessionHandler<PathParams<Path>, Locals>,
  ): SessionHandler<PathParams<Path>, Locals>;
  route<Path extends string>(
    path: Path,
    options: RouteOptions,
    handler: SessionHandler<PathParams<Path>, Locals>,
  ): SessionHandler<PathParams<Path>, Locals>;
  route<Path extends string>(
    path: Path,
    options?: RouteOptions,
  ): <Handler extends SessionHandler<PathParams<Path>, Locals>>(handler: Handler) => Handler;
  route(path: string, ...rest: readonly unknown[]): unknown {
    return this.#register(rest, (route) => {
      this.#router.addRoute(path, route);
    });
  }

  /** A pattern that the whole path must match; its groups are `session.pathParams` and, named, `session.params`. */
  patternRoute(pattern: RegExp | string, handler: SessionHandler<DynamicParams, Locals>): typeof handler;
  patternRoute(
    pattern: RegExp | string,
    options: RouteOptions,
    handler: SessionHandler<DynamicParams, Locals>,
  ): typeof handler;
  patternRoute(
    pattern: RegExp | string,
    options?: RouteOptions,
  ): <Handler extends SessionHandler<DynamicParams, Locals>>(handler: Handler) => Handler;
  patternRoute(pattern: RegExp | string, ...rest: readonly unknown[]): unknown {
    return this.#register(rest, (route) => {
      this.#router.addPatternRoute(pattern, route);
    });
  }

  /** Awaited in order before the app listens. */
  onStartup(hook: LifecycleHook): void {
    this.#startup.push(hook);
  }

  /** Awaited in reverse order after the app has closed. */
  onShutdown(hook: LifecycleHook): void {
    this.#shutdown.push(hook);
  }

  /** Told of handlers that failed, instead of the log. */
  onError(handler: ErrorHandler): void {
    this.#onError = handler;
  }

  /**
   * Startup hooks, then listening: resolves with the address, which tells the port when it was 0. Rejects with ServerError
   * when the app is closed meanwhile, and as {@link WebTransportServer.listen} does.
   */
  async listen(options: ListenOptions = {}): Promise<Address> {
    this.#assertOpen("listen");
    for (const hook of this.#startup) {
      if (this.#closing === undefined) await hook();
    }
    return this.server.listen(options);
  }

  /** Listens, unless the app does already, and resolves when it has closed, even if that was before it was listening. */
  async serve({ signal, ...options }: ServeOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const onAbort = (): void => void this.close();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      if (!this.server.isServing) await this.listen(options);
      await this.server.serveForever();
    } catch (error) {
      // Who closes the app while it starts has what he wants; that it did not listen is no failure.
      if (this.#closing === undefined || !(error instanceof ServerError)) throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    await this.#closing;
  }

  /** As {@link serve}; SIGINT and SIGTERM close the app, a second one at once. */
  async run(options: ServeOptions = {}): Promise<void> {
    let signals = 0;
    const onSignal = (): void => {
      signals += 1;
      void this.close();
      if (signals > 1) void this.server.close({ timeout: 0 }).finally(() => process.exit(130));
    };
    process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
    try {
      await this.serve(options);
    } finally {
      process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    }
  }

  /**
   * Closes the server, then runs the shutdown hooks. Idempotent, but a later call with `timeout: 0` ends the waiting.
   * Throws RangeError for a code out of its range.
   */
  close(options: ServerCloseOptions = {}): Promise<void> {
    checkCloseCode(options.code);
    checkCloseReason(options.reason);
    if (this.#closing !== undefined && options.timeout === 0) void this.server.close(options);
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(options: ServerCloseOptions): Promise<void> {
    await this.server.close(options);
    for (const hook of this.#shutdown.reverse()) {
      try {
        await hook();
      } catch (error) {
        this.#logger.error({ error }, "a shutdown hook failed");
      }
    }
  }

  #register(rest: readonly unknown[], add: (route: Route) => void): unknown {
    this.#assertOpen("add a route");
    const handler = rest.find((part) => typeof part === "function") as SessionHandler | undefined;
    const options = (rest.find((part) => typeof part === "object") ?? {}) as RouteOptions;
    if (handler !== undefined) {
      add({ handler, options });
      return handler;
    }
    return (later: SessionHandler) => {
      this.#assertOpen("add a route");
      add({ handler: later, options });
      return later;
    };
  }

  #assertOpen(what: string): void {
    if (this.#closing !== undefined) throw new ConfigurationError(`Cannot ${what}: the app has been closed`);
  }

  /** Never rejects: whatever goes wrong ends this one session. */
  async #handle(incoming: IncomingSession): Promise<void> {
    let session: WebTransportSession | undefined;
    try {
      const route = this.#admit(incoming);
      if ("status" in route) {
        this.#log("warn", incoming, { status: route.status }, `${route.status}: ${route.cause}`);
        await incoming.reject(route.status);
        return;
      }
      const { headers } = route.options;
      session = await incoming.accept({
        ...(route.protocol === undefined ? {} : { protocol: route.protocol }),
        ...(headers === undefined ? {} : { headers }),
      });
      await this.#run(route.handler, session, incoming);
    } catch (error) {
      // The client has gone before it was answered.
      this.#log("info", incoming, { error: error instanceof Error ? error.message : error }, "request abandoned");
    }
  }

  /** Limits have been looked at before; what is left: origin policy, route, subprotocol. */
  #admit(incoming: IncomingSession): (Route & { protocol: string | undefined }) | Refusal {
    const { allowedOrigins } = this.server.config.values;
    if (allowedOrigins !== undefined && !allowedOrigins.includes(incoming.origin ?? "")) {
      return { status: 403, cause: `origin ${incoming.origin ?? "(none)"} is not in allowedOrigins` };
    }
    const match = this.#router.routeRequest(incoming);
    if (match === undefined) return { status: 404, cause: "no route matches the path" };
    incoming.params = match.params;
    incoming.pathParams = match.pathParams;
    const { handler, options } = match.target;
    const protocol = incoming.protocols.find((offered) => options.protocols?.includes(offered) === true);
    if (protocol === undefined && options.requireProtocol === true) {
      const offered = incoming.protocols.join(", ") || "none";
      return { status: 400, cause: `the route requires a subprotocol, the client offers ${offered}` };
    }
    return { handler, options, protocol };
  }

  async #run(handler: SessionHandler, session: WebTransportSession, incoming: IncomingSession): Promise<void> {
    const started = performance.now();
    if (this.server.config.values.accessLog) {
      void session.closed.then((info) => {
        const duration = Math.round(performance.now() - started);
        const end = info.clean ? { code: info.code, by: info.by } : { error: info.error.message, by: info.by };
        this.#log("info", incoming, { ...end, duration }, "session ended");
      });
    }
    try {
      await handler(session);
      await session.close();
    } catch (error) {
      await this.#report(error, session);
      await session.close({ ...handlerFailed, abort: true });
    }
  }

  async #report(error: unknown, session: WebTransportSession): Promise<void> {
    // A handler that was waiting for its session's peer when the session ended has not failed.
    if (session.isClosed && error instanceof SessionError) return;
    try {
      if (this.#onError === undefined) this.#logger.error({ error, path: session.path }, "a session handler failed");
      else await this.#onError(error, session);
    } catch (failure) {
      this.#logger.error({ error: failure }, "the onError handler failed");
    }
  }

  #log(level: "info" | "warn", incoming: IncomingSession, fields: object, message: string): void {
    const { host, port } = incoming.remoteAddress;
    this.#logger[level]({ path: incoming.path, remote: `${host}:${port}`, ...fields }, message);
  }
}
