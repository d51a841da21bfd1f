import { ConfigurationError } from "../../errors/errors.ts";

import { MiddlewareLifecycle } from "../middleware/lifecycle.ts";
import type { Middleware } from "../middleware/middleware.ts";
import type { MiddlewareChain } from "../middleware/middleware-manager.ts";
import { mountPrefix, underPrefix } from "./route-path.ts";
import type { RoutePath } from "./route-path.ts";
import type { ErrorHandler, RegisteredRoute, Route } from "./route.ts";
import { RequestRouter } from "./router.ts";

type Startable = Pick<Middleware, "start" | "stop">;

/**
 * An app's routes and those of the apps that are mounted in it. Each route also stands in the router of every app above,
 * under the prefixes in between: so a request is routed in one table, whatever is mounted, and whenever it was.
 */
export class RouteTree {
  readonly router = new RequestRouter<Route>();
  /** The app's own; without it the one of the app above counts. */
  onError: ErrorHandler | undefined;
  /** Of the app: its configuration's middleware and its own. */
  readonly #chain: MiddlewareChain;
  readonly #own: Route[] = [];
  readonly #mounted: RouteTree[] = [];
  readonly #lifecycle = new MiddlewareLifecycle();
  #isRunning = false;
  #parent: { readonly tree: RouteTree; readonly prefix: string } | undefined;

  constructor(chain: MiddlewareChain) {
    this.#chain = chain;
  }

  get isMounted(): boolean {
    return this.#parent !== undefined;
  }

  get errorHandler(): ErrorHandler | undefined {
    return this.onError ?? this.#parent?.tree.errorHandler;
  }

  /** Throws ConfigurationError when the app, or one above, has the same route. */
  addRoute(path: RoutePath, route: Omit<Route, "owner">): void {
    for (const chain of route.chains) this.checkStarted(chain.middleware);
    const added = { ...route, owner: this };
    this.#add(path, added);
    this.#own.push(added);
  }

  /** Throws ConfigurationError, and changes nothing then. */
  mount(path: string, other: RouteTree): void {
    const prefix = mountPrefix(path);
    if (other.isMounted) throw refusedMount(path, "it is mounted already");
    // `other` is the root of its own tree.
    if (this.#root === other) throw refusedMount(path, "it would be mounted in itself");
    const entries = other.router.entries();
    for (const entry of entries) this.#checkFree(underPrefix(prefix, entry.path));
    this.checkStarted(other.middleware());
    other.#parent = { tree: this, prefix };
    this.#mounted.push(other);
    for (const entry of entries) this.#add(underPrefix(prefix, entry.path), behind(other.#chain, entry.target));
  }

  /** Every route that requests can meet. */
  routes(): readonly RegisteredRoute[] {
    return this.router.entries().map(({ path, target: { options, chains } }) => ({
      ...(path.kind === "path" ? { path: path.source } : { pattern: path.source }),
      protocols: options.protocols ?? [],
      middleware: [this.#chain, ...chains].flatMap((chain) => chain.middlewareNames),
    }));
  }

  /** The app's, its routes', then those of the apps that are mounted. */
  *middleware(): Generator<Startable> {
    yield* this.#chain.middleware;
    for (const { chains } of this.#own) for (const chain of chains) yield* chain.middleware;
    for (const mounted of this.#mounted) yield* mounted.middleware();
  }

  /** Whether a middleware wants to be started. */
  get needsStart(): boolean {
    for (const { start } of this.middleware()) if (start !== undefined) return true;
    return false;
  }

  /** Starts all middleware besides the app's own chain, which is the server's. Rejects as the first that fails. */
  async start(): Promise<void> {
    this.#isRunning = true;
    const started = new Set<Startable>(this.#chain.middleware);
    await this.#lifecycle.start([...this.middleware()].filter((each) => !started.has(each)));
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#lifecycle.stop();
  }

  /** Throws ConfigurationError for middleware that would not be started any more. */
  checkStarted(middleware: Iterable<Startable>): void {
    const root = this.#root;
    if (!root.#isRunning) return;
    for (const each of middleware) {
      if (each.start === undefined || root.#lifecycle.has(each) || root.#chain.middleware.includes(each)) continue;
      throw new ConfigurationError("Cannot add middleware that has to be started: the app listens already", {
        configKey: "middleware",
        configValue: each,
      });
    }
  }

  get #root(): RouteTree {
    const parent = this.#parent;
    return parent === undefined ? this : parent.tree.#root;
  }

  /** The apps above first: what one of them has is refused before anything has changed. */
  #add(path: RoutePath, route: Route): void {
    const parent = this.#parent;
    if (parent !== undefined) parent.tree.#add(underPrefix(parent.prefix, path), behind(this.#chain, route));
    this.router.add(path, route);
  }

  #checkFree(path: RoutePath): void {
    this.router.checkFree(path);
    if (this.#parent !== undefined) this.#parent.tree.#checkFree(underPrefix(this.#parent.prefix, path));
  }
}

function behind(chain: MiddlewareChain, route: Route): Route {
  return { ...route, chains: [chain, ...route.chains] };
}

function refusedMount(path: string, reason: string): ConfigurationError {
  return new ConfigurationError(`Cannot mount the app at "${path}": ${reason}`, {
    configKey: "mount",
    configValue: path,
  });
}
