import type { SetTimer } from "../../../async/deadlines.ts";
import type { Logger } from "../../../config/logger.ts";
import { checkOptions } from "../../../config/given-options.ts";
import { aFunction, aLogger, integer, oneOf } from "../../../config/option-checks.ts";
import type { Check } from "../../../config/option-checks.ts";
import { refused } from "../../../config/option-table.ts";
import type { SessionRequest } from "../../../transport/session/request.ts";

import type { RateLimitStore } from "./store.ts";

interface CommonRateLimitOptions<Locals> {
  /**
   * What is limited. Default: the client's address, IPv6 by its first 64 bits, IPv4-mapped as IPv4. Behind an
   * authentication it may be the user.
   */
  readonly key?: (request: SessionRequest<Locals>) => string | Promise<string>;
  /** `true` admits a request without counting it. */
  readonly skip?: (request: SessionRequest<Locals>) => boolean | Promise<boolean>;
  /** For tests: milliseconds of a clock that does not jump. Default `performance.now`. */
  readonly now?: () => number;
  /** For tests: how time passes. Default: the process's timers. */
  readonly setTimer?: SetTimer;
}

/** A limit that this process keeps in its memory. */
export interface LocalRateLimitOptions<Locals = unknown> extends CommonRateLimitOptions<Locals> {
  /** Requests of one key within a window, 1 to 1000000. Default 100. */
  readonly maxRequests?: number;
  /** Seconds, more than 0 and at most 31536000. Default 60. */
  readonly windowSeconds?: number;
  /** Milliseconds between two cleanups, which give memory back; 0: none. Default 300000. */
  readonly cleanupInterval?: number;
  /**
   * Admitted requests of all keys that are remembered at most, 1 to 2^24; then the oldest is forgotten, and counted
   * (`evicted`). Each takes 52 bytes, and up to twice that because memory grows by doubling. Default 1000000: at most
   * 55 MB.
   */
  readonly maxEntries?: number;
  readonly store?: undefined;
}

/** A limit that is kept elsewhere, for several processes. How many requests in which time is the store's to say. */
export interface StoredRateLimitOptions<Locals = unknown> extends CommonRateLimitOptions<Locals> {
  /** An instance of rate-limiter-flexible, with its `points` and `duration`. */
  readonly store: RateLimitStore;
  /** When the store fails or takes too long: "refuse" with 503, or "allow". Default "refuse". */
  readonly onStoreError?: "refuse" | "allow";
  /** Milliseconds that the store has for its answer, 1 to 60000. Default 1000. */
  readonly storeTimeout?: number;
  /** Told (warn) when the store begins to fail and (info) when it answers again. Default: lines on standard error. */
  readonly logger?: Logger;
  readonly maxRequests?: undefined;
  readonly windowSeconds?: undefined;
  readonly cleanupInterval?: undefined;
  readonly maxEntries?: undefined;
}

/** Options of a rate limit, kept in memory or in a store. */
export type RateLimitOptions<Locals = unknown> = LocalRateLimitOptions<Locals> | StoredRateLimitOptions<Locals>;

const seconds: Check = (value) =>
  typeof value === "number" && value > 0 && value <= 31_536_000
    ? undefined
    : "must be more than 0 and at most 31536000";

const store: Check = (value) =>
  typeof (value as { consume?: unknown } | null)?.consume === "function"
    ? undefined
    : "must be an instance of rate-limiter-flexible, which has consume()";

const checks: Readonly<Record<string, Check>> = {
  maxRequests: integer(1, 1_000_000),
  windowSeconds: seconds,
  cleanupInterval: integer(0, 2 ** 31 - 1),
  maxEntries: integer(1, 2 ** 24),
  key: aFunction,
  skip: aFunction,
  store,
  onStoreError: oneOf("refuse", "allow"),
  storeTimeout: integer(1, 60_000),
  logger: aLogger,
  now: aFunction,
  setTimer: aFunction,
};

/** Throws ConfigurationError for the first option that is not allowed. */
export function checkRateLimitOptions(options: RateLimitOptions<never>): void {
  checkOptions("createRateLimitMiddleware", options, checks);
  const given = options as Readonly<Record<string, unknown>>;
  const { maxRequests = 100, maxEntries = 1_000_000 } = options;
  if (maxRequests > maxEntries) throw refused("maxEntries", maxEntries, "must not be less than maxRequests");
  if (options.store === undefined) return;
  for (const name of ["maxRequests", "windowSeconds", "maxEntries", "cleanupInterval"]) {
    if (given[name] !== undefined) throw refused(name, given[name], "is the store's to say: leave it out");
  }
}
