import { systemTimer } from "../../async/deadlines.ts";
import type { SetTimer } from "../../async/deadlines.ts";
import { addressGroup } from "../../base/address-group.ts";
import { consoleLogger } from "../../config/logger.ts";
import type { SessionRequest } from "../../transport/session/request.ts";

import type { MiddlewareResult } from "./middleware.ts";
import { CallableMiddleware } from "./rate-limit/callable.ts";
import { checkRateLimitOptions } from "./rate-limit/options.ts";
import type { RateLimitOptions, StoredRateLimitOptions } from "./rate-limit/options.ts";
import { SlidingLog } from "./rate-limit/sliding-log.ts";
import { consume } from "./rate-limit/store.ts";
import { RejectionResponse } from "./rejection-response.ts";

/** Counts of a RateLimiter. */
export interface RateLimiterStats {
  readonly admitted: number;
  readonly refused: number;
  /** Keys that the limiter remembers; 0 with a store. */
  readonly keys: number;
  /** Their admitted requests; 0 with a store. */
  readonly entries: number;
  /** Entries that were forgotten before their time, because there were more than `maxEntries`. */
  readonly evicted: number;
  /** Requests for which the store failed. */
  readonly storeErrors: number;
}

/** Entries that a cleanup forgets without a pause: about a millisecond's work. */
const cleanupBatch = 5000;

/**
 * Limits session requests by client: a function, to be registered as middleware. Over the limit the client gets 429 with
 * `retry-after` in seconds. A refused request is not counted (a store may do otherwise). Requests count where the limiter
 * is registered: before an authentication also those that fail it.
 *
 * Without a store it is a sliding log: no window of the given length, wherever it begins, has more than `maxRequests`
 * admitted requests of one key.
 */
export class RateLimiter<Locals = unknown> extends CallableMiddleware<Locals> {
  readonly #key: (request: SessionRequest<Locals>) => string | Promise<string>;
  readonly #skip: ((request: SessionRequest<Locals>) => boolean | Promise<boolean>) | undefined;
  readonly #log: SlidingLog;
  readonly #stored: StoredRateLimitOptions<Locals> | undefined;
  readonly #cleanupInterval: number;
  readonly #now: () => number;
  readonly #setTimer: SetTimer;
  #cancelCleanup: (() => void) | undefined;
  #admitted = 0;
  #refused = 0;
  #storeErrors = 0;
  #isStoreFailing = false;

  /** Throws ConfigurationError. */
  constructor(options: RateLimitOptions<Locals> = {}) {
    super();
    checkRateLimitOptions(options);
    const { key = byAddress, skip, now = () => performance.now(), setTimer = systemTimer } = options;
    this.#key = key;
    this.#skip = skip;
    this.#now = now;
    this.#setTimer = setTimer;
    this.#stored = options.store === undefined ? undefined : options;
    const { maxRequests = 100, windowSeconds = 60, cleanupInterval = 300_000, maxEntries = 1_000_000 } = options;
    this.#log = new SlidingLog({ maxRequests, window: windowSeconds * 1000, maxEntries });
    this.#cleanupInterval = this.#stored === undefined ? cleanupInterval : 0;
  }

  /** What a call of the limiter does: `true`, or a Response that refuses. */
  async check(request: SessionRequest<Locals>): Promise<MiddlewareResult> {
    if ((await this.#skip?.(request)) === true) return true;
    const key: unknown = await this.#key(request);
    if (typeof key !== "string")
      throw new TypeError(`The key function returned ${typeof key}: it must return a string`);
    const wait =
      this.#stored === undefined ? this.#log.admit(key, this.#now()) : await this.#consume(this.#stored, key);
    if (wait instanceof Response) return wait;
    if (wait === 0) {
      this.#admitted += 1;
      return true;
    }
    this.#refused += 1;
    return tooMany(wait);
  }

  /** Begins to clean up. The app calls it; a second call changes nothing. */
  start(): void {
    if (this.#cleanupInterval > 0 && this.#cancelCleanup === undefined) this.#cleanUpAfter(this.#cleanupInterval);
  }

  /** Ends the cleaning. What is counted stays. */
  stop(): void {
    this.#cancelCleanup?.();
    this.#cancelCleanup = undefined;
  }

  /** Counts since the limiter was made, and what it remembers now. */
  getStats(): RateLimiterStats {
    const { keyCount, entryCount, evicted } = this.#log;
    return {
      admitted: this.#admitted,
      refused: this.#refused,
      keys: keyCount,
      entries: entryCount,
      evicted,
      storeErrors: this.#storeErrors,
    };
  }

  #cleanUpAfter(milliseconds: number): void {
    this.#cancelCleanup = this.#setTimer(milliseconds, () => {
      const isUnfinished = this.#log.expire(this.#now(), cleanupBatch);
      if (!isUnfinished) this.#log.shrink();
      this.#cleanUpAfter(isUnfinished ? 0 : this.#cleanupInterval);
    });
  }

  /** Milliseconds until the key may be admitted, 0 when it is now; a Response when the store does not say and that refuses. */
  async #consume(options: StoredRateLimitOptions<Locals>, key: string): Promise<number | Response> {
    const { store, onStoreError = "refuse", storeTimeout = 1000, logger = consoleLogger } = options;
    try {
      const wait = await consume(store, key, storeTimeout, this.#setTimer);
      if (this.#isStoreFailing) logger.info({}, "the rate limit store answers again");
      this.#isStoreFailing = false;
      return wait;
    } catch (error) {
      this.#storeErrors += 1;
      const consequence = onStoreError === "allow" ? "admitted without a limit" : "refused with 503";
      if (!this.#isStoreFailing) logger.warn({ error }, `the rate limit store fails: requests are ${consequence}`);
      this.#isStoreFailing = true;
      if (onStoreError === "allow") return 0;
      const reason = 'the rate limit store fails: mend it, or set onStoreError to "allow"';
      return new RejectionResponse(503, { kind: "rate_limit_store", reason, cause: error });
    }
  }
}

/**
 * A {@link RateLimiter}, to be registered as middleware. Throws ConfigurationError.
 *
 * ```ts
 * app.middleware(createRateLimitMiddleware({ maxRequests: 20, windowSeconds: 10 }));
 *
 * const store = new RateLimiterRedis({ storeClient: new Redis(), points: 20, duration: 10 });
 * app.middleware(createRateLimitMiddleware({ store, onStoreError: "allow" }));
 * ```
 */
export function createRateLimitMiddleware<Locals = unknown>(
  options: RateLimitOptions<Locals> = {},
): RateLimiter<Locals> {
  return new RateLimiter(options);
}

function byAddress({ remoteAddress }: SessionRequest<unknown>): string {
  return addressGroup(remoteAddress.host);
}

function tooMany(wait: number): RejectionResponse {
  const seconds = Math.max(1, Math.ceil(wait / 1000));
  const isKnown = Number.isFinite(seconds);
  const when = isKnown ? ` for ${seconds} s` : "";
  return new RejectionResponse(429, {
    kind: "rate_limit",
    // Without the key, which may be a token.
    reason: `the client has used up its rate limit${when}: raise maxRequests of createRateLimitMiddleware (a store's points) to admit more`,
    // RFC 9110 §10.2.3: whole seconds, so rounded up: before them the client would be refused again.
    headers: isKnown ? { "retry-after": String(seconds) } : {},
  });
}
