import { describe, expect, it } from "vitest";

import { ServerConfig } from "../../../src/config/server-config.ts";
import { ConfigurationError, SessionError } from "../../../src/errors/errors.ts";
import { SessionManager } from "../../../src/server/accounts/session-manager.ts";
import { ServerApp } from "../../../src/server/app.ts";
import { createDevelopmentServer } from "../../../src/server/development/development-server.ts";
import { createAuthMiddleware } from "../../../src/server/middleware/auth.ts";
import { createCorsMiddleware } from "../../../src/server/middleware/cors.ts";
import { createLoggingMiddleware } from "../../../src/server/middleware/logging.ts";
import { MiddlewareManager } from "../../../src/server/middleware/middleware-manager.ts";
import { createRateLimitMiddleware } from "../../../src/server/middleware/rate-limit.ts";
import { RejectionResponse } from "../../../src/server/middleware/rejection-response.ts";
import { RequestRouter } from "../../../src/server/routing/router.ts";
import { WebTransportServer } from "../../../src/server/server.ts";
import { createTestPair } from "../../../src/testing/index.ts";

/** As a caller without types calls it. */
type Untyped = (...values: readonly unknown[]) => unknown;

const handler = (): Promise<void> => Promise.resolve();
const untyped = (call: unknown): Untyped => call as Untyped;

/** The error's `configKey`, once it is sure that the call is refused as the caller's mistake. */
function refusedKey(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).configKey;
  }
  return "it was not refused";
}

const takers: Readonly<Record<string, Untyped>> = {
  ServerApp: (given) => new ServerApp(given as object),
  WebTransportServer: (given) => new WebTransportServer(given as object),
  MiddlewareManager: (given) => new MiddlewareManager(given as object),
  SessionManager: (given) => new SessionManager(given as object),
  ServerConfig: (given) => ServerConfig.create(given as object),
  "fromObject()": untyped(ServerConfig.fromObject),
  "createForProduction()": untyped(ServerConfig.createForProduction),
  "update()": (given) => ServerConfig.create().update(given as object),
  "merge()": (given) => ServerConfig.create().merge(given as object),
  "createDevelopmentServer()": untyped(createDevelopmentServer),
  "createCorsMiddleware()": untyped(createCorsMiddleware),
  "createAuthMiddleware()": (given) => createAuthMiddleware(() => true, given as object),
  "createRateLimitMiddleware()": untyped(createRateLimitMiddleware),
  "createLoggingMiddleware()": untyped(createLoggingMiddleware),
};

describe("options", () => {
  it.each(Object.keys(takers))("of %s are refused when they are no object", (name) => {
    for (const given of [null, 5, "options", true, []]) {
      expect(refusedKey(() => takers[name]?.(given))).toBe("options");
    }
  });

  it.each(Object.keys(takers))("of %s are refused under a name that there is not", (name) => {
    const needed = name === "createForProduction()" ? { bindHost: "::", bindPort: 443, cert: "x", key: "y" } : {};
    expect(refusedKey(() => takers[name]?.({ ...needed, maxRequsts: 1 }))).toBe("maxRequsts");
  });

  it("name the option that was probably meant", () => {
    const mistaken = { maxRequsts: 1 } as object;
    expect(() => createRateLimitMiddleware(mistaken)).toThrow(
      "maxRequsts is not an option of createRateLimitMiddleware; did you mean maxRequests?",
    );
  });

  it.each<[string, string, readonly unknown[]]>([
    ["createCorsMiddleware()", "allowMissingOrigin", ["yes", 1]],
    ["createAuthMiddleware()", "scheme", [5, "", "a b"]],
    ["createAuthMiddleware()", "realm", [5, "ä"]],
    ["createLoggingMiddleware()", "logger", [5, {}, "console"]],
    ["createLoggingMiddleware()", "level", ["loud"]],
    ["createLoggingMiddleware()", "redactQuery", ["false"]],
    ["createRateLimitMiddleware()", "key", [5, "user"]],
    ["createRateLimitMiddleware()", "skip", [true]],
    ["createRateLimitMiddleware()", "store", [5, {}, null]],
    ["createRateLimitMiddleware()", "logger", [{}]],
    ["createRateLimitMiddleware()", "maxRequests", [0, -1, NaN, 1.5, "5", Infinity]],
    ["createRateLimitMiddleware()", "windowSeconds", [0, -1, NaN, "5", Infinity]],
    ["SessionManager", "maxSessions", [0, -1, NaN, 1.5, "5", Infinity]],
    ["ServerConfig", "logger", [{}, [], () => undefined]],
    ["ServerConfig", "maxStreamBufferSize", [2048]],
    ["WebTransportServer", "engine", [5, {}]],
    ["WebTransportServer", "certificate", [{}]],
    ["createDevelopmentServer()", "port", [-1, NaN, "4433"]],
    ["createDevelopmentServer()", "pagePort", [-1, NaN, 70_000, "8080"]],
    ["createDevelopmentServer()", "pagePath", ["echo"]],
    ["createDevelopmentServer()", "generateCerts", ["no"]],
  ])("of %s are refused when %s is none of its values", (name, option, values) => {
    const needed = name === "createCorsMiddleware()" ? { allowedOrigins: ["*"] } : {};
    for (const value of values) {
      expect(refusedKey(() => takers[name]?.({ ...needed, [option]: value }))).toBe(option);
    }
  });
});

describe("ServerApp", () => {
  it.each([5, "handler", {}, null, undefined])("refuses %j instead of a handler", (given) => {
    const app = new ServerApp();
    expect(refusedKey(() => untyped(app.route.bind(app))("/", {}, given))).toBe("handler");
    expect(refusedKey(() => untyped(app.route("/"))(given))).toBe("handler");
    expect(refusedKey(() => untyped(app.patternRoute.bind(app))(/\/x/, {}, given))).toBe("handler");
    expect(app.routes()).toEqual([]);
  });

  it.each([5, null, undefined, {}, Symbol("path")])("refuses %s instead of a path", (given) => {
    const app = new ServerApp();
    for (const call of [app.route, app.patternRoute]) {
      expect(refusedKey(() => untyped(call.bind(app))(given, handler))).toBe("route");
    }
    expect(refusedKey(() => untyped(app.mount.bind(app))(given, new ServerApp()))).toBe("route");
  });

  it.each<[string, readonly unknown[]]>([
    ["protocols", ["chat", 5, {}, [5], ["ä"], [""], null]],
    ["requireProtocol", ["no", 1]],
    ["middleware", [handler, 5, {}, [5], [null]]],
    ["protocol", [["chat"]]],
  ])("refuses a route whose %s are wrong", (option, values) => {
    const app = new ServerApp();
    for (const value of values) {
      expect(refusedKey(() => untyped(app.route.bind(app))("/", { [option]: value }, handler))).toBe(option);
    }
    expect(app.routes()).toEqual([]);
  });

  it("refuses a route that requires one of no subprotocols", () => {
    const app = new ServerApp();
    expect(refusedKey(() => app.route("/", { requireProtocol: true }, handler))).toBe("protocols");
  });

  it("refuses hooks and handlers that are no functions, and apps that are none", () => {
    const app = new ServerApp();
    expect(refusedKey(() => untyped(app.onStartup.bind(app))("hook"))).toBe("hook");
    expect(refusedKey(() => untyped(app.onShutdown.bind(app))(undefined))).toBe("hook");
    expect(refusedKey(() => untyped(app.onError.bind(app))({}))).toBe("handler");
    expect(refusedKey(() => untyped(app.mount.bind(app))("/", {}))).toBe("app");
    expect(refusedKey(() => untyped(app.server.handleSessions.bind(app.server))(5))).toBe("handler");
    expect(refusedKey(() => untyped(app.server.handleSessions.bind(app.server))(handler, 5))).toBe("middlewareFailed");
  });

  it("refuses to listen with wrong options before anything has started", async () => {
    const started: string[] = [];
    const app = new ServerApp();
    app.onStartup(() => started.push("hook"));
    const wrong: readonly [unknown, string][] = [
      [null, "options"],
      [{ port: NaN }, "port"],
      [{ port: "0" }, "port"],
      [{ port: 65_536 }, "port"],
      [{ host: "" }, "host"],
      [{ prot: 0 }, "prot"],
    ];
    for (const [options, configKey] of wrong) {
      await expect(app.listen(options as object)).rejects.toMatchObject({ code: "ERR_WT_CONFIGURATION", configKey });
      await expect(app.server.listen(options as object)).rejects.toMatchObject({ configKey });
    }
    await expect(app.serve({ signal: {} as AbortSignal })).rejects.toMatchObject({ configKey: "signal" });
    expect(started).toEqual([]);
  });
});

describe("a certificate that is none", () => {
  it("is refused as the caller's mistake", async () => {
    const app = new ServerApp();
    for (const given of [undefined, {}, { cert: 5, key: 5 }]) {
      const certificate = (): Promise<never> => Promise.resolve(given as never);
      await expect(app.server.listen({ port: 0, certificate })).rejects.toBeInstanceOf(ConfigurationError);
    }
    const pair = await createTestPair(app);
    const update = untyped(app.server.updateCertificate.bind(app.server));
    expect(refusedKey(() => update(null))).toBe("options");
    expect(refusedKey(() => update({ cert: "x" }))).toBe("key");
    expect(refusedKey(() => update({ cert: "x", key: "y" }, 5))).toBe("serverName");
    await pair.close();
  });
});

describe("what the log would need", () => {
  it.each([undefined, null, 5, {}, { reason: 5 }])("must be in a RejectionResponse: not %j", (options) => {
    expect(() => new RejectionResponse(403, options as { reason: string })).toThrow(TypeError);
  });
});

describe("RequestRouter", () => {
  it("refuses a route that leads to nothing", () => {
    const router = new RequestRouter();
    const add = untyped(router.addRoute.bind(router));
    expect(refusedKey(() => add("/x"))).toBe("route");
    expect(refusedKey(() => untyped(router.addPatternRoute.bind(router))(/\/x/, undefined))).toBe("route");
    expect(router.getRouteStats()).toMatchObject({ exactRoutes: 0, patternRoutes: 0 });
  });
});

describe("close", () => {
  it.each([{ timout: 0 }, { abort: true }])("refuses the options %j, and nothing has begun to close", async (given) => {
    const app = new ServerApp();
    const pair = await createTestPair(app);
    const [name] = Object.keys(given);
    expect(refusedKey(() => app.close(given as object))).toBe(name);
    expect(refusedKey(() => app.server.close(given as object))).toBe(name);
    expect(app.server.isServing).toBe(true);
    await pair.close();
  });

  it.each([NaN, -1, "5", null])("refuses a time-out of %j, and nothing has begun to close", async (timeout) => {
    const app = new ServerApp();
    const pair = await createTestPair(app);
    expect(() => app.close({ timeout: timeout as number })).toThrow(RangeError);
    expect(() => app.server.close({ timeout: timeout as number })).toThrow(RangeError);
    expect(app.server.isServing).toBe(true);
    await pair.close();
  });
});

describe("SessionManager", () => {
  it.each([null, undefined, 5, {}])("refuses to add %j, and does not count it", (given) => {
    const manager = new SessionManager();
    expect(() => untyped(manager.addSession.bind(manager))(given)).toThrow(SessionError);
    expect(manager.getStats()).toMatchObject({ currentCount: 0, totalCreated: 0, activeSessions: 0 });
  });

  it("goes on when it is shut down or emptied with a wrong code or reason", async () => {
    const app = new ServerApp({ config: { logLevel: "silent" } });
    app.route("/", (session) => session.closed);
    const pair = await createTestPair(app);
    const { sessionManager, connectionManager } = app.server;
    expect(() => sessionManager.shutdown({ code: -1 })).toThrow(RangeError);
    expect(() => untyped(sessionManager.closeAllSessions.bind(sessionManager))({ reason: 5 })).toThrow(TypeError);
    expect(() => untyped(connectionManager.closeAllConnections.bind(connectionManager))({ reason: 5 })).toThrow(
      TypeError,
    );
    expect((await pair.connect("/", { maxRetries: 0 })).isReady).toBe(true);
    await pair.close();
  });
});
