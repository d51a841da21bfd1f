import { ConfigurationError } from "../../errors/errors.ts";

import { canonicalPath, pathFault, percentDecode } from "./paths.ts";

/** What a route leads to, and how the path matched. */
export interface RouteMatch<Target> {
  readonly target: Target;
  /** The parameters' values in the order of the path or pattern. */
  readonly pathParams: readonly string[];
  /** By name: `:name` segments and named groups, percent-decoded once. */
  readonly params: Readonly<Record<string, string>>;
}

interface ExactRoute<Target> {
  /** As it was registered. */
  readonly source: string;
  readonly target: Target;
  matches: number;
}

interface PatternRoute<Target> extends ExactRoute<Target> {
  /** Two routes with the same key are the same. */
  readonly key: string;
  readonly pattern: RegExp;
}

export interface RouteStats {
  readonly exactRoutes: number;
  readonly patternRoutes: number;
  readonly hasDefaultHandler: boolean;
  /** How often each route matched. */
  readonly matches: Readonly<Record<string, number>>;
  readonly unmatched: number;
}

/**
 * Finds what a path leads to: exact paths in constant time, then paths with parameters and patterns in the order of
 * their registration, then the default. Paths are matched without their query string, and whichever way they are written:
 * "/räume" is "/r%C3%A4ume", "/~user" is "/%7Euser", "/100%" is "/100%25" (RFC 3986 §6.2.2). Patterns see this one form:
 * percent-encoded with upper-case digits, unreserved characters decoded.
 */
export class RequestRouter<Target> {
  /** By canonical path. */
  readonly #exact = new Map<string, ExactRoute<Target>>();
  readonly #patterns: PatternRoute<Target>[] = [];
  #default: Target | undefined;
  #unmatched = 0;

  /** `path` starts with "/"; its `:name` segments are parameters. Throws {@link ConfigurationError}. */
  addRoute(path: string, target: Target): void {
    const fault = pathFault(path);
    if (fault !== undefined) throw refused(path, fault);
    const key = canonicalPath(path);
    if (path.includes("/:")) {
      this.#addPattern({ source: path, key, pattern: patternOfParameters(path), target, matches: 0 });
      return;
    }
    if (this.#exact.has(key)) throw refused(path, "it is registered already");
    this.#exact.set(key, { source: path, target, matches: 0 });
  }

  /** `pattern` must match the whole path; its groups are the parameters. Throws {@link ConfigurationError}. */
  addPatternRoute(pattern: RegExp | string, target: Target): void {
    const source = typeof pattern === "string" ? pattern : pattern.source;
    if (/[^\x21-\x7e]/.test(source)) {
      throw refused(source, "a pattern sees the path percent-encoded; write %20 for a space, %C3%A4 for ä");
    }
    this.#addPattern({ source, key: source, pattern: anchored(pattern, source), target, matches: 0 });
  }

  /** Whether there was such a route: a path, a path with parameters, or a pattern's source. */
  removeRoute(path: string): boolean {
    if (this.#exact.delete(canonicalPath(path))) return true;
    const index = this.#indexOfPattern(path);
    if (index >= 0) this.#patterns.splice(index, 1);
    return index >= 0;
  }

  setDefaultHandler(target: Target | undefined): void {
    this.#default = target;
  }

  routeRequest(request: { readonly path: string }): RouteMatch<Target> | undefined {
    const path = canonicalPath(request.path);
    const exact = this.#exact.get(path);
    if (exact !== undefined) {
      exact.matches += 1;
      return { target: exact.target, pathParams: [], params: {} };
    }
    for (const route of this.#patterns) {
      const match = route.pattern.exec(path);
      if (match === null) continue;
      route.matches += 1;
      const params = Object.entries(match.groups ?? {}).filter(
        ([, value]) => (value as string | undefined) !== undefined,
      );
      return {
        target: route.target,
        // A group that took no part in the match keeps its place.
        pathParams: match.slice(1).map((value) => percentDecode((value as string | undefined) ?? "")),
        params: Object.fromEntries(params.map(([name, value]) => [name, percentDecode(value)])),
      };
    }
    this.#unmatched += 1;
    return this.#default === undefined ? undefined : { target: this.#default, pathParams: [], params: {} };
  }

  getRouteHandler(path: string): Target | undefined {
    return (this.#exact.get(canonicalPath(path)) ?? this.#patterns[this.#indexOfPattern(path)])?.target;
  }

  getAllRoutes(): readonly string[] {
    return this.#routes().map((route) => route.source);
  }

  getRouteStats(): RouteStats {
    return {
      exactRoutes: this.#exact.size,
      patternRoutes: this.#patterns.length,
      hasDefaultHandler: this.#default !== undefined,
      matches: Object.fromEntries(this.#routes().map((route) => [route.source, route.matches])),
      unmatched: this.#unmatched,
    };
  }

  #routes(): readonly ExactRoute<Target>[] {
    return [...this.#exact.values(), ...this.#patterns];
  }

  #indexOfPattern(path: string): number {
    return this.#patterns.findIndex(({ key }) => key === path || key === canonicalPath(path));
  }

  #addPattern(route: PatternRoute<Target>): void {
    if (this.#patterns.some(({ key }) => key === route.key)) throw refused(route.source, "it is registered already");
    this.#patterns.push(route);
  }
}

function anchored(pattern: RegExp | string, source: string): RegExp {
  const flags = typeof pattern === "string" ? "u" : pattern.flags.replaceAll(/[gy]/g, "");
  try {
    return new RegExp(`^(?:${source})$`, flags);
  } catch (error) {
    throw refused(source, "it is no valid regular expression", error);
  }
}

function patternOfParameters(path: string): RegExp {
  const names = new Set<string>();
  const segments = path.split("/").map((segment) => {
    if (!segment.startsWith(":")) return canonicalPath(segment).replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const name = segment.slice(1);
    if (!/^[A-Za-z_]\w*$/.test(name)) throw refused(path, `"${segment}" is no name of a parameter`);
    if (names.has(name)) throw refused(path, `it has two parameters called ${name}`);
    names.add(name);
    return `(?<${name}>[^/]+)`;
  });
  return new RegExp(`^${segments.join("/")}$`, "u");
}

function refused(path: string, reason: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(`Cannot add the route "${path}": ${reason}`, {
    configKey: "route",
    configValue: path,
    ...(cause === undefined ? {} : { cause }),
  });
}
