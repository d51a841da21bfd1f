import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { AuthenticationError } from "../../src/errors/errors.ts";
import type { ServerAppConfigOptions } from "../../src/server/app.ts";
import { createAuthMiddleware } from "../../src/server/middleware/auth.ts";
import { createCorsMiddleware } from "../../src/server/middleware/cors.ts";
import { createRateLimitMiddleware } from "../../src/server/middleware/rate-limit.ts";

import { launchChromium } from "./chromium.ts";
import { RefusingServer, TwoOrigins } from "./refusing-server.ts";
import type { PageAttempt } from "./refusing-server.ts";

/** All that a page sees of any refusal. */
const failed = "WebTransportError of the session before ready, closed: WebTransportError";

describe("what a page of Chromium, and the server's log and counts, see of a session that is not let in", () => {
  let browser: Browser;
  let origins: TwoOrigins;
  let server: RefusingServer;

  beforeAll(async () => {
    browser = await launchChromium();
    origins = await TwoOrigins.open(browser);
  }, 60_000);
  afterEach(async () => {
    await origins.closePages();
    await server.close();
  });
  afterAll(async () => {
    await origins.close();
    await browser.close();
  });

  function refusalOf(status: number, kind: string, message: RegExp, trace: readonly string[] = []): object {
    const level = kind.startsWith("middleware_") ? "error" : "warn";
    const text = expect.stringMatching(new RegExp(`^${status}: ${message.source}`)) as unknown;
    return { page: failed, trace, refusals: { [kind]: 1 }, lines: [{ level, message: text, kind, status }] };
  }

  it("goes through the steps in their order, whatever later ones would have said", async () => {
    server = new RefusingServer({
      allowedOrigins: [origins.allowed],
      maxSessions: 2,
      middleware: [(request) => server.stopping("config")(request)],
    });
    server.app.middleware(server.stopping("app"));
    const options = { middleware: [server.stopping("route")], protocols: ["chat"], requireProtocol: true };
    server.app.route("/chat", options, async (session) => {
      server.trace.push("handler");
      await session.closed;
    });
    await server.listen();
    const attempt = async (path: string, extra: Partial<PageAttempt> = {}): Promise<object> =>
      server.attempt(await origins.page(), { path, ...extra });

    // Each one could be refused by all of the steps behind, too.
    expect(await server.attempt(await origins.page("127.0.0.1"), { path: "/nowhere?stop=config" })).toEqual(
      refusalOf(403, "origin", /origin http:\/\/127\.0\.0\.1:\d+ is not in allowedOrigins/),
    );
    expect(await attempt("/nowhere?stop=config")).toEqual(
      refusalOf(403, "middleware", /middleware .* has refused the request/, ["config"]),
    );
    expect(await attempt("/nowhere?stop=app")).toEqual(
      refusalOf(403, "middleware", /middleware .* has refused the request/, ["config", "app"]),
    );
    expect(await attempt("/nowhere?stop=route")).toEqual(
      refusalOf(404, "route", /no route matches the path/, ["config", "app"]),
    );
    expect(await attempt("/chat?stop=route")).toEqual(
      refusalOf(403, "middleware", /middleware .* has refused the request/, ["config", "app", "route"]),
    );
    expect(await attempt("/chat")).toEqual(
      refusalOf(400, "protocol", /the route requires a subprotocol \(chat\), the client offers none/, [
        "config",
        "app",
        "route",
      ]),
    );
    for (let session = 1; session <= 2; session += 1) {
      expect(await attempt("/chat", { protocols: ["other", "chat"] })).toEqual({
        page: "ready chat",
        trace: ["config", "app", "route", "handler"],
        refusals: {},
        lines: [],
      });
    }
    // The limit comes before the origin.
    expect(await server.attempt(await origins.page("127.0.0.1"), { path: "/nowhere?stop=config" })).toEqual(
      refusalOf(429, "max_sessions", /maxSessions \(2\) is reached/),
    );
  }, 60_000);

  interface Refused {
    readonly kind: string;
    readonly status: number;
    readonly message: RegExp;
    readonly config: ServerAppConfigOptions<Record<string, unknown>>;
    readonly attempt: PageAttempt;
    /** Done once the server listens. */
    readonly before?: (server: RefusingServer) => Promise<void>;
  }
  const path = "/";
  const withMiddleware = (middleware: unknown): ServerAppConfigOptions<Record<string, unknown>> =>
    ({ middleware: [middleware] }) as ServerAppConfigOptions<Record<string, unknown>>;
  const oneSession = async (open: RefusingServer): Promise<void> => {
    expect((await open.attempt(await origins.page(), { path })).page).toBe("ready ");
  };
  const cases: readonly Refused[] = [
    {
      kind: "authority",
      status: 421,
      message: /localhost:\d+ is not in authorities/,
      config: { authorities: ["127.0.0.1"] },
      attempt: { path, host: "localhost" },
    },
    {
      kind: "path_too_long",
      status: 414,
      message: /the path has \d+ octets, 8192 are allowed/,
      config: {},
      attempt: { path: `/${"x".repeat(9000)}` },
    },
    {
      kind: "max_sessions_per_address",
      status: 429,
      message: /maxSessionsPerAddress \(1\)/,
      config: { maxSessionsPerAddress: 1 },
      attempt: { path },
      before: oneSession,
    },
    {
      kind: "origin",
      status: 403,
      message: /.*http:\/\/localhost:\d+/,
      config: withMiddleware(createCorsMiddleware({ allowedOrigins: ["https://example.com"] })),
      attempt: { path },
    },
    {
      kind: "auth",
      status: 401,
      message: /the client is not authenticated: no token/,
      config: withMiddleware(
        createAuthMiddleware(() => {
          throw new AuthenticationError("no token");
        }),
      ),
      attempt: { path },
    },
    {
      kind: "rate_limit",
      status: 429,
      message: /the client has used up its rate limit/,
      config: withMiddleware(createRateLimitMiddleware({ maxRequests: 1 })),
      attempt: { path },
      before: oneSession,
    },
    {
      kind: "middleware",
      status: 418,
      message: /middleware teapot has refused/,
      config: withMiddleware(teapot),
      attempt: { path },
    },
    {
      kind: "middleware_error",
      status: 500,
      message: /middleware forgetful returned undefined/,
      config: withMiddleware(forgetful),
      attempt: { path },
    },
    {
      kind: "middleware_timeout",
      status: 503,
      message: /middleware slow has not answered for 20 ms/,
      config: { ...withMiddleware(slow), middlewareTimeout: 20 },
      attempt: { path },
    },
    {
      kind: "closing",
      status: 503,
      message: /the session manager has been shut down/,
      config: {},
      attempt: { path },
      before: (open) => open.app.server.sessionManager.shutdown(),
    },
  ];
  it.each<Refused>(cases)("tells the server's log and counts $kind with status $status", async (refused) => {
    const { kind, status, message, config, attempt, before } = refused;
    server = new RefusingServer(config);
    server.app.route("/", (session) => session.closed);
    await server.listen();
    await before?.(server);
    expect(await server.attempt(await origins.page(), attempt)).toEqual(refusalOf(status, kind, message));
  });

  it("is counted as a handshake that failed when the page does not trust the certificate", async () => {
    server = new RefusingServer();
    server.app.route("/", (session) => session.closed);
    await server.listen();
    const { server: running } = server.app;
    for (let count = 1; count <= 3; count += 1) {
      const seen = await server.attempt(await origins.page(), { path, hash: new Uint8Array(32) });
      expect(seen).toMatchObject({ page: failed, trace: [], lines: [], refusals: {} });
      await expect.poll(() => running.getServerStats().connectionRejections.certificate_rejected).toBe(count);
    }
    expect(running.getServerStats()).toMatchObject({ connectionsAccepted: 0, handshakeFailures: 3 });
    expect(await running.diagnoseIssues()).toContainEqual(
      expect.stringMatching(/^3 of 3 clients do not trust the certificate\. Browsers accept /),
    );
  });

  it("is counted as a connection that was refused when there are as many as may be", async () => {
    server = new RefusingServer({ maxConnections: 1 });
    server.app.route("/", (session) => session.closed);
    await server.listen();
    await oneSession(server);
    expect((await server.attempt(await origins.page(), { path })).page).toBe(failed);
    const { connectionRejections, connectionsAccepted } = server.app.server.getServerStats();
    expect(connectionsAccepted).toBe(1);
    expect(connectionRejections.max_connections).toBeGreaterThan(0);
  });
});

function teapot(): Response {
  return new Response(null, { status: 418 });
}

function forgetful(): undefined {
  return undefined;
}

function slow(): Promise<boolean> {
  return new Promise(() => {});
}
