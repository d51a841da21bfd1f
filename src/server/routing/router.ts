import { canonicalPath, maxPathLength, percentDecode } from "./paths.ts";
import { exactPath, matchPath, patternPath, refusedRoute } from "./route-path.ts";
import type { RoutePath } from "./route-path.ts";
import type { SessionHandler } from "./route.ts";

/** What a route leads to, and how the path matched. */
export interface RouteMatch<Target> {
  readonly target: Target;
  /** The parameters' values in the order of the path or pattern. */
  readonly pathParams: readonly string[];
  /** By name: `:name` segments and named groups, percent-decoded once. */
  readonly params: Readonly<Record<string, string>>;
  /** The path or pattern, as it was registered; undefined for the default. */
  readonly route: string | undefined;
}

/** A request, as the router sees it: it says there how the path matched. */
export interface RoutedRequest {
  readonly path: string;
  pathParams: readonly string[];
  params: Readonly<Record<string, string>>;
  route?: string | undefined;
}

interface Entry<Target> {
  readonly path: RoutePath;
  readonly target: Target;
  matches: number;
}

/** Counts of routes. */
export interface RouteStats {
  /** Paths without parameters. */
  readonly exactRoutes: number;
  /** Patterns and paths with parameters. */
  readonly patternRoutes: number;
  readonly hasDefaultHandler: boolean;
  /** How often each route matched. */
  readonly matches: Readonly<Record<string, number>>;
  /** Requests that met no route. */
  readonly unmatched: number;
}

/**
 * Finds what a path leads to: exact paths in constant time, then paths with parameters and patterns in the order of
 * their registration, then the default. Paths are matched without their query string, and whichever way they are written:
 * "/räume" is "/r%C3%A4ume", "/~user" is "/%7Euser", "/100%" is "/100%25" (RFC 3986 §6.2.2). Patterns see this one form:
 * percent-encoded with upper-case digits, unreserved characters decoded. A path of more than 8192 octets matches nothing.
 *
 * ```ts
 * const router = new RequestRouter();
 * router.addRoute("/echo", echoHandler);
 * for await (const incoming of server.incomingSessions()) {
 *   const handler = router.routeRequest(incoming);
 *   if (handler === undefined) await incoming.reject(404);
 *   else void handler(await incoming.accept());
 * }
 * ```
 */
export class RequestRouter<Target = SessionHandler> {
  /** By canonical path. */
  readonly #exact = new Map<string, Entry<Target>>();
  /** By key, in the order of their registration. */
  readonly #patterns = new Map<string, Entry<Target>>();
  #default: Target | undefined;
  #unmatched = 0;

  /** `path` starts with "/"; its `:name` segments are parameters. Throws ConfigurationError. */
  addRoute(path: string, target: Target): void {
    this.add(exactPath(path), target);
  }

  /** `pattern` must match the whole path; its groups are the parameters. Throws ConfigurationError. */
  addPatternRoute(pattern: RegExp | string, target: Target): void {
    this.add(patternPath(pattern), target);
  }

  /** Throws ConfigurationError when there is the same route already. @internal */
  add(path: RoutePath, target: Target): void {
    if (target === undefined) throw refusedRoute(path.source, "it leads to nothing, because there is no handler");
    this.checkFree(path);
    this.#kind(path).set(path.key, { path, target, matches: 0 });
  }

  /** Throws ConfigurationError when there is the same route already. @internal */
  checkFree(path: RoutePath): void {
    if (this.#kind(path).has(path.key)) throw refusedRoute(path.source, "it is registered already");
  }

  /** Whether there was such a route: a path, a path with parameters, or a pattern's source. */
  removeRoute(path: string): boolean {
    const entry = this.#find(path);
    return entry !== undefined && this.#kind(entry.path).delete(entry.path.key);
  }

  /** What unmatched paths lead to; undefined: nothing. */
  setDefaultHandler(target: Target | undefined): void {
    this.#default = target;
  }

  /** What the request's path leads to, whose parameters it is given. Undefined when there is no route. */
  routeRequest(request: RoutedRequest): Target | undefined {
    const match = this.match(request.path);
    if (match === undefined) return undefined;
    request.pathParams = match.pathParams;
    request.params = match.params;
    request.route = match.route;
    return match.target;
  }

  /** As {@link RequestRouter.routeRequest}, of a path alone. */
  match(given: string): RouteMatch<Target> | undefined {
    const found = given.length > maxPathLength ? undefined : this.#search(canonicalPath(given));
    if (found !== undefined) return found;
    this.#unmatched += 1;
    return this.#default === undefined
      ? undefined
      : { target: this.#default, pathParams: [], params: {}, route: undefined };
  }

  /** What was registered for a path (with parameters, if it has some) or a pattern's source. */
  getRouteHandler(path: string): Target | undefined {
    return this.#find(path)?.target;
  }

  /** A copy: what each path leads to. Without patterns. */
  getAllRoutes(): Map<string, Target> {
    const paths = this.entries().filter(({ path }) => path.kind === "path");
    return new Map(paths.map(({ path, target }) => [path.source, target]));
  }

  /** Every route: paths without parameters first, then the others in the order in which they are tried. */
  entries(): readonly { readonly path: RoutePath; readonly target: Target }[] {
    return this.#entries();
  }

  /** How many routes there are, by kind, and how often each matched. */
  getRouteStats(): RouteStats {
    return {
      exactRoutes: this.#exact.size,
      patternRoutes: this.#patterns.size,
      hasDefaultHandler: this.#default !== undefined,
      matches: Object.fromEntries(this.#entries().map(({ path, matches }) => [path.source, matches])),
      unmatched: this.#unmatched,
    };
  }

  #entries(): readonly Entry<Target>[] {
    return [...this.#exact.values(), ...this.#patterns.values()];
  }

  #search(path: string): RouteMatch<Target> | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined) {
      exact.matches += 1;
      return { target: exact.target, pathParams: [], params: {}, route: exact.path.source };
    }
    for (const entry of this.#patterns.values()) {
      const match = matchPath(entry.path, path);
      if (match === null) continue;
      entry.matches += 1;
      return { target: entry.target, ...parametersOf(match), route: entry.path.source };
    }
    return undefined;
  }

  #kind(path: RoutePath): Map<string, Entry<Target>> {
    return path.pattern === undefined ? this.#exact : this.#patterns;
  }

  #find(path: string): Entry<Target> | undefined {
    const key = canonicalPath(path);
    return this.#exact.get(key) ?? this.#patterns.get(path) ?? this.#patterns.get(key);
  }
}

function parametersOf(match: RegExpExecArray): Pick<RouteMatch<never>, "pathParams" | "params"> {
  const named = Object.entries(match.groups ?? {}).filter(([, value]) => (value as string | undefined) !== undefined);
  return {
    // A group that took no part in the match keeps its place.
    pathParams: match.slice(1).map((value) => percentDecode((value as string | undefined) ?? "")),
    params: Object.fromEntries(named.map(([name, value]) => [name, percentDecode(value)])),
  };
}
