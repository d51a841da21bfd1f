/** What compiles and what does not, with the project's strict settings: `tsc` fails for an error that does not come. */
import pino from "pino";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { describe, expect, it } from "vitest";

import {
  createAuthMiddleware,
  createCorsMiddleware,
  createLoggingMiddleware,
  createRateLimitMiddleware,
  MiddlewareManager,
  RateLimiter,
} from "../../../../src/server/index.ts";
import type { Middleware } from "../../../../src/server/index.ts";

/** An interface, which no index signature fits. */
interface Locals {
  user: string;
}

const store = new RateLimiterMemory({ points: 1, duration: 1 });

function whatCompiles(manager: MiddlewareManager<Locals>): void {
  manager.addMiddleware(() => true);
  manager.addMiddleware(async (request) => Promise.resolve(request.locals.user === "ada"));
  manager.addMiddleware(({ url }) => (url.pathname === "/" ? true : new Response(null, { status: 404 })));
  manager.addMiddleware(createCorsMiddleware({ allowedOrigins: ["https://example.com"] }));
  manager.addMiddleware(createLoggingMiddleware({ logger: pino(), level: "debug" }));
  manager.addMiddleware(createLoggingMiddleware({ logger: console }));
  manager.addMiddleware(createRateLimitMiddleware());
  manager.addMiddleware(createRateLimitMiddleware({ maxRequests: 5, key: (request) => request.locals.user }));
  manager.addMiddleware(createRateLimitMiddleware({ store, onStoreError: "allow" }));
  manager.addMiddleware(new RateLimiter({ store, skip: () => false }));
  manager.addMiddleware(
    createAuthMiddleware((headers, request) => {
      request.locals.user = headers.get("authorization") ?? "";
      return true;
    }),
  );
  const named: Middleware<Locals> = Object.assign(() => true, { start: () => Promise.resolve(), stop: () => {} });
  manager.addMiddleware(named);
}

function whatDoesNot(manager: MiddlewareManager<Locals>): void {
  // @ts-expect-error: nothing is no answer.
  manager.addMiddleware(() => {});
  // @ts-expect-error: nor is a promise of nothing.
  manager.addMiddleware(async () => Promise.resolve());
  // @ts-expect-error: only true continues.
  manager.addMiddleware(() => 1);
  // @ts-expect-error: a status is no Response.
  manager.addMiddleware(() => ({ status: 403 }));
  // @ts-expect-error: a middleware object is a function, too.
  manager.addMiddleware({ start: () => {}, stop: () => {} });
  // @ts-expect-error: `start` is called.
  manager.addMiddleware(Object.assign(() => true, { start: true }));
  // @ts-expect-error: `locals` has no such name.
  manager.addMiddleware((request) => request.locals.name === "ada");
  manager.addMiddleware((request) => {
    // @ts-expect-error: nor this type.
    request.locals.user = 7;
    // @ts-expect-error: what the client has sent is not changed.
    request.path = "/";
    // @ts-expect-error: a middleware refuses by its answer.
    request.rejection = undefined;
    // @ts-expect-error: nor does it answer the request itself.
    return request.accept === undefined;
  });
  const other: Middleware<{ room: number }> = (request) => request.locals.room === 1;
  // @ts-expect-error: it is for other locals.
  manager.addMiddleware(other);

  // @ts-expect-error: without origins it would refuse everybody.
  createCorsMiddleware();
  // @ts-expect-error: a list, also for one.
  createCorsMiddleware({ allowedOrigins: "*" });
  // @ts-expect-error: the handler decides.
  createAuthMiddleware({ scheme: "Bearer" });
  // @ts-expect-error: by a boolean.
  createAuthMiddleware(() => "ada");
  // @ts-expect-error: by a boolean, not by being done.
  createAuthMiddleware(async () => Promise.resolve());
  // @ts-expect-error: "trace" is no level.
  createLoggingMiddleware({ level: "trace" });
  // @ts-expect-error: a function is no logger.
  createLoggingMiddleware({ logger: (line: string) => line });
  // @ts-expect-error: the limit is the store's.
  createRateLimitMiddleware({ store, maxRequests: 5 });
  // @ts-expect-error: without a store it cannot fail.
  createRateLimitMiddleware({ maxRequests: 5, onStoreError: "allow" });
  // @ts-expect-error: a Redis client is no limiter.
  createRateLimitMiddleware({ store: new Map<string, number>() });
  // @ts-expect-error: a key is text.
  createRateLimitMiddleware({ key: () => 7 });
}

describe("the types of middleware", () => {
  it("are right where the file above compiles", () => {
    const manager = new MiddlewareManager<Locals>();
    whatCompiles(manager);
    expect(manager.middlewareNames).toEqual([
      "#1",
      "#2",
      "#3",
      "cors",
      "logging",
      "logging",
      "RateLimiter",
      "RateLimiter",
      "RateLimiter",
      "RateLimiter",
      "auth",
      "#12",
    ]);
    expect(() => {
      whatDoesNot(manager);
    }).toThrow();
  });
});
