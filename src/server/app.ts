import { loggerOf } from "../config/logger.ts";
import type { Logger } from "../config/logger.ts";
import type { ServerConfig, ServerConfigOptions } from "../config/server-config.ts";
import { ConfigurationError, ServerError, SessionError } from "../errors/errors.ts";
import { checkCloseCode, checkCloseReason } from "../transport/session/close-code.ts";
import type { IncomingSession } from "../transport/session/request.ts";
import type { WebTransportSession } from "../transport/session/session.ts";
import type { Address, DynamicParams } from "../transport/types.ts";

import { appSteps, firstRejection } from "./admission/admission.ts";
import type { AppSubject } from "./admission/admission.ts";
import { checkRouteOptions } from "./routing/route.ts";
import type { Route, RouteOptions, SessionHandler } from "./routing/route.ts";
import { RequestRouter } from "./routing/router.ts";
import { WebTransportServer } from "./server.ts";
import type { ListenOptions, ServerCloseOptions, WebTransportServerOptions } from "./server.ts";

/** The parameters of a path's `:name` segments. */
export type PathParams<Path extends string> = string extends Path
  ? DynamicParams
  : Readonly<Record<ParamNames<Path>, string>>;

type ParamNames<Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? ParamNames<Segment> | ParamNames<Rest>
  : Path extends `:${infer Name}`
    ? Name
    : never;

export type LifecycleHook = () => unknown;
export type ErrorHandler = (error: unknown, session: WebTransportSession | undefined) => unknown;

export interface ServeOptions extends ListenOptions {
  /** Closes the app. */
  readonly signal?: AbortSignal;
}

/** Application code of a session whose handler threw. */
const handlerFailed = { code: 1, reason: "Internal server error" };

/**
 * Routes sessions to handlers: what a request passes before its acceptance stands in admission/admission.ts. `Locals` types
 * `session.locals`.
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
    const options = checkRouteOptions(rest.find((part) => typeof part === "object") ?? {});
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

  /** Answers the request and runs its handler. What it throws the connection answers with 500. */
  async #handle(request: IncomingSession): Promise<void> {
    const subject: AppSubject = { request, routes: this.#router };
    const rejection = await firstRejection(appSteps, subject);
    const { route, protocol } = subject;
    if (request.isAnswered) return;
    if (rejection !== undefined || route === undefined) {
      await request.reject(rejection?.status ?? 500, rejection);
      return;
    }
    const { headers } = route.options;
    const session = await request.accept({
      ...(protocol === undefined ? {} : { protocol }),
      ...(headers === undefined ? {} : { headers }),
    });
    await this.#run(route.handler, session);
  }

  /** Never rejects. */
  async #run(handler: SessionHandler, session: WebTransportSession): Promise<void> {
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
}
