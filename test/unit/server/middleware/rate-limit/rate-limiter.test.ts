import { describe, expect, it, vi } from "vitest";

import { ConfigurationError } from "../../../../../src/errors/errors.ts";
import { createRateLimitMiddleware, RateLimiter } from "../../../../../src/server/middleware/rate-limit.ts";
import type { RateLimitOptions } from "../../../../../src/server/middleware/rate-limit/options.ts";
import type { RateLimitStore } from "../../../../../src/server/middleware/rate-limit/store.ts";
import { MiddlewareManager } from "../../../../../src/server/middleware/middleware-manager.ts";
import type { Logger } from "../../../../../src/config/logger.ts";
import type { RejectionResponse } from "../../../../../src/server/middleware/rejection-response.ts";
import { VirtualClock } from "../../../../../src/engine/memory/virtual-clock.ts";
import { fakeRequest } from "../fake-request.ts";

function limiterOf(options: RateLimitOptions = {}): { limiter: RateLimiter; time: VirtualClock } {
  const time = new VirtualClock({ automatic: false });
  return { limiter: createRateLimitMiddleware({ now: time.now, setTimer: time.setTimer, ...options }), time };
}

/** True, or the seconds of `retry-after`. */
async function ask(limiter: RateLimiter, host = "192.0.2.1"): Promise<true | string | null> {
  const result = await limiter(fakeRequest<unknown>({ host }));
  if (result === true) return true;
  expect(result).toMatchObject({ status: 429, kind: "rate_limit" });
  return (result as Response).headers.get("retry-after");
}

describe("RateLimiter", () => {
  it("is a function, and the result of createRateLimitMiddleware()", async () => {
    const { limiter } = limiterOf();
    expect(limiter).toBeInstanceOf(RateLimiter);
    expect(typeof limiter).toBe("function");
    expect(limiter.name).toBe("RateLimiter");
    expect(await limiter.call(undefined, fakeRequest<unknown>())).toBe(true);
    const manager = new MiddlewareManager();
    manager.addMiddleware(limiter);
    expect(manager.middlewareNames).toEqual(["RateLimiter"]);
    expect(await manager.processRequest(fakeRequest())).toBe(true);
  });

  it("admits 100 requests of an address in 60 seconds by default", async () => {
    const { limiter, time } = limiterOf();
    for (let index = 0; index < 100; index += 1) expect(await ask(limiter)).toBe(true);
    expect(await ask(limiter)).toBe("60");
    expect(await ask(limiter, "192.0.2.2")).toBe(true);
    await time.advance(59_999);
    expect(await ask(limiter)).toBe("1");
    await time.advance(1);
    expect(await ask(limiter)).toBe(true);
    expect(limiter.getStats()).toMatchObject({ admitted: 102, refused: 2, evicted: 0, storeErrors: 0 });
  });

  it("tells by retry-after the second in which the client is admitted again", async () => {
    const { limiter, time } = limiterOf({ maxRequests: 2, windowSeconds: 10 });
    await ask(limiter);
    await time.advance(2500);
    await ask(limiter);
    await time.advance(600);
    // 6.9 s are left.
    expect(await ask(limiter)).toBe("7");
    await time.advance(6000);
    expect(await ask(limiter)).toBe("1");
    await time.advance(1000);
    expect(await ask(limiter)).toBe(true);
    // The next one is free 2.4 s later.
    expect(await ask(limiter)).toBe("3");
  });

  it("admits exactly as many as it may of requests at the same time, also with an async key", async () => {
    for (const key of [undefined, async (): Promise<string> => Promise.resolve("everybody")]) {
      const { limiter } = limiterOf({ maxRequests: 7, ...(key === undefined ? {} : { key }) });
      const results = await Promise.all(Array.from({ length: 50 }, () => ask(limiter)));
      expect(results.filter((result) => result === true)).toHaveLength(7);
    }
  });

  it("counts IPv6 by its first 64 bits and IPv4-mapped as IPv4", async () => {
    const { limiter } = limiterOf({ maxRequests: 1 });
    expect(await ask(limiter, "2001:db8::1")).toBe(true);
    expect(await ask(limiter, "2001:db8::ffff:2")).toBe("60");
    expect(await ask(limiter, "2001:db8:0:1::1")).toBe(true);
    expect(await ask(limiter, "192.0.2.1")).toBe(true);
    expect(await ask(limiter, "::ffff:192.0.2.1")).toBe("60");
  });

  it("limits what the key function says, and not what is to be skipped", async () => {
    const limiter = createRateLimitMiddleware<{ user: string; isAdmin: boolean }>({
      maxRequests: 1,
      key: (request) => request.locals.user,
      skip: async (request) => request.locals.isAdmin,
    });
    const askAs = async (user: string, isAdmin = false): Promise<boolean> => {
      const request = fakeRequest<{ user: string; isAdmin: boolean }>();
      request.locals = { user, isAdmin };
      return (await limiter(request)) === true;
    };
    expect([await askAs("ada"), await askAs("ada"), await askAs("bob")]).toEqual([true, false, true]);
    expect([await askAs("ada", true), await askAs("ada", true)]).toEqual([true, true]);
    expect(limiter.getStats()).toMatchObject({ admitted: 2, refused: 1, keys: 2 });
  });

  it("fails closed when the key function gives no text, or throws", async () => {
    for (const key of [(): unknown => undefined, (): never => Promise.reject(new Error("no")) as never]) {
      const manager = new MiddlewareManager();
      manager.addMiddleware(createRateLimitMiddleware({ key: key as () => string }));
      const request = fakeRequest();
      expect(await manager.processRequest(request)).toBe(false);
      expect(request.rejection).toMatchObject({ status: 500, kind: "middleware_error" });
      expect(request.rejection?.reason).toContain("RateLimiter");
    }
  });

  it("never shows the key, which may be a token", async () => {
    const limiter = createRateLimitMiddleware({ maxRequests: 1, key: () => "secret" });
    await limiter(fakeRequest<unknown>());
    const refusal = (await limiter(fakeRequest<unknown>())) as RejectionResponse;
    expect(refusal.reason).toMatch(/^the client has used up its rate limit for 60 s: raise maxRequests/);
  });

  it("forgets the oldest admission beyond maxEntries, and counts it", async () => {
    const { limiter } = limiterOf({ maxRequests: 1, maxEntries: 2 });
    for (const host of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) expect(await ask(limiter, host)).toBe(true);
    expect(await ask(limiter, "192.0.2.3")).toBe("60");
    expect(await ask(limiter, "192.0.2.1")).toBe(true);
    expect(limiter.getStats()).toMatchObject({ keys: 2, entries: 2, evicted: 2 });
  });

  it("cleans up between start and stop, a batch at a time, and leaves no timer", async () => {
    const { limiter, time } = limiterOf({ cleanupInterval: 1000, windowSeconds: 1, maxRequests: 1_000_000 });
    expect(time.timers).toBe(0);
    limiter.start();
    limiter.start();
    expect(time.timers).toBe(1);
    for (let index = 0; index < 5001; index += 1) await limiter(fakeRequest<unknown>());
    await time.advance(1000);
    // The first batch has left one; the second one follows at once.
    expect(limiter.getStats().entries).toBe(0);
    expect(time.timers).toBe(1);
    limiter.stop();
    limiter.stop();
    expect(time.timers).toBe(0);
    const idle = limiterOf({ cleanupInterval: 0 });
    idle.limiter.start();
    expect(idle.time.timers).toBe(0);
  });

  it.each([
    ["maxRequests", { maxRequests: 0 }],
    ["maxRequests", { maxRequests: 1.5 }],
    ["maxRequests", { maxRequests: "5" }],
    ["windowSeconds", { windowSeconds: 0 }],
    ["windowSeconds", { windowSeconds: Number.NaN }],
    ["windowSeconds", { windowSeconds: Infinity }],
    ["windowSeconds", { windowSeconds: "60" }],
    ["cleanupInterval", { cleanupInterval: -1 }],
    ["maxEntries", { maxEntries: 2 ** 24 + 1 }],
    ["maxEntries", { maxRequests: 100, maxEntries: 99 }],
    ["store", { store: {} }],
    ["onStoreError", { store: { consume: () => {} }, onStoreError: "ignore" }],
    ["storeTimeout", { store: { consume: () => {} }, storeTimeout: 0 }],
    ["maxRequests", { store: { consume: () => {} }, maxRequests: 5 }],
    ["windowSeconds", { store: { consume: () => {} }, windowSeconds: 5 }],
  ])("refuses a wrong %s at the call", (configKey, options) => {
    const create = (): unknown => createRateLimitMiddleware(options as unknown as RateLimitOptions);
    expect(create).toThrow(ConfigurationError);
    expect(create).toThrow(expect.objectContaining({ configKey }));
  });
});

describe("RateLimiter with a store", () => {
  const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

  it("gives the store the key, and refuses what it refuses, with its time", async () => {
    const keys: unknown[] = [];
    const store: RateLimitStore = {
      consume: (...args) => {
        keys.push(args);
        // As rate-limiter-flexible does: no Error.
        const refusal = { msBeforeNext: 1001 } as unknown as Error;
        return keys.length > 1 ? Promise.reject(refusal) : Promise.resolve({ msBeforeNext: 5000 });
      },
    };
    const { limiter } = limiterOf({ store });
    expect(await ask(limiter, "2001:db8::1")).toBe(true);
    expect(await ask(limiter)).toBe("2");
    expect(keys).toEqual([
      ["2001:db8:0:0::/64", 1],
      ["192.0.2.1", 1],
    ]);
    expect(limiter.getStats()).toEqual({ admitted: 1, refused: 1, keys: 0, entries: 0, evicted: 0, storeErrors: 0 });
  });

  it("sends no retry-after when the store's limit has no end", async () => {
    const refusal = { msBeforeNext: -1 } as unknown as Error;
    const consume = (): Promise<never> => Promise.reject(refusal);
    expect(await ask(limiterOf({ store: { consume } }).limiter)).toBeNull();
  });

  it.each([
    ["rejects", (): Promise<never> => Promise.reject(new Error("ECONNREFUSED 10.0.0.1"))],
    ["rejects with nothing", (): Promise<never> => Promise.reject(undefined as unknown as Error)],
    [
      "throws",
      (): never => {
        throw new Error("no client");
      },
    ],
  ])("refuses with 503 when the store %s, or admits when that was chosen", async (_how, consume) => {
    const closed = limiterOf({ store: { consume }, logger: silent }).limiter;
    const refusal = await closed(fakeRequest<unknown>());
    expect(refusal).toMatchObject({ status: 503, kind: "rate_limit_store" });
    expect((refusal as RejectionResponse).reason).toBe(
      'the rate limit store fails: mend it, or set onStoreError to "allow"',
    );
    expect(closed.getStats()).toMatchObject({ admitted: 0, refused: 0, storeErrors: 1 });
    const open = limiterOf({ store: { consume }, logger: silent, onStoreError: "allow" }).limiter;
    expect(await open(fakeRequest<unknown>())).toBe(true);
    expect(open.getStats()).toMatchObject({ admitted: 1, refused: 0, storeErrors: 1 });
  });

  it("waits for the store 1 s by default, and ignores what it says later", async () => {
    const fails: ((error: Error) => void)[] = [];
    const consume = (): Promise<never> =>
      new Promise((_resolve, reject) => {
        fails.push(reject);
      });
    const { limiter, time } = limiterOf({ store: { consume }, logger: silent });
    const asked = limiter(fakeRequest<unknown>());
    await vi.waitFor(() => expect(fails).toHaveLength(1));
    await time.advance(999);
    expect(limiter.getStats().storeErrors).toBe(0);
    await time.advance(1);
    expect(await asked).toMatchObject({ status: 503, cause: { name: "TimeoutError", timeoutDuration: 1000 } });
    fails[0]?.(new Error("late"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(time.timers).toBe(0);
  });

  it("tells the log once when the store begins to fail, and once when it answers again", async () => {
    const lines: string[] = [];
    const logger = {
      ...silent,
      warn: (_: object, text: string) => void lines.push(text),
      info: (_: object, text: string) => void lines.push(text),
    };
    let isFailing = true;
    const consume = async (): Promise<{ msBeforeNext: number }> => {
      if (isFailing) throw new Error("away");
      return { msBeforeNext: 0 };
    };
    const { limiter, time } = limiterOf({ store: { consume }, logger, onStoreError: "allow" });
    for (let index = 0; index < 3; index += 1) await limiter(fakeRequest<unknown>());
    isFailing = false;
    for (let index = 0; index < 3; index += 1) await limiter(fakeRequest<unknown>());
    expect(lines).toEqual([
      "the rate limit store fails: requests are admitted without a limit",
      "the rate limit store answers again",
    ]);
    expect(time.timers).toBe(0);
  });
});
