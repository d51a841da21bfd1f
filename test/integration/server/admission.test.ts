import { afterEach, describe, expect, it } from "vitest";

import type { Logger } from "../../../src/config/logger.ts";
import { ServerApp } from "../../../src/server/app.ts";
import type { ServerAppConfigOptions } from "../../../src/server/app.ts";
import { createAuthMiddleware } from "../../../src/server/middleware/auth.ts";
import { createCorsMiddleware } from "../../../src/server/middleware/cors.ts";
import { createRateLimitMiddleware } from "../../../src/server/middleware/rate-limit.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import { LocalServer, turnsUntil } from "../end-to-end/local-server.ts";

const open = (session: WebTransportSession<object, unknown>): Promise<unknown> => session.closed;

describe("the way from a request to its handler, over UDP", () => {
  let server: LocalServer;
  let lines: [message: string, fields: object][];

  afterEach(async () => {
    await server.empty();
    await server.close();
  });

  async function start(
    configure: (app: ServerApp) => void,
    config: ServerAppConfigOptions<Record<string, unknown>> = {},
  ): Promise<void> {
    lines = [];
    const note: Logger["warn"] = (fields, message) => void lines.push([message, fields]);
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    server = await LocalServer.start(configure, { logger, logLevel: "warn", ...config });
  }

  /** What the client gets to see of a refusal. */
  async function refusalOf(path: string, headers: Record<string, string> = {}): Promise<unknown> {
    return server.connect(path, { maxRetries: 0, headers }).then(
      () => "accepted",
      (error: unknown) => error,
    );
  }

  it("passes every step in order, and tells the client status and headers of the one that refuses", async () => {
    const log: string[] = [];
    await start(
      (app) => {
        app.middleware(createRateLimitMiddleware({ maxRequests: 5, windowSeconds: 600, key: ({ path }) => path }));
        app.middleware(
          createAuthMiddleware((headers, { locals }) => {
            log.push("app");
            locals["user"] = headers.get("authorization");
            return locals["user"] !== null;
          }),
        );
        const teapot = (): Response => {
          log.push("route");
          return new Response("short and stout", { status: 418, headers: { "x-pot": "tea" } });
        };
        app.route("/tea", { middleware: [teapot], protocols: ["x"], requireProtocol: true }, open);
        app.route("/chat", { protocols: ["chat.v2"], requireProtocol: true }, async (session) => {
          log.push(`handler of ${String(session.locals["user"])}`);
          await session.closed;
        });
      },
      {
        allowedOrigins: ["https://*.example.com"],
        middleware: [
          createCorsMiddleware({ allowedOrigins: ["https://*.example.com"] }),
          () => {
            log.push("config");
            return true;
          },
        ],
      },
    );
    const origin = "https://www.example.com";
    const authorization = "ada";
    expect(await refusalOf("/chat")).toMatchObject({ status: 403 });
    expect(await refusalOf("/chat", { origin: "https://example.com" })).toMatchObject({ status: 403 });
    expect(log).toEqual([]);
    expect(await refusalOf("/chat", { origin })).toMatchObject({
      status: 401,
      details: { headers: { "www-authenticate": "Bearer" } },
    });
    expect(log.splice(0)).toEqual(["config", "app"]);
    expect(await refusalOf("/nowhere?token=1", { origin, authorization })).toMatchObject({ status: 404 });
    expect(await refusalOf("/tea", { origin, authorization })).toMatchObject({
      status: 418,
      details: { headers: { "x-pot": "tea" } },
    });
    expect(log.splice(0)).toEqual(["config", "app", "config", "app", "route"]);
    expect(await refusalOf("/chat", { origin, authorization })).toMatchObject({ status: 400 });
    log.length = 0;
    const session = await server.connect("/chat", { headers: { origin, authorization }, protocols: ["chat.v2"] });
    expect(session.protocol).toBe("chat.v2");
    expect(log).toEqual(["config", "app", "handler of ada"]);
    await session.close();
    for (let count = 0; count < 2; count += 1) await refusalOf("/chat", { origin, authorization });
    expect(await refusalOf("/chat", { origin, authorization })).toMatchObject({
      status: 429,
      details: { headers: { "retry-after": expect.stringMatching(/^\d{3}$/) as unknown } },
    });
    expect(server.stats.refusals).toMatchObject({
      origin: 2,
      auth: 1,
      route: 1,
      middleware: 1,
      protocol: 3,
      rate_limit: 1,
    });
    expect(lines.map(([message]) => message)).toEqual([
      "403: origin (none) is not in allowedOrigins",
      "403: origin https://example.com is not in allowedOrigins",
      "401: the auth handler has refused the client's credentials",
      "404: no route matches the path",
      "418: middleware teapot has refused the request",
      ...[1, 2, 3].map(() => "400: the route requires a subprotocol (chat.v2), the client offers none"),
      expect.stringMatching(/^429: the client has used up its rate limit for \d+ s/),
    ]);
    expect(lines[3]?.[1]).toMatchObject({ path: "/nowhere?token=[redacted]", kind: "route", status: 404 });
  });

  it("refuses a path of more than 8192 octets before middleware and patterns see it", async () => {
    const seen: string[] = [];
    await start((app) => {
      app.middleware(({ path }) => {
        seen.push(path);
        return true;
      });
      // Goes through every way to cut the path in pieces.
      app.patternRoute(/(\/a*)*b/, open);
    });
    expect(await refusalOf(`/${"a".repeat(8192)}`)).toMatchObject({ status: 414 });
    expect(seen).toEqual([]);
    expect(server.stats.refusals).toMatchObject({ path_too_long: 1 });
    expect(lines[0]?.[0]).toBe("414: the path has 8193 octets, 8192 are allowed");
  });

  it("admits maxSessionsPerAddress of an address, and further ones when one has ended", async () => {
    await start((app) => app.route("/", open), { maxSessionsPerAddress: 2 });
    const [first, second] = [await server.connect("/"), await server.connect("/")];
    expect(await refusalOf("/")).toMatchObject({ status: 429 });
    expect(await refusalOf("/")).toMatchObject({ status: 429 });
    expect(lines[0]).toMatchObject([
      "429: maxSessionsPerAddress (2) is reached",
      { status: 429, kind: "max_sessions_per_address" },
    ]);
    await first.close();
    await turnsUntil(() => server.stats.sessions === 1);
    await (await server.connect("/")).close();
    await second.close();
    expect(server.stats.refusals).toMatchObject({ max_sessions_per_address: 2 });
  });

  it("refuses connections past maxConnectionsPerAddress before their handshake", async () => {
    await start((app) => app.route("/", open), { maxConnectionsPerAddress: 2 });
    const [first, second] = [await server.connect("/"), await server.connect("/")];
    await expect(server.connect("/", { maxRetries: 0 })).rejects.toMatchObject({ name: "ConnectionError" });
    expect(server.stats).toMatchObject({ connectionsAccepted: 2, connectionsRefused: 1, sessionsRequested: 2 });
    expect(server.stats.connectionRejections).toMatchObject({ max_connections_per_address: 1, max_connections: 0 });
    await first.close();
    await first.connection.close();
    await turnsUntil(() => server.stats.engineConnections < 2);
    await (await server.connect("/")).close();
    await second.close();
  });

  it("reaches the routes of an app that is mounted", async () => {
    const chat = new ServerApp();
    chat.middleware(() => new Response(null, { status: 403, headers: { "x-by": "chat" } }));
    chat.route("/rooms/:room", open);
    const free = new ServerApp();
    free.route("/rooms/:room", (session) => session.close({ reason: session.params.room }));
    await start((app) => {
      app.mount("/chat", chat);
      chat.mount("/deep", new ServerApp());
      app.mount("/free", free);
    });
    expect(await refusalOf("/chat/rooms/1")).toMatchObject({ status: 403, details: { headers: { "x-by": "chat" } } });
    expect(await refusalOf("/rooms/1")).toMatchObject({ status: 404 });
    expect(await (await server.connect("/free/rooms/a%20b")).closed).toMatchObject({ reason: "a b" });
  });

  it("tells a middleware that waits when the client goes, and accepts nothing then", async () => {
    let asked: (signal: AbortSignal) => void = () => {};
    const signal = new Promise<AbortSignal>((resolve) => {
      asked = resolve;
    });
    let agree: (answer: boolean) => void = () => {};
    await start((app) => {
      app.middleware((request) => {
        asked(request.signal);
        return new Promise((resolve) => {
          agree = resolve;
        });
      });
      app.route("/", open);
    });
    const abort = new AbortController();
    const opening = server.connect("/", { signal: abort.signal, maxRetries: 0 });
    const { aborted } = await signal;
    expect(aborted).toBe(false);
    abort.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
    await turnsUntil(() => server.stats.sessionsAbandoned === 1);
    expect((await signal).aborted).toBe(true);
    agree(true);
    await server.empty();
    expect(server.stats).toMatchObject({ sessionsAccepted: 0, sessionsRefused: 0, requests: 0 });
  });

  it("starts middleware before it listens and stops it behind its close", async () => {
    const log: string[] = [];
    await start((app) => {
      app.middleware(
        Object.assign(() => true, {
          start: () => void log.push(`start ${String(app.server.isServing)}`),
          stop: () => void log.push(`stop ${String(app.server.isServing)}`),
        }),
      );
    });
    await server.close();
    expect(log).toEqual(["start false", "stop false"]);
  });
});
