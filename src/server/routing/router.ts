import { ConfigurationError } from "../../errors/errors.ts";

/** What a route leads to, and how the path matched. */
export interface RouteMatch<Target> {
  readonly target: Target;
  /** The parameters' values in the order of the path or pattern. */
  readonly pathParams: readonly string[];
  /** By name: `:name` segments and named groups, percent-decoded once. */
  readonly params: Readonly<Record<string, string>>;
}

interface ExactRoute<Target> {
  readonly target: Target;
  matches: number;
}

interface PatternRoute<Target> extends ExactRoute<Target> {
  readonly source: string;
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
 * their registration, then the default. Paths are matched without their query string.
 */
export class RequestRouter<Target> {
  readonly #exact = new Map<string, ExactRoute<Target>>();
  readonly #patterns: PatternRoute<Target>[] = [];
  #default: Target | undefined;
  #unmatched = 0;

  /** `path` starts with "/"; its `:name` segments are parameters. Throws {@link ConfigurationError}. */
  addRoute(path: string, target: Target): void {
    if (!path.startsWith("/") || /[?#\s]/.test(path)) {
      throw refused(path, 'a path starts with "/" and has no query, fragment or space');
    }
    if (path.includes("/:")) {
      this.#addPattern(path, patternOfParameters(path), target);
      return;
    }
    if (this.#exact.has(path)) throw refused(path, "it is registered already");
    this.#exact.set(path, { target, matches: 0 });
  }

  /** `pattern` must match the whole path; its groups are the parameters. Throws {@link ConfigurationError}. */
  addPatternRoute(pattern: RegExp | string, target: Target): void {
    const source = typeof pattern === "string" ? pattern : pattern.source;
    try {
      const flags = typeof pattern === "string" ? "u" : pattern.flags.replaceAll(/[gy]/g, "");
      this.#addPattern(source, new RegExp(`^(?:${source})$`, flags), target);
    } catch (error) {
      if (error instanceof ConfigurationError) throw error;
      throw refused(source, "it is no valid regular expression", error);
    }
  }

  /** Whether there was such a route: a path, a path with parameters, or a pattern's source. */
  removeRoute(path: string): boolean {
    if (this.#exact.delete(path)) return true;
    const index = this.#patterns.findIndex((route) => route.source === path);
    if (index >= 0) this.#patterns.splice(index, 1);
    return index >= 0;
  }

  setDefaultHandler(target: Target | undefined): void {
    this.#default = target;
  }

  routeRequest(request: { readonly path: string }): RouteMatch<Target> | undefined {
    const exact = this.#exact.get(request.path);
    if (exact !== undefined) {
      exact.matches += 1;
      return { target: exact.target, pathParams: [], params: {} };
    }
    for (const route of this.#patterns) {
      const match = route.pattern.exec(request.path);
      if (match === null) continue;
      route.matches += 1;
      const params = Object.entries(match.groups ?? {}).filter(
        ([, value]) => (value as string | undefined) !== undefined,
      );
      return {
        target: route.target,
        // A group that took no part in the match keeps its place.
        pathParams: match.slice(1).map((value) => decode((value as string | undefined) ?? "")),
        params: Object.fromEntries(params.map(([name, value]) => [name, decode(value)])),
      };
    }
    this.#unmatched += 1;
    return this.#default === undefined ? undefined : { target: this.#default, pathParams: [], params: {} };
  }

  getRouteHandler(path: string): Target | undefined {
    return this.#exact.get(path)?.target ?? this.#patterns.find((route) => route.source === path)?.target;
  }

  getAllRoutes(): readonly string[] {
    return [...this.#exact.keys(), ...this.#patterns.map((route) => route.source)];
  }

  getRouteStats(): RouteStats {
    const patterns = this.#patterns.map((route) => [route.source, route] as const);
    return {
      exactRoutes: this.#exact.size,
      patternRoutes: this.#patterns.length,
      hasDefaultHandler: this.#default !== undefined,
      matches: Object.fromEntries([...this.#exact, ...patterns].map(([path, route]) => [path, route.matches])),
      unmatched: this.#unmatched,
    };
  }

  #addPattern(source: string, pattern: RegExp, target: Target): void {
    if (this.#patterns.some((route) => route.source === source)) throw refused(source, "it is registered already");
    this.#patterns.push({ source, pattern, target, matches: 0 });
  }
}

function patternOfParameters(path: string): RegExp {
  const names = new Set<string>();
  const segments = path.split("/").map((segment) => {
    if (!segment.startsWith(":")) return segment.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const name = segment.slice(1);
    if (!/^[A-Za-z_]\w*$/.test(name)) throw refused(path, `"${segment}" is no name of a parameter`);
    if (names.has(name)) throw refused(path, `it has two parameters called ${name}`);
    names.add(name);
    return `(?<${name}>[^/]+)`;
  });
  return new RegExp(`^${segments.join("/")}$`, "u");
}

/** What is no valid percent-encoding is taken as it stands. */
function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function refused(path: string, reason: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(`Cannot add the route "${path}": ${reason}`, {
    configKey: "route",
    configValue: path,
    ...(cause === undefined ? {} : { cause }),
  });
}
