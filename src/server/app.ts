import { onAbort } from "../async/abort.ts";
import { rejected, resolved } from "../async/promises.ts";
import { checkFunction, checkSignal } from "../config/given-options.ts";
import { loggerOf } from "../config/logger.ts";
import type { Logger } from "../config/logger.ts";
import { refused } from "../config/option-table.ts";
import type { ServerConfig, ServerConfigOptions } from "../config/server-config.ts";
import { ConfigurationError, ServerError } from "../errors/errors.ts";
import { otherCopyHint } from "../errors/other-copy.ts";
import type { Address, DynamicParams } from "../transport/types.ts";

import { AppLife } from "./app-life.ts";
import { AppRequests } from "./app-requests.ts";
import type { Middleware } from "./middleware/middleware.ts";
import { MiddlewareManager } from "./middleware/middleware-manager.ts";
import type { PathParams } from "./routing/path-params.ts";
import { exactPath, patternPath } from "./routing/route-path.ts";
import type { RoutePath } from "./routing/route-path.ts";
import { RouteTree } from "./routing/route-tree.ts";
import { routeArguments } from "./routing/route.ts";
import type { ErrorHandler, RegisteredRoute, RouteOptions, SessionHandler } from "./routing/route.ts";
import { WebTransportServer } from "./server.ts";
import { checkListenOptions, checkServerCloseOptions } from "./server-options.ts";
import type { ListenOptions, ServerCloseOptions, WebTransportServerOptions } from "./server-options.ts";

/** Called and awaited when an app starts or stops. */
export type LifecycleHook = () => unknown;

/** A configuration whose middleware knows the app's locals. */
export interface ServerAppConfigOptions<Locals> extends Omit<ServerConfigOptions, "middleware"> {
  /** Asked about each session request, before the app's own and before it is routed. */
  readonly middleware?: readonly Middleware<Locals>[];
}

/** Options of a ServerApp. */
export interface ServerAppOptions<Locals = Record<string, unknown>> extends Omit<WebTransportServerOptions, "config"> {
  readonly config?: ServerConfig | ServerAppConfigOptions<Locals>;
}

/** Options of `serve` and `run`. */
export interface ServeOptions extends ListenOptions {
  /** Closes the app. */
  readonly signal?: AbortSignal;
}

/**
 * Routes sessions to handlers. A request passes, in this order: the limits, the authority and origin policy, the
 * configuration's middleware and then the app's, the route, the route's middleware, the subprotocol; then it is accepted.
 * `Locals` types `request.locals` of the middleware and `session.locals` of the handlers.
 *
 * ```ts
 * const app = new ServerApp<{ user: string }>({ config: { certfile: "cert.pem", keyfile: "key.pem" } });
 * app.middleware(
 *   createAuthMiddleware(async (headers, request) => {
 *     const user = await findUser(request.url.searchParams.get("token"));
 *     if (user !== undefined) request.locals.user = user.name;
 *     return user !== undefined;
 *   }),
 * );
 * app.route("/rooms/:room", async (session) => {
 *   console.log(`${session.locals.user} enters ${session.params.room}`);
 *   await session.closed;
 * });
 * await app.run();
 * ```
 */
export class ServerApp<Locals = Record<string, unknown>> {
  readonly server: WebTransportServer;
  readonly #logger: Logger;
  /** The server's. */
  readonly #middleware: MiddlewareManager<Locals>;
  readonly #routes: RouteTree;
  readonly #startup: LifecycleHook[] = [];
  readonly #shutdown: LifecycleHook[] = [];
  #life = new AppLife();

  /** Throws ConfigurationError. */
  constructor(options: ServerAppOptions<NoInfer<Locals>> = {}) {
    this.server = new WebTransportServer(options);
    this.#logger = loggerOf(this.server.config.values);
    // The locals of the server's requests are this app's: nobody else writes to them.
    this.#middleware = this.server.middlewareManager as unknown as MiddlewareManager<Locals>;
    this.#routes = new RouteTree(this.#middleware);
    const requests = new AppRequests(this.#routes, this.server.observers, this.#logger);
    this.server.handleSessions(
      (incoming) => requests.handle(incoming),
      (error) => requests.middlewareFailed(error),
    );
  }

  /** An exact path; its `:name` segments are parameters. Without a handler, returns a function that takes it. */
  route<Path extends string>(
    path: Path,
    handler: SessionHandler<PathParams<Path>, Locals>,
  ): SessionHandler<PathParams<Path>, Locals>;
  route<Path extends string>(
    path: Path,
    options: RouteOptions<Locals>,
    handler: SessionHandler<PathParams<Path>, Locals>,
  ): SessionHandler<PathParams<Path>, Locals>;
  route<Path extends string>(
    path: Path,
    options?: RouteOptions<Locals>,
  ): <Handler extends SessionHandler<PathParams<Path>, Locals>>(handler: Handler) => Handler;
  route(path: string, ...rest: readonly unknown[]): unknown {
    return this.#register(rest, () => exactPath(path));
  }

  /** A pattern that the whole path must match; its groups are `session.pathParams` and, named, `session.params`. */
  patternRoute(pattern: RegExp | string, handler: SessionHandler<DynamicParams, Locals>): typeof handler;
  patternRoute(
    pattern: RegExp | string,
    options: RouteOptions<Locals>,
    handler: SessionHandler<DynamicParams, Locals>,
  ): typeof handler;
  patternRoute(
    pattern: RegExp | string,
    options?: RouteOptions<Locals>,
  ): <Handler extends SessionHandler<DynamicParams, Locals>>(handler: Handler) => Handler;
  patternRoute(pattern: RegExp | string, ...rest: readonly unknown[]): unknown {
    return this.#register(rest, () => patternPath(pattern));
  }

  /** Adds middleware behind the configuration's and what was added before, and returns it. Throws ConfigurationError. */
  middleware(middleware: Middleware<Locals>): Middleware<Locals> {
    this.addMiddleware(middleware);
    return middleware;
  }

  /** As {@link ServerApp.middleware}. */
  addMiddleware(middleware: Middleware<Locals>): void {
    this.#assertOpen("add middleware");
    this.#routes.checkStarted([middleware]);
    this.#middleware.addMiddleware(middleware);
  }

  /**
   * Takes the routes of another app, also those that it gets later, under a prefix: "/" there is the prefix itself. Their
   * requests pass this app's middleware, then the other's; its startup and shutdown hooks run with this app's, in the order
   * in which they were added. Of the other's configuration only `middleware` counts; it cannot listen any more. Throws
   * ConfigurationError when both have a route, and for an app that is mounted already or listens.
   */
  mount<OtherLocals>(prefix: string, app: ServerApp<OtherLocals>): void {
    this.#assertOpen("mount an app");
    if (!(app instanceof ServerApp)) throw refused("app", app, `must be a ServerApp${otherCopyHint(app, "ServerApp")}`);
    app.#assertOpen("mount it");
    if (app.#life.isListening) throw new ConfigurationError(`Cannot mount the app at "${prefix}": it listens already`);
    this.#routes.mount(prefix, app.#routes);
    this.#startup.push(() => app.#runStartup(() => this.#life.closing === undefined));
    this.#shutdown.push(() => app.#runShutdown());
  }

  /** What is registered, mounted apps included: for logs and tools. */
  routes(): readonly RegisteredRoute[] {
    return this.#routes.routes();
  }

  /** Awaited in order before the app listens. */
  onStartup(hook: LifecycleHook): void {
    checkFunction("hook", hook);
    this.#startup.push(hook);
  }

  /**
   * Awaited in reverse order after the app's server has closed. `close()` waits for the hooks, so it rejects in one of them
   * with ServerError.
   */
  onShutdown(hook: LifecycleHook): void {
    checkFunction("hook", hook);
    this.#shutdown.push(hook);
  }

  /**
   * Told of handlers that failed, instead of the log, and of middleware that failed. A mounted app's own is told of what
   * fails on its routes.
   */
  onError(handler: ErrorHandler): void {
    checkFunction("handler", handler);
    this.#routes.onError = handler;
  }

  /**
   * Starts the middleware, runs the startup hooks, then listens: resolves with the address, which tells the port when it
   * was 0. Rejects as a middleware or hook that fails, with ServerError when the app is closed meanwhile, and as
   * {@link WebTransportServer.listen} does; the middleware has been stopped then. An app that has closed can listen again,
   * with the routes that it has; then it takes further ones.
   */
  async listen(options: ListenOptions = {}): Promise<Address> {
    checkListenOptions(options);
    if (this.#routes.isMounted) throw new ConfigurationError("Cannot listen: the app is mounted in another");
    const { isStarting, isListening, closing, isClosed } = this.#life;
    if (isStarting) throw new ServerError("Cannot listen: the app is starting already");
    if (closing !== undefined && !isClosed) throw new ServerError("Cannot listen: the app is closing");
    if (isListening && !isClosed) throw new ServerError(`Cannot listen: ${this.#whyListening}`);
    const life = (this.#life = new AppLife());
    life.isListening = life.isStarting = true;
    try {
      await this.#startMiddleware(life);
      await this.#runStartup(() => life.closing === undefined);
      // Its close() came before the server's listen(), which would begin a new life of the server.
      if (life.closing !== undefined) {
        throw new ServerError("Cannot listen: the app was closed before it was listening");
      }
      return await this.server.listen(options);
    } catch (error) {
      await this.#stopMiddleware(life);
      life.isListening = false;
      throw error;
    } finally {
      life.isStarting = false;
    }
  }

  /**
   * Listens, unless the app does already, and resolves when it has closed, even if that was before it was listening. A shutdown
   * hook must not wait for it: the app has closed when its hooks have ended.
   */
  async serve({ signal, ...options }: ServeOptions = {}): Promise<void> {
    if (signal !== undefined) checkSignal(signal);
    signal?.throwIfAborted();
    const endAbort = onAbort(signal, () => void this.close());
    const before = this.#life;
    const listening = this.server.isServing ? undefined : this.listen(options);
    // The one that `listen` has just begun.
    const life = this.#life;
    try {
      await listening;
      await this.server.serveForever();
    } catch (error) {
      // Closing during start-up is not an error.
      const wasClosed = life !== before && life.closing !== undefined;
      if (!wasClosed || !(error instanceof ServerError)) throw error;
    } finally {
      endAbort();
    }
    // The server may have been closed without the app: by its engine's failure.
    await this.#end(life);
  }

  /** As {@link serve}; SIGINT and SIGTERM close the app, a second one at once. */
  async run(options: ServeOptions = {}): Promise<void> {
    let signals = 0;
    const onSignal = (signal: NodeJS.Signals): void => {
      signals += 1;
      if (signals === 1) this.#logger.info({ signal }, "the app is closing; a second signal ends it at once");
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
   * Closes the server, runs the shutdown hooks, then stops the middleware. Idempotent, but a later call with `timeout: 0`
   * ends the waiting. The app can listen again then, and takes no routes before. Throws RangeError for a code or
   * time-out out of its range. Rejects with ServerError in a shutdown hook, and in a middleware's `start` or `stop`: it waits
   * for them. The app closes all the same. A mounted app has nothing of its own to close: it ends with the app above it.
   */
  close(options: ServerCloseOptions = {}): Promise<void> {
    checkServerCloseOptions(options);
    if (this.#routes.isMounted) return resolved;
    const life = this.#life;
    if (life.closing !== undefined && options.timeout === 0) void this.server.close(options);
    const closed = this.#end(life, options);
    const obstacle = life.hooks.obstacle("the app's close()");
    return obstacle === undefined ? closed : rejected(obstacle);
  }

  /** Closes it: `await using` does so at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #whyListening(): string {
    if (this.server.isServing) return "the app is listening already";
    return "the app's server was closed without the app: await close() of the app first";
  }

  #end(life: AppLife, options: ServerCloseOptions = {}): Promise<void> {
    life.closing ??= this.#close(life, options);
    return life.closing;
  }

  async #close(life: AppLife, options: ServerCloseOptions): Promise<void> {
    await this.server.close(options);
    await life.hooks.run("a shutdown hook", () => this.#runShutdown());
    await this.#stopMiddleware(life);
    life.isClosed = true;
  }

  async #startMiddleware(life: AppLife): Promise<void> {
    const start = async (): Promise<void> => {
      await this.#middleware.start();
      await this.#routes.start();
    };
    await (this.#routes.needsStart ? life.hooks.run("a middleware's start()", start) : start());
  }

  async #runStartup(isWanted: () => boolean): Promise<void> {
    for (const hook of this.#startup) if (isWanted()) await hook();
  }

  async #runShutdown(): Promise<void> {
    for (const hook of [...this.#shutdown].reverse()) {
      try {
        await hook();
      } catch (error) {
        this.#logger.error({ error }, "a shutdown hook failed");
      }
    }
  }

  /** In the reverse order of their start. */
  async #stopMiddleware(life: AppLife): Promise<void> {
    for (const part of [this.#routes, this.#middleware]) {
      try {
        await life.hooks.run("a middleware's stop()", () => part.stop());
      } catch (error) {
        this.#logger.error({ error }, "a middleware could not be stopped");
      }
    }
  }

  #register(rest: readonly unknown[], pathOf: () => RoutePath): unknown {
    this.#assertOpen("add a route");
    const { handler, middleware = [], ...options } = routeArguments<Locals>(rest);
    const path = pathOf();
    const chain = new MiddlewareManager<Locals>({ middlewareTimeout: this.server.config.values.middlewareTimeout });
    for (const each of middleware) chain.addMiddleware(each);
    const add = (added: SessionHandler): SessionHandler => {
      this.#assertOpen("add a route");
      checkFunction("handler", added);
      this.#routes.addRoute(path, { handler: added, options, chains: middleware.length === 0 ? [] : [chain] });
      return added;
    };
    return handler === undefined ? add : add(handler);
  }

  #assertOpen(what: string): void {
    if (this.#life.closing !== undefined) throw new ConfigurationError(`Cannot ${what}: the app has been closed`);
  }
}
