import { afterEach, describe, expect, it } from "vitest";

import { createAuthMiddleware } from "../../../../src/server/middleware/auth.ts";
import { createCorsMiddleware } from "../../../../src/server/middleware/cors.ts";
import { createRateLimitMiddleware } from "../../../../src/server/middleware/rate-limit.ts";

import { ChainWorld } from "./chain-world.ts";

describe("A client of a server with middleware", () => {
  let world: ChainWorld;

  afterEach(async () => {
    await world.close();
  });

  it("gets status and headers of the refusal, and a session once all middleware agrees", async () => {
    world = await ChainWorld.start(
      createRateLimitMiddleware({ maxRequests: 3, now: () => 0 }),
      createCorsMiddleware({ allowedOrigins: ["https://example.com"] }),
      createAuthMiddleware(
        (headers, { locals }) => {
          locals["user"] = headers.get("authorization");
          return locals["user"] === "Bearer ada";
        },
        { realm: "chat" },
      ),
    );
    const origin = "https://example.com";
    expect(await world.refusal("/")).toMatchObject({ status: 403, details: { headers: {} } });
    expect(await world.refusal("/", { headers: { origin } })).toMatchObject({
      status: 401,
      details: { headers: { "www-authenticate": 'Bearer realm="chat"' } },
    });
    const session = await world.connect("/", { headers: { origin, authorization: "Bearer ada" } });
    expect(world.accepted[0]?.locals).toEqual({ user: "Bearer ada" });
    expect(await world.refusal("/", { headers: { origin } })).toMatchObject({
      status: 429,
      details: { headers: { "retry-after": "60" } },
    });
    await session.close();
    expect(world.requests.map(({ rejection }) => rejection?.kind)).toEqual(["origin", "auth", undefined, "rate_limit"]);
  });

  it("gets nothing of an error's own text", async () => {
    world = await ChainWorld.start(() => {
      throw new Error("password of the database");
    });
    const refusal = await world.refusal("/");
    expect(refusal).toMatchObject({ status: 500, details: { headers: {} } });
    expect(JSON.stringify(refusal)).not.toContain("password");
  });

  it("may go while a middleware thinks: its signal aborts, and the chain ends", async () => {
    let asked: () => void = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    let reason: unknown;
    world = await ChainWorld.start(
      ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            resolve(true);
          });
          asked();
        }),
    );
    const abort = new AbortController();
    const opening = world.connect("/", { signal: abort.signal });
    await isAsked;
    abort.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
    const outcome = await world.requests[0]?.outcome;
    expect(outcome).toMatchObject({ type: "cancelled", error: reason });
    expect(reason).toMatchObject({ code: "ERR_WT_SESSION_CANCELLED" });
    expect(world.requests[0]?.rejection).toBeUndefined();
    expect(world.accepted).toEqual([]);
  });
});
