import { afterEach, describe, expect, it } from "vitest";

import type { ServerConfigOptions } from "../../../src/config/server-config.ts";
import type { ServerApp } from "../../../src/server/app.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import { connectRequest, control } from "../../unit/protocol/wire.ts";
import { echoed, LocalServer, turnsUntil } from "../end-to-end/local-server.ts";
import { RawClient } from "../end-to-end/raw-client.ts";

describe("a server's own account, over UDP", () => {
  let server: LocalServer;

  afterEach(async () => {
    await server.empty();
    await server.close();
  });

  async function start(configure: (app: ServerApp) => void, config: ServerConfigOptions = {}): Promise<LocalServer> {
    server = await LocalServer.start(configure, config);
    return server;
  }

  it("finds a route however its path is written", async () => {
    const paths = ["/räume/:name", "/~user", "/100%", "/a b"];
    const seen: unknown[] = [];
    await start((app) => {
      for (const path of paths) {
        app.route(path, (session) => {
          seen.push([path, session.path, session.params]);
          return session.closed;
        });
      }
    });
    const requests = ["/räume/Küche%20A%252F", "/%7Euser", "/100%", "/100%25", "/a b"];
    for (const request of requests) await (await server.connect(request)).close();
    expect(seen).toEqual([
      [paths[0], "/r%C3%A4ume/K%C3%BCche%20A%252F", { name: "Küche A%2F" }],
      [paths[1], "/%7Euser", {}],
      [paths[2], "/100%", {}],
      [paths[2], "/100%25", {}],
      [paths[3], "/a%20b", {}],
    ]);
    await expect(server.connect("/r%C3%A4ume")).rejects.toMatchObject({ status: 404 });
  });

  it("finds it, too, for a client that sends what is no URL", async () => {
    const seen: string[] = [];
    await start((app) => {
      app.route("/a b|", (session) => {
        seen.push(session.path);
        return session.closed;
      });
    });
    const client = await RawClient.connect(server.port);
    client.send("unidirectional", control());
    client.send("bidirectional", connectRequest({ ":path": "/a b|" }));
    await turnsUntil(() => seen.length > 0);
    expect(seen).toEqual(["/a%20b|"]);
    await client.close();
  });

  it("answers 500 when the request cannot be answered, and leaves the limits alone", async () => {
    await start(
      (app) => {
        app.route("/echo", echoHandler);
        app.server.once("session_request", ({ request }) => Object.freeze(request));
      },
      { maxSessions: 1 },
    );
    await expect(server.connect("/echo", { maxRetries: 0 })).rejects.toMatchObject({ status: 500 });
    server.app.server.removeAllListeners();
    const session = await server.connect("/echo");
    expect(await echoed(session, "goes on")).toBe("goes on");
    await expect(server.connect("/echo", { maxRetries: 0 })).rejects.toMatchObject({ status: 429 });
    await session.close();
    await turnsUntil(() => server.stats.sessions === 0);
    await (await server.connect("/echo")).close();
    await server.empty();
    expect(server.stats).toMatchObject({
      connectionsAccepted: 4,
      handshakeFailures: 0,
      sessionsRequested: 4,
      sessionsAccepted: 2,
      sessionsRefused: 2,
      refusals: { error: 1, max_sessions: 1 },
      ended: { sessions: 2, streams: 1, bytesSent: 7, bytesReceived: 7 },
      connectionStats: { currentCount: 0, totalClosed: 4 },
      sessionStats: { currentCount: 0, totalClosed: 2, states: { connected: 0, draining: 0, closing: 0 } },
    });
  });

  it("counts handshakes that fail", async () => {
    await start((app) => app.route("/echo", echoHandler));
    const serverCertificateHashes = [{ algorithm: "sha-256", value: new Uint8Array(32) }] as const;
    await expect(server.connect("/echo", { serverCertificateHashes, maxRetries: 0 })).rejects.toMatchObject({
      name: "CertificateError",
    });
    await turnsUntil(() => server.stats.pendingHandshakes === 0);
    expect(server.stats).toMatchObject({
      connectionsAccepted: 0,
      handshakeFailures: 1,
      connectionsRejected: 1,
      connectionsRefused: 0,
      connectionRejections: { certificate_rejected: 1, timeout: 0 },
    });
  });

  it("tells what mends handshakes that fail often, and how long those took that did not", async () => {
    await start((app) => app.route("/echo", echoHandler));
    const serverCertificateHashes = [{ algorithm: "sha-256", value: new Uint8Array(32) }] as const;
    for (let count = 0; count < 3; count += 1) {
      await expect(server.connect("/echo", { serverCertificateHashes, maxRetries: 0 })).rejects.toThrow();
    }
    await turnsUntil(() => server.stats.pendingHandshakes === 0);
    const session = await server.connect("/echo");
    const [connection] = server.app.server.debugState().connections;
    expect(connection?.handshakeDuration).toBeGreaterThan(0);
    expect(server.app.server.debugState().aggregatedStats.connectionRejections.certificate_rejected).toBe(3);
    const issues = await server.app.server.diagnoseIssues();
    expect(issues.filter((issue) => issue.includes("clients"))).toEqual([
      expect.stringMatching(/^3 of 4 clients do not trust the certificate\. Browsers accept .*serverCertificateHashes/),
    ]);
    await session.close();
  });
});
