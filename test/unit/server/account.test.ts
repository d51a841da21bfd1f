import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { ServerConfigOptions } from "../../../src/config/server-config.ts";
import { AuthenticationError } from "../../../src/errors/errors.ts";
import { ServerApp } from "../../../src/server/app.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import { createAuthMiddleware } from "../../../src/server/middleware/auth.ts";
import type { RouteOptions } from "../../../src/server/routing/route.ts";
import { createTestPair } from "../../../src/testing/index.ts";
import type { TestPair } from "../../../src/testing/index.ts";
import type { IncomingSession } from "../../../src/transport/session/request.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { recorder } from "./log-recorder.ts";
import type { Line } from "./log-recorder.ts";

const fails = (): never => {
  throw new Error("on purpose");
};
const open = (session: WebTransportSession): Promise<unknown> => session.closed;
const remote = expect.stringMatching(/^(\[::1\]|127\.0\.0\.1):\d+$/) as unknown;

describe("the server's own account", () => {
  let app: ServerApp;
  let pair: TestPair;
  let lines: Line[];

  beforeEach(() => {
    lines = [];
  });
  afterEach(async () => {
    await pair.close();
    expect(app.server.getServerStats()).toMatchObject({ connections: 0, sessions: 0, streams: 0, requests: 0 });
  });

  async function start(configure: (app: ServerApp) => void, config: ServerConfigOptions = {}): Promise<TestPair> {
    app = new ServerApp({ config: { logger: recorder(lines), ...config } });
    configure(app);
    pair = await createTestPair(app);
    return pair;
  }

  async function statusOf(path: string, options = {}): Promise<unknown> {
    return pair.connect(path, { maxRetries: 0, ...options }).then(
      () => 200,
      (error: unknown) => (error as { status?: number }).status ?? error,
    );
  }

  it("writes a refusal in one line with its cause, and a fault with its stack", async () => {
    const verify = (token: string | null): boolean => {
      if (token === "old") {
        const cause = new RangeError("exp is in the past");
        throw new AuthenticationError("the token has expired", { cause });
      }
      if (token === "user") return { password: "secret" } as unknown as boolean;
      throw new TypeError("no database");
    };
    await start((made) => {
      made.middleware(createAuthMiddleware((_headers, { url }) => verify(url.searchParams.get("token"))));
      made.route("/", open);
    });
    expect(await statusOf("/?token=old")).toBe(401);
    expect(await statusOf("/?token=user")).toBe(401);
    expect(await statusOf("/?token=other")).toBe(500);
    const fields = { path: "/?token=[redacted]", remote };
    expect(lines).toEqual([
      [
        "warn",
        "401: the client is not authenticated: the token has expired",
        { ...fields, status: 401, kind: "auth", cause: "RangeError: exp is in the past" },
      ],
      [
        "warn",
        "401: the auth handler returned object: only true admits a client",
        { ...fields, status: 401, kind: "auth" },
      ],
      [
        "error",
        "500: middleware auth has failed: TypeError: no database",
        { ...fields, status: 500, kind: "middleware_error", error: expect.any(TypeError) as unknown },
      ],
    ]);
  });

  it.each<[string, RouteOptions["headers"]]>([
    ["a value with a line break", { "x-a": "a\r\nb" }],
    ["a name that is none", { "x a": "1" }],
    ["a pseudo-header", { ":status": "404" }],
    ["a value that is no text of a header", { "x-a": "日本" }],
    ["a field of HTTP/1.1", { connection: "close" }],
    ["a length of what there is not", { "content-length": "5" }],
  ])("refuses a route with %s at its registration", async (_, headers) => {
    await start((made) => {
      const refused = expect.objectContaining({ name: "ConfigurationError", configKey: "headers" }) as Error;
      expect(() => made.route("/", { headers: headers! }, open)).toThrow(refused);
      expect(() => made.patternRoute(/.*/, { headers: headers! })).toThrow(refused);
    });
    expect(await statusOf("/")).toBe(404);
  });

  it("sends the headers and speaks the subprotocols that a route had when it was registered", async () => {
    const headers = { "x-a": "1" };
    const protocols = ["chat"];
    await start((made) => made.route("/", { headers, protocols }, open));
    headers["x-a"] = "a\nb";
    protocols.pop();
    const session = await pair.connect("/", { protocols: ["chat"] });
    expect([session.responseHeaders.get("x-a"), session.protocol]).toEqual(["1", "chat"]);
  });

  it("answers 500 for whatever fails behind the admission, with one line and its cause, and counts the request no more", async () => {
    await start(
      (made) => {
        made.route("/", open);
        // Routing cannot write to it.
        made.server.once("session_request", ({ request }) => Object.freeze(request));
      },
      { maxSessions: 1 },
    );
    expect(await statusOf("/")).toBe(500);
    expect(lines).toEqual([
      [
        "error",
        "500: the request could not be answered",
        { path: "/", remote, status: 500, kind: "error", error: expect.any(TypeError) as unknown },
      ],
    ]);
    expect(app.server.getServerStats()).toMatchObject({ requests: 0, sessionsRefused: 1, refusals: { error: 1 } });
    expect(await statusOf("/")).toBe(200);
  });

  it("answers a request whose parts an application has overwritten, and offers it no way to cancel one", async () => {
    await start(
      (made) => {
        made.route("/", open);
        made.server.once("session_request", ({ request }) => {
          expect("cancel" in request).toBe(false);
          // What the log's line is made of.
          Object.assign(request, { url: undefined });
        });
      },
      { maxSessions: 1 },
    );
    expect(await statusOf("/")).toBe(500);
    expect(app.server.getServerStats().requests).toBe(0);
    expect(await statusOf("/")).toBe(200);
  });

  it("counts sessions for maxSessions whatever an application takes away", async () => {
    await start((made) => made.route("/", open), { maxSessions: 2 });
    const { server } = app;
    server.removeAllListeners();
    const first = await pair.connect("/");
    server.removeAllListeners("session_closed");
    await pair.connect("/");
    for (const { id } of server.sessionManager) server.sessionManager.removeSession(id);
    for (const connection of server.connections) connection.removeAllListeners();
    expect([...server.sessionManager]).toEqual([]);
    expect(await statusOf("/")).toBe(429);
    expect(server.getServerStats()).toMatchObject({ sessions: 2, sessionsRefused: 1, refusals: { max_sessions: 1 } });
    const ended = server.connections[0]?.sessions[0]?.closed;
    await first.close();
    await ended;
    expect(await statusOf("/")).toBe(200);
    expect(server.getServerStats()).toMatchObject({ sessions: 2, sessionsAccepted: 3, ended: { sessions: 1 } });
  });

  it("refuses with 503 when its session manager was shut down", async () => {
    await start((made) => made.route("/", open));
    const session = await pair.connect("/");
    await app.server.sessionManager.shutdown({ code: 4, reason: "over" });
    expect(await session.closed).toMatchObject({ clean: true, code: 4, reason: "over" });
    expect(await statusOf("/")).toBe(503);
  });

  it("goes on when every listener throws", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    await start((made) => {
      made.route("/", echoHandler);
      made.server.onAny(fails);
      for (const type of ["session_request", "session_ready", "session_closed", "connection_closed"] as const) {
        made.server.on(type, fails);
      }
    });
    const session = await pair.connect("/");
    const stream = await session.createBidirectionalStream();
    await stream.writeAll("hello");
    expect(new TextDecoder().decode(await stream.readAll())).toBe("hello");
    await session.close();
    await pair.close();
    expect(app.server.getServerStats()).toMatchObject({ sessionsAccepted: 1, ended: { sessions: 1, streams: 1 } });
    expect(warned).toHaveBeenCalled();
    warned.mockRestore();
  });

  it("takes an answer that a listener of session_request gives", async () => {
    await start((made) => {
      made.route("/", open);
      made.server.on("session_request", ({ request }) => void (request as unknown as IncomingSession).reject(410));
    });
    expect(await statusOf("/")).toBe(410);
    expect(lines).toEqual([
      ["warn", "410: the application has refused it", { path: "/", remote, status: 410, kind: "application" }],
    ]);
    expect(app.server.getServerStats()).toMatchObject({ requests: 0, refusals: { application: 1 } });
  });

  it("carries frozen locals on, and survives what handler and onError throw", async () => {
    const seen: WebTransportSession[] = [];
    const thrown = Object.freeze({ not: "an error" }) as unknown as Error;
    await start((made) => {
      made.server.on("session_request", ({ request }) => {
        (request as unknown as IncomingSession).locals = Object.freeze({ user: "ada" });
      });
      made.route("/", (session) => {
        seen.push(session);
        return Promise.reject(thrown);
      });
      made.onError(fails);
    });
    const session = await pair.connect("/");
    expect(await session.closed).toMatchObject({ clean: true, code: 1, reason: "Internal server error" });
    expect(seen.map(({ locals }) => locals)).toEqual([{ user: "ada" }]);
    await seen[0]?.closed;
    expect(lines.map(([level, message]) => `${level} ${message}`)).toEqual([
      "info 200: accepted",
      "error the onError handler failed",
      "info ended: code 1",
    ]);
  });

  it("answers and counts as ever when the logger throws", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    await start((made) => made.route("/", fails), { logger: { debug: fails, info: fails, warn: fails, error: fails } });
    const session = await pair.connect("/");
    expect(await session.closed).toMatchObject({ code: 1 });
    expect(await statusOf("/nowhere")).toBe(404);
    expect(app.server.getServerStats()).toMatchObject({ sessionsAccepted: 1, refusals: { route: 1 } });
    expect(warned).toHaveBeenCalledOnce();
    warned.mockRestore();
  });

  it("writes one line for each request and one for each session's end, without the queries' values", async () => {
    await start(
      (made) => {
        made.route("/echo", { protocols: ["chat"] }, echoHandler);
        made.route("/strict", { protocols: ["chat"], requireProtocol: true }, echoHandler);
      },
      { allowedOrigins: ["https://example.com"] },
    );
    const headers = { origin: "https://example.com" };
    expect(await statusOf("/echo?token=1")).toBe(403);
    expect(await statusOf("/nowhere?token=1", { headers })).toBe(404);
    expect(await statusOf("/strict", { headers, protocols: ["other"] })).toBe(400);
    const session = await pair.connect("/echo?token=1", { headers, protocols: ["chat"] });
    const stream = await session.createBidirectionalStream();
    await stream.writeAll("hello");
    await stream.readAll();
    const ended = app.server.sessions[0]?.closed;
    await session.close({ code: 9, reason: "enough" });
    await ended;
    const id = expect.stringMatching(/^server-\d+\/0$/) as unknown;
    expect(lines).toEqual([
      [
        "warn",
        "403: origin (none) is not in allowedOrigins",
        { path: "/echo?token=[redacted]", remote, status: 403, kind: "origin" },
      ],
      [
        "warn",
        "404: no route matches the path",
        { path: "/nowhere?token=[redacted]", remote, status: 404, kind: "route" },
      ],
      [
        "warn",
        "400: the route requires a subprotocol (chat), the client offers another one",
        { path: "/strict", remote, status: 400, kind: "protocol" },
      ],
      ["info", "200: accepted", { path: "/echo?token=[redacted]", remote, status: 200, session: id, protocol: "chat" }],
      [
        "info",
        "ended: code 9",
        {
          path: "/echo?token=[redacted]",
          remote,
          session: id,
          by: "peer",
          code: 9,
          reason: "enough",
          duration: expect.any(Number) as unknown,
          bytesSent: 5,
          bytesReceived: 5,
        },
      ],
    ]);
    expect(app.server.getServerStats()).toMatchObject({
      sessionsRequested: 4,
      sessionsAccepted: 1,
      sessionsRefused: 3,
      refusals: { origin: 1, route: 1, protocol: 1, error: 0 },
      ended: { sessions: 1, sessionsAborted: 0, streams: 1, bytesSent: 5, bytesReceived: 5 },
      sessionStats: { totalCreated: 1, totalClosed: 1, currentCount: 0, maxConcurrent: 1, maxSessions: 10_000 },
    });
  });

  it("counts streams and states as they change, and looks at no session to tell", async () => {
    await start((made) => made.route("/", open));
    const sessions = [await pair.connect("/"), await pair.connect("/"), await pair.connect("/")];
    const stream = await sessions[0]!.createUnidirectionalStream();
    await stream.write("x");
    const [held] = app.server.sessions;
    await held!.incomingUnidirectionalStreams[Symbol.asyncIterator]().next();
    await app.server.sessions[2]!.createUnidirectionalStream();
    sessions[1]!.drain();
    await app.server.sessions[1]!.draining;
    void held!.close();
    const looked = vi.spyOn(held!, "state", "get").mockImplementation(fails);
    expect(app.server.getServerStats()).toMatchObject({
      connections: 3,
      sessions: 3,
      streams: 2,
      connectionsAccepted: 3,
      handshakeFailures: 0,
      sessionStats: { activeSessions: 2, states: { connected: 1, draining: 1, closing: 1 } },
      connectionStats: { active: 3, currentCount: 3, states: { connected: 3, draining: 0 } },
    });
    expect(looked).not.toHaveBeenCalled();
    looked.mockRestore();
    await pair.close();
    expect(app.server.getServerStats()).toMatchObject({
      streams: 0,
      ended: { sessions: 3, streams: 2, bytesReceived: 1 },
      sessionStats: { states: { connected: 0, draining: 0, closing: 0 } },
      connectionStats: { totalCreated: 3, totalClosed: 3, states: { connected: 0, draining: 0 } },
    });
  });
});
