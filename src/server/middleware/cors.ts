import { checkOptions } from "../../config/given-options.ts";
import { anything, flag, listOf } from "../../config/option-checks.ts";
import { originFault, originPolicy } from "../../config/origins.ts";
import { ConfigurationError } from "../../errors/errors.ts";

import type { Middleware } from "./middleware.ts";
import { RejectionResponse } from "./rejection-response.ts";

/** Options of `createCorsMiddleware`. */
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
 * Refuses (403) requests from pages of other origins. Throws ConfigurationError, also for an entry that no browser's origin
 * could equal, such as one with a path.
 *
 * ```ts
 * app.middleware(createCorsMiddleware({ allowedOrigins: ["https://example.com", "https://*.example.com"] }));
 * ```
 */
export function createCorsMiddleware(options: CorsOptions): Middleware<unknown> {
  checkOptions("createCorsMiddleware", options, { allowedOrigins: anything, allowMissingOrigin: flag });
  const { allowMissingOrigin = false } = options;
  checkOrigins(options.allowedOrigins);
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

function checkOrigins(entries: unknown): void {
  const list: readonly unknown[] = Array.isArray(entries) ? entries : [entries];
  const reason = listOf(originFault)(entries);
  if (reason === undefined) return;
  throw new ConfigurationError(`allowedOrigins ${reason}`, {
    configKey: "allowedOrigins",
    configValue: list.find((entry) => originFault(entry) !== undefined),
  });
}
