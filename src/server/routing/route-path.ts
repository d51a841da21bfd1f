/** What a route is registered by: a path, a path with parameters, or a pattern; perhaps under an app's prefix. */
import { inspect } from "node:util";

import { ConfigurationError } from "../../errors/errors.ts";

import { canonicalPath, pathFault } from "./paths.ts";

export interface RoutePath {
  readonly kind: "path" | "pattern";
  /** As it was registered. */
  readonly source: string;
  /** Two routes with the same key are the same. That of a path without parameters is the path itself, in its canonical form. */
  readonly key: string;
  /** Canonical; a path must begin with it, and `pattern` match the rest. */
  readonly prefix: string;
  /** Undefined for a path without parameters. */
  readonly pattern: RegExp | undefined;
}

/** `path` starts with "/"; its `:name` segments are parameters. Throws {@link ConfigurationError}. */
export function exactPath(path: string): RoutePath {
  const fault = pathFault(path);
  if (fault !== undefined) throw refusedRoute(path, fault);
  const pattern = path.includes("/:") ? patternOfParameters(path) : undefined;
  return { kind: "path", source: path, key: canonicalPath(path), prefix: "", pattern };
}

/** `pattern` must match the whole path. Throws {@link ConfigurationError}. */
export function patternPath(pattern: RegExp | string): RoutePath {
  const given: unknown = pattern;
  if (typeof given !== "string" && !(given instanceof RegExp)) {
    throw refusedRoute(given, "a pattern is a regular expression, or the text of one");
  }
  const source = typeof pattern === "string" ? pattern : pattern.source;
  if (/[^\x21-\x7e]/.test(source)) {
    throw refusedRoute(source, "a pattern sees the path percent-encoded; write %20 for a space, %C3%A4 for ä");
  }
  return { kind: "pattern", source, key: source, prefix: "", pattern: anchored(pattern, source) };
}

/** The prefix that an app is mounted under, without a final slash: "" for "/". Throws {@link ConfigurationError}. */
export function mountPrefix(path: string): string {
  const fault = pathFault(path) ?? (path.includes("/:") ? "the prefix of a mounted app has no parameters" : undefined);
  if (fault !== undefined) throw refusedRoute(path, fault);
  return path.replace(/\/$/, "");
}

/** The same route of an app that is mounted: "/" under "/chat" is "/chat". */
export function underPrefix(prefix: string, route: RoutePath): RoutePath {
  if (prefix === "") return route;
  const start = canonicalPath(prefix);
  const isRoot = route.kind === "path" && route.source === "/";
  return {
    ...route,
    source: isRoot ? prefix : prefix + route.source,
    key: isRoot ? start : start + route.key,
    prefix: start + route.prefix,
  };
}

/** What a pattern makes of a canonical path. */
export function matchPath({ prefix, pattern }: RoutePath, path: string): RegExpExecArray | null {
  if (pattern === undefined || !path.startsWith(prefix)) return null;
  const rest = path.slice(prefix.length);
  // "/chat" is the root of the app that is mounted there.
  return pattern.exec(rest === "" ? "/" : rest);
}

export function refusedRoute(path: unknown, reason: string, cause?: unknown): ConfigurationError {
  const shown = typeof path === "string" ? `"${path}"` : inspect(path);
  return new ConfigurationError(`Cannot add the route ${shown}: ${reason}`, {
    configKey: "route",
    configValue: path,
    ...(cause === undefined ? {} : { cause }),
  });
}

function anchored(pattern: RegExp | string, source: string): RegExp {
  const flags = typeof pattern === "string" ? "u" : pattern.flags.replaceAll(/[gy]/g, "");
  try {
    return new RegExp(`^(?:${source})$`, flags);
  } catch (error) {
    throw refusedRoute(source, "it is no valid regular expression", error);
  }
}

function patternOfParameters(path: string): RegExp {
  const names = new Set<string>();
  const segments = path.split("/").map((segment) => {
    if (!segment.startsWith(":")) return canonicalPath(segment).replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const name = segment.slice(1);
    if (!/^[A-Za-z_]\w*$/.test(name)) throw refusedRoute(path, `"${segment}" is no name of a parameter`);
    if (names.has(name)) throw refusedRoute(path, `it has two parameters called ${name}`);
    names.add(name);
    return `(?<${name}>[^/]+)`;
  });
  return new RegExp(`^${segments.join("/")}$`, "u");
}
