import { Redis } from "ioredis";
import { RateLimiterRedis } from "rate-limiter-flexible";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { MiddlewareManager } from "../../../src/server/middleware/middleware-manager.ts";
import { createRateLimitMiddleware } from "../../../src/server/middleware/rate-limit.ts";
import type { StoredRateLimitOptions } from "../../../src/server/middleware/rate-limit/options.ts";
import type { Rejection } from "../../../src/transport/session/request.ts";
import { fakeRequest } from "../../unit/server/middleware/fake-request.ts";

import { RedisProcess } from "./redis.ts";

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe("A rate limit in Redis", () => {
  let redis: RedisProcess;
  const clients: Redis[] = [];

  beforeEach(async () => {
    redis = await RedisProcess.start();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await redis.end();
  });

  /** Middleware as a process of a cluster would have it, with a connection of its own. */
  async function processOf(options: Partial<StoredRateLimitOptions> = {}): Promise<MiddlewareManager> {
    const storeClient = new Redis({ path: redis.socket, lazyConnect: true, enableOfflineQueue: false });
    storeClient.on("error", () => {
      // What a caller is told when the server has gone.
    });
    clients.push(storeClient);
    await storeClient.connect();
    const store = new RateLimiterRedis({ storeClient, points: 10, duration: 600 });
    const manager = new MiddlewareManager();
    manager.addMiddleware(createRateLimitMiddleware({ store, logger: silent, ...options }));
    return manager;
  }

  async function ask(manager: MiddlewareManager, host = "192.0.2.1"): Promise<Rejection | undefined> {
    const request = fakeRequest({ host });
    expect(await manager.processRequest(request)).toBe(request.rejection === undefined);
    return request.rejection;
  }

  it("is exact over several processes and requests at the same time, each address by itself", async () => {
    const processes = await Promise.all([processOf(), processOf(), processOf()]);
    const results = await Promise.all(Array.from({ length: 30 }, (_, index) => ask(processes[index % 3]!)));
    const refused = results.filter((rejection) => rejection !== undefined);
    expect(refused).toHaveLength(20);
    for (const { status, kind, headers } of refused) {
      expect([status, kind]).toEqual([429, "rate_limit"]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(500);
      expect(Number(headers.get("retry-after"))).toBeLessThanOrEqual(600);
    }
    expect(await ask(processes[0], "192.0.2.2")).toBeUndefined();
  });

  it("refuses with 503 once the server has gone, or admits when that was chosen", async () => {
    const closed = await processOf();
    const open = await processOf({ onStoreError: "allow" });
    expect([await ask(closed), await ask(open)]).toEqual([undefined, undefined]);
    await redis.end();
    expect(await ask(closed)).toMatchObject({ status: 503, kind: "rate_limit_store" });
    expect(await ask(open)).toBeUndefined();
  });

  it("waits no longer than storeTimeout for a server that hangs", async () => {
    const closed = await processOf({ storeTimeout: 50 });
    const open = await processOf({ storeTimeout: 50, onStoreError: "allow" });
    redis.pause();
    const cause = { name: "TimeoutError", timeoutDuration: 50 };
    expect(await ask(closed)).toMatchObject({ status: 503, kind: "rate_limit_store", cause });
    expect(await ask(open)).toBeUndefined();
  });
});
