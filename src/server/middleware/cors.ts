import { ConfigurationError } from "../../errors/errors.ts";

import type { Middleware } from "./middleware.ts";
import { RejectionResponse } from "./rejection-response.ts";

export interface CorsOptions {
  /**
   * Origins as browsers send them ("https://example.com", "https://example.com:8443"), compared exactly.
   * "https://*.example.com" is every host with exactly one label in place of the asterisk, not example.com itself. "*" is
   * every origin. "null" is what sandboxed frames and local files have.
   */
  readonly allowedOrigins: readonly string[];
  /** Admit requests without an origin: browsers always send one, native clients mostly do not. Default false, whatever the list. */
  readonly allowMissingOrigin?: boolean;
}

/**
 * Refuses (403) requests from pages of other origins. Throws ConfigurationError for an entry that no browser's origin
 * could equal, such as one with a path.
 *
 * ```ts
 * app.middleware(createCorsMiddleware({ allowedOrigins: ["https://example.com", "https://*.example.com"] }));
 * ```
 */
export function createCorsMiddleware(options: CorsOptions): Middleware<unknown> {
  const { allowMissingOrigin = false } = options;
  const isAllowed = originPolicy(options.allowedOrigins);
  return function cors({ origin = "" }) {
    if (origin === "") return allowMissingOrigin || refused("the request has no origin", "set allowMissingOrigin");
    return isAllowed(origin) || refused(`origin ${origin} is not in allowedOrigins`, "add it to the list");
  };
}

function refused(what: string, advice: string): RejectionResponse {
  const reason = `${what}: ${advice} of createCorsMiddleware to admit it`;
  return new RejectionResponse(403, { kind: "origin", reason });
}

function originPolicy(allowedOrigins: readonly string[]): (origin: string) => boolean {
  const entries: unknown = allowedOrigins;
  if (!Array.isArray(entries)) throw refusedOption("allowedOrigins must be an array of origins", entries);
  for (const entry of allowedOrigins) checkEntry(entry);
  if (allowedOrigins.includes("*")) return () => true;
  const exact = new Set(allowedOrigins.filter((entry) => !entry.includes("*")));
  const wildcards = allowedOrigins.filter((entry) => entry.includes("*")).map(wildcardOf);
  return (origin) => exact.has(origin) || wildcards.some((matches) => matches(origin));
}

function wildcardOf(entry: string): (origin: string) => boolean {
  const [before = "", after = ""] = entry.split("*");
  return (origin) => {
    const label = origin.slice(before.length, -after.length);
    // RFC 9525 §6.3, as for `authorities`: the asterisk stands for exactly one label.
    return origin === before + label + after && /^[^./:@[\]]+$/.test(label);
  };
}

function checkEntry(entry: unknown): void {
  const reason = typeof entry === "string" ? fault(entry) : "it is no string";
  if (reason !== undefined) throw refusedOption(`Cannot allow the origin ${JSON.stringify(entry)}: ${reason}`, entry);
}

function refusedOption(text: string, configValue: unknown): ConfigurationError {
  return new ConfigurationError(text, { configKey: "allowedOrigins", configValue });
}

/** Why no browser's origin could match the entry. */
function fault(entry: string): string | undefined {
  if (entry === "*" || entry === "null") return undefined;
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/.test(entry)) {
    return 'an origin is a scheme and a host, perhaps a port, such as "https://example.com:8443"';
  }
  const stars = entry.split("*").length - 1;
  if (stars > 0 && (stars > 1 || !/:\/\/\*\.[^.:]/.test(entry))) {
    return 'an asterisk stands alone, or for the first label of a host, such as "https://*.example.com"';
  }
  if (!/^https?:/.test(entry)) return undefined;
  // The URL Standard's serialisation is what a browser sends: lower case, Punycode, no default port.
  const example = entry.replace("*.", "label.");
  const canonical = originOf(example);
  if (canonical === undefined) return "its host is not valid";
  return canonical === example
    ? undefined
    : `browsers write it "${stars > 0 ? canonical.replace("label.", "*.") : canonical}"`;
}

function originOf(text: string): string | undefined {
  try {
    return new URL(text).origin;
  } catch {
    return undefined;
  }
}
