import { afterEach, describe, expect, it, vi } from "vitest";

import { HttpError } from "../../../../src/errors/errors.ts";
import { ServerApp } from "../../../../src/server/app.ts";
import type { Middleware } from "../../../../src/server/middleware/middleware.ts";
import { createRateLimitMiddleware } from "../../../../src/server/middleware/rate-limit.ts";
import { WebTransportServer } from "../../../../src/server/server.ts";
import type { WebTransportSession } from "../../../../src/transport/session/session.ts";

import { AppWorld } from "./app-world.ts";

const open = (session: WebTransportSession<object, unknown>): Promise<unknown> => session.closed;

describe("middleware of a ServerApp", () => {
  let world: AppWorld;
  let log: string[] = [];

  afterEach(async () => {
    await world.close();
    log = [];
  });

  const passing = (name: string): Middleware<unknown> => {
    return () => {
      log.push(name);
      return true;
    };
  };
  const living = (name: string, failing = ""): Middleware<unknown> =>
    Object.assign(() => true, {
      start: () => {
        log.push(`${name} starts`);
        if (failing === "start") throw new Error(`${name} cannot start`);
      },
      stop: async () => {
        log.push(`${name} stops`);
        return failing === "stop" ? Promise.reject(new Error(`${name} cannot stop`)) : Promise.resolve();
      },
    });

  it("runs the configuration's, then the app's, then the route's, in order, and only then the handler", async () => {
    world = new AppWorld({ middleware: [passing("config 1"), passing("config 2")] });
    const { app } = world;
    expect(app.middleware(passing("app 1"))).toBeInstanceOf(Function);
    app.addMiddleware(passing("app 2"));
    app.route("/a", { middleware: [passing("route 1"), passing("route 2")] }, (session) => {
      log.push("handler");
      return session.closed;
    });
    app.route("/b", open);
    await world.listen();
    expect(await world.statusOf("/a")).toBe(200);
    expect(log.splice(0)).toEqual(["config 1", "config 2", "app 1", "app 2", "route 1", "route 2", "handler"]);
    expect(await world.statusOf("/b")).toBe(200);
    expect(await world.statusOf("/nowhere")).toBe(404);
    expect(log).toEqual(["config 1", "config 2", "app 1", "app 2", "config 1", "config 2", "app 1", "app 2"]);
  });

  it("asks limits and origin before, the subprotocol behind it", async () => {
    world = new AppWorld({ maxSessionsPerAddress: 1, allowedOrigins: ["https://*.example.com"] });
    const { app } = world;
    app.middleware(passing("app"));
    app.route("/", { protocols: ["chat"], requireProtocol: true, middleware: [passing("route")] }, open);
    await world.listen();
    expect(await world.statusOf("/")).toBe(403);
    expect(await world.statusOf("/", { headers: { origin: "https://example.com" } })).toBe(403);
    expect(log).toEqual([]);
    const headers = { origin: "https://a.example.com" };
    expect(await world.statusOf("/", { headers })).toBe(400);
    expect(log.splice(0)).toEqual(["app", "route"]);
    const session = await world.connect("/", { headers, protocols: ["chat"] });
    log = [];
    expect(await world.statusOf("/", { headers, protocols: ["chat"] })).toBe(429);
    expect(log).toEqual([]);
    expect(app.server.getServerStats().refusals).toMatchObject({ origin: 2, protocol: 1, max_sessions_per_address: 1 });
    await session.close();
  });

  it.each<[string, Middleware<unknown>, number, string, string, string]>([
    ["false", () => false, 403, "middleware", "warn", "middleware no has refused the request"],
    ["a Response", () => new Response(null, { status: 451 }), 451, "middleware", "warn", "has refused the request"],
    [
      "an HttpError that it throws",
      () => {
        throw new HttpError(418, "no tea");
      },
      418,
      "middleware",
      "warn",
      "has refused the request: no tea",
    ],
    [
      "nothing",
      (() => undefined) as unknown as Middleware<unknown>,
      500,
      "middleware_error",
      "error",
      "returned undefined",
    ],
    [
      "an error",
      () => Promise.reject(new Error("broken")),
      500,
      "middleware_error",
      "error",
      "has failed: Error: broken",
    ],
  ])("refuses for %s, with one line and one count", async (_, no, status, kind, level, reason) => {
    world = new AppWorld();
    const { app, lines } = world;
    const named = { no: (request: Parameters<typeof no>[0]) => no(request) }.no;
    app.route("/app", open);
    app.route("/route", { middleware: [named] }, open);
    await world.listen();
    expect(await world.statusOf("/route?token=1")).toBe(status);
    app.middleware(named);
    expect(await world.statusOf("/app?token=1")).toBe(status);
    expect(lines).toHaveLength(2);
    for (const [index, path] of ["/route", "/app"].entries()) {
      expect(lines[index]).toMatchObject([
        level,
        expect.stringMatching(`^${status}: .*middleware no`),
        { status, kind },
      ]);
      expect(lines[index]?.[1]).toContain(reason);
      expect(lines[index]?.[2]["path"]).toBe(`${path}?token=[redacted]`);
    }
    expect(app.server.getServerStats()).toMatchObject({ sessionsRefused: 2, refusals: { [kind]: 2 } });
  });

  it("shows the whole path in the log when redactQuery is off", async () => {
    world = await new AppWorld({ redactQuery: false }).listen();
    expect(await world.statusOf("/nowhere?room=1")).toBe(404);
    expect(world.lines).toMatchObject([["warn", "404: no route matches the path", { path: "/nowhere?room=1" }]]);
  });

  it("has middlewareTimeout for its answer, whichever list it is in", async () => {
    const never = (): Promise<boolean> => new Promise(() => {});
    world = new AppWorld({ middlewareTimeout: 1 });
    world.app.route("/route", { middleware: [never] }, open);
    world.app.route("/app", open);
    await world.listen();
    expect(await world.statusOf("/route")).toBe(503);
    world.app.middleware(never);
    expect(await world.statusOf("/app")).toBe(503);
    expect(world.lines.map(([level, message]) => `${level} ${message}`)).toEqual(
      [1, 2].map(
        () => "error 503: middleware never has not answered for 1 ms: make it faster, or raise middlewareTimeout",
      ),
    );
    expect(world.app.server.getServerStats().refusals).toMatchObject({ middleware_timeout: 2 });
  });

  it("is told when the client goes, and what it answers then changes nothing", async () => {
    world = new AppWorld({ accessLog: true });
    let answer: (answer: boolean) => void = () => {};
    const asked = new Promise<AbortSignal>((resolve) => {
      world.app.middleware(({ signal }) => {
        resolve(signal);
        return new Promise((resolveAnswer) => {
          answer = resolveAnswer;
        });
      });
    });
    const handler = vi.fn(open);
    world.app.route("/", handler);
    await world.listen();
    const abort = new AbortController();
    const opening = world.connect("/", { signal: abort.signal });
    const signal = await asked;
    const told = new Promise((resolve) => {
      signal.addEventListener("abort", resolve);
    });
    abort.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
    await told;
    answer(true);
    await world.pair.engine.clock.settle();
    expect(handler).not.toHaveBeenCalled();
    expect(world.lines.map(([, message]) => message)).toEqual([
      "abandoned: the client has gone before it was answered",
    ]);
    expect(world.app.server.getServerStats()).toMatchObject({ requests: 0, sessionsAbandoned: 1, sessionsRefused: 0 });
  });

  it("does not let a request through that it agrees to when the server is closing already", async () => {
    world = new AppWorld();
    let agree: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      world.app.middleware(() => {
        resolve();
        return new Promise((answer) => {
          agree = () => {
            answer(true);
          };
        });
      });
    });
    const handler = vi.fn(open);
    world.app.route("/", handler);
    await world.listen();
    const status = world.statusOf("/");
    await asked;
    const closed = world.app.close({ timeout: 0 });
    agree();
    expect(await status).not.toBe(200);
    await closed;
    expect(handler).not.toHaveBeenCalled();
  });

  it("tells onError what it threw, without a session", async () => {
    world = new AppWorld();
    const told: unknown[] = [];
    const broken = new Error("broken");
    const failing: Middleware = () => Promise.reject(broken);
    world.app.onError((error, session) => void told.push([error, session]));
    world.app.route("/route", { middleware: [failing] }, open);
    world.app.route("/app", open);
    await world.listen();
    expect(await world.statusOf("/route")).toBe(500);
    world.app.middleware(failing);
    world.app.middleware(() => false);
    expect(await world.statusOf("/app")).toBe(500);
    expect(told).toEqual([
      [broken, undefined],
      [broken, undefined],
    ]);
  });

  describe("with start and stop", () => {
    it("starts all lists in order before the hooks, a shared one once, and stops in reverse behind them", async () => {
      const shared = living("shared");
      world = new AppWorld({ middleware: [living("config"), shared] });
      const { app } = world;
      app.route("/", { middleware: [shared, living("route")] }, open);
      app.middleware(living("app"));
      app.middleware(shared);
      app.onStartup(() => log.push("startup"));
      app.onShutdown(() => log.push("shutdown"));
      await world.listen();
      expect(log.splice(0)).toEqual(["config starts", "shared starts", "app starts", "route starts", "startup"]);
      await world.close();
      expect(log).toEqual(["shutdown", "route stops", "app stops", "shared stops", "config stops"]);
    });

    it.each(["config", "app", "route"])(
      "ends the start when one of the %s's cannot start, and stops what had started",
      async (where) => {
        const failing = living("failing", "start");
        world = new AppWorld({ middleware: [living("config"), ...(where === "config" ? [failing] : [])] });
        const { app } = world;
        app.middleware(living("app"));
        if (where === "app") app.middleware(failing);
        app.route("/", { middleware: where === "route" ? [living("route"), failing] : [] }, open);
        app.onStartup(() => log.push("startup"));
        await expect(world.listen()).rejects.toThrow("failing cannot start");
        const started = log.filter((line) => line.endsWith(" starts")).map((line) => line.replace(" starts", ""));
        expect(started.at(-1)).toBe("failing");
        expect(log.slice(started.length)).toEqual(
          started
            .slice(0, -1)
            .reverse()
            .map((name) => `${name} stops`),
        );
        expect(app.server.isServing).toBe(false);
        await app.close();
        expect(log.filter((line) => line === "config stops")).toHaveLength(1);
      },
    );

    it("stops it when a startup hook fails, and starts it again at the next try", async () => {
      world = new AppWorld();
      const { app } = world;
      app.middleware(living("app"));
      let isBroken = true;
      app.onStartup(() => {
        if (isBroken) throw new Error("hook");
      });
      await expect(world.listen()).rejects.toThrow("hook");
      isBroken = false;
      await world.listen();
      expect(log).toEqual(["app starts", "app stops", "app starts"]);
    });

    it("closes all the same when one cannot stop, and logs it", async () => {
      world = new AppWorld();
      world.app.middleware(living("one"));
      world.app.middleware(living("two", "stop"));
      await world.listen();
      await world.close();
      expect(log).toEqual(["one starts", "two starts", "two stops", "one stops"]);
      expect(world.lines).toMatchObject([["error", "a middleware could not be stopped", {}]]);
    });

    it("is refused once the app listens, unless it has been started", async () => {
      world = new AppWorld();
      const limiter = createRateLimitMiddleware();
      world.app.middleware(limiter);
      await world.listen();
      const late = living("late");
      const refused = expect.objectContaining({ name: "ConfigurationError", configKey: "middleware" }) as Error;
      expect(() => world.app.middleware(late)).toThrow(refused);
      expect(() => world.app.route("/late", { middleware: [late] }, open)).toThrow(refused);
      world.app.route("/", { middleware: [limiter, passing("route")] }, open);
      expect(await world.statusOf("/")).toBe(200);
      expect(await world.statusOf("/late")).toBe(404);
    });

    it("lives with a server that is used without ServerApp", async () => {
      world = new AppWorld();
      const server = new WebTransportServer({ config: { middleware: [living("config")], logLevel: "silent" } });
      await expect(server.listen({ host: "127.0.0.1", port: 0 })).rejects.toMatchObject({ name: "CertificateError" });
      expect(log).toEqual(["config starts", "config stops"]);
      await server.close();
    });
  });

  it("refuses what is no middleware at the call", () => {
    world = new AppWorld();
    const bad = "no function" as unknown as Middleware;
    for (const add of [
      () => world.app.middleware(bad),
      () => world.app.route("/", { middleware: [bad] }, open),
      () => new ServerApp({ config: { middleware: [bad] } }),
      () => new ServerApp({ config: { middleware: bad as unknown as Middleware[] } }),
    ]) {
      expect(add).toThrow(expect.objectContaining({ name: "ConfigurationError", configKey: "middleware" }) as Error);
    }
  });
});
