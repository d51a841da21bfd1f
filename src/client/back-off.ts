import { isRetriableError, WebTransportError } from "../errors/errors.ts";

import type { ClientConfigValues } from "./client-config.ts";
import { responseHeader } from "./response-header.ts";

type BackOffOptions = Pick<ClientConfigValues, "retryDelay" | "retryBackoff" | "maxRetryDelay">;

/** Milliseconds before retry number `retry` (1 is the first): what the options say, or longer where the server asks for it. */
export function retryDelayOf(retry: number, options: BackOffOptions, error: unknown): number {
  const grown = options.retryDelay * options.retryBackoff ** (retry - 1);
  return Math.min(Math.max(grown, retryAfterOf(error)), options.maxRetryDelay);
}

/** Whether the same attempt may succeed later, although nothing is changed. */
export function isWorthRetrying(error: unknown): boolean {
  if (!isRetriableError(error)) return false;
  // Do not retry: a missing name rarely appears within the time-out.
  return !(error instanceof WebTransportError && error.details["lookupCode"] === "ENOTFOUND");
}

/** RFC 9110 §10.2.3, in seconds; dates are not looked at. 0 when there is none. */
function retryAfterOf(error: unknown): number {
  const value = responseHeader(error, "retry-after");
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) * 1000 : 0;
}
