import { createSocket } from "node:dgram";
import { once } from "node:events";
import { inspect } from "node:util";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createRateLimitMiddleware } from "../../../src/server/middleware/rate-limit.ts";
import { createDevelopmentServer } from "../../../src/server/development/development-server.ts";
import { connect } from "../../../src/client/connect.ts";
import { ServerApp } from "../../../src/server/app.ts";
import { WebTransportServer } from "../../../src/server/server.ts";
import type { IncomingSession } from "../../../src/transport/session/request.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import type { PemPair } from "../../support/openssl.ts";

import { CertificateWorld, fingerprint, freshPair } from "./certificate-world.ts";

const address = { host: "127.0.0.1", port: 0 };

function open(port: number, path = "/"): Promise<WebTransportSession> {
  return connect(`https://127.0.0.1:${port}${path}`, { insecure: true, maxRetries: 0 });
}

/** Rejects while somebody has the UDP port. */
async function isFree(port: number): Promise<void> {
  const socket = createSocket("udp4");
  socket.bind(port, address.host);
  await once(socket, "listening");
  socket.close();
  await once(socket, "close");
}

/** Accepts what comes until the server closes; resolves with the number of sessions. */
async function acceptAll(incoming: AsyncIterable<IncomingSession>): Promise<number> {
  let count = 0;
  for await (const request of incoming) {
    count += 1;
    await request.accept();
  }
  return count;
}

describe("a WebTransportServer that has closed", () => {
  let pair: PemPair;
  let server: WebTransportServer;

  beforeEach(async () => {
    pair = await freshPair();
    server = new WebTransportServer({ config: { ...pair, logLevel: "silent" } });
  });
  afterEach(async () => {
    await server.close({ timeout: 0 });
  });

  it("listens again, with sessions, an iteration and a serveForever() of each life", async () => {
    for (let life = 1; life <= 3; life += 1) {
      const { port } = await server.listen(address);
      const accepting = acceptAll(server.incomingSessions());
      const serving = server.serveForever();
      const sessions = [await open(port), await open(port)];
      expect(server.isServing).toBe(true);
      expect(server.localAddress?.port).toBe(port);
      const [held] = server.sessions;
      await server.close({ timeout: 0, code: 7, reason: "over" });
      await serving;
      expect(await accepting).toBe(2);
      for (const session of sessions) expect((await session.closed).by).toBe("peer");
      expect(held?.isClosed).toBe(true);
      expect(server.isServing).toBe(false);
      await isFree(port);
    }
  });

  it("tells in between that it is closed: its iteration ends, serveForever() resolves, close() changes nothing", async () => {
    await server.listen(address);
    await server.close();
    expect(await acceptAll(server.incomingSessions())).toBe(0);
    await server.serveForever();
    await server.close({ timeout: 0 });
    expect(await server.diagnoseIssues()).toContain("Server is not currently serving.");
    expect(server.getServerStats()).toMatchObject({ isServing: false, uptime: 0, engineConnections: 0 });
  });

  it("says as text in which of its lives it is", async () => {
    const counts = "connections=0, sessions=0)";
    expect(String(server)).toBe(`WebTransportServer(status=idle, address=none, ${counts}`);
    const { port } = await server.listen(address);
    expect(inspect({ server })).toBe(
      `{\n  server: WebTransportServer(status=serving, address=127.0.0.1:${port}, ${counts}\n}`,
    );
    await server.close();
    expect(String(server)).toContain("status=closed");
  });

  it("listens again when it was closed before it ever listened", async () => {
    await server.close();
    const { port } = await server.listen(address);
    void acceptAll(server.incomingSessions());
    expect((await open(port)).isReady).toBe(true);
  });

  it("refuses to listen while it listens, starts or closes", async () => {
    const starting = server.listen(address);
    await expect(server.listen(address)).rejects.toThrow("Cannot listen: the server is starting");
    await starting;
    await expect(server.listen(address)).rejects.toThrow("Cannot listen: the server is serving");
    const closing = server.close();
    await expect(server.listen(address)).rejects.toThrow("Cannot listen: the server is closing");
    await closing;
  });

  it("counts on", async () => {
    const connectOnce = async (port: number): Promise<void> => {
      await expect(
        connect(`https://127.0.0.1:${port}/`, {
          maxRetries: 0,
          serverCertificateHashes: [{ algorithm: "sha-256", value: new Uint8Array(32) }],
        }),
      ).rejects.toMatchObject({ name: "CertificateError" });
      await (await open(port)).close();
    };
    for (let life = 1; life <= 3; life += 1) {
      const { port } = await server.listen(address);
      void acceptAll(server.incomingSessions());
      await connectOnce(port);
      expect(server.getServerStats().uptime).toBeGreaterThan(0);
      await server.close();
      const counts = {
        connectionsAccepted: life,
        sessionsRequested: life,
        sessionsAccepted: life,
        handshakeFailures: life,
        connectionsRejected: life,
        connectionRejections: { certificate_rejected: life },
        ended: { sessions: life },
        connectionStats: { totalCreated: life, totalClosed: life, currentCount: 0 },
        sessionStats: { totalCreated: life, totalClosed: life, currentCount: 0 },
        connections: 0,
        sessions: 0,
        pendingHandshakes: 0,
      };
      expect(server.getServerStats()).toMatchObject(counts);
    }
  });

  it("takes sessions again, though its session manager was shut down", async () => {
    const first = await server.listen(address);
    await server.sessionManager.shutdown();
    await expect(open(first.port)).rejects.toMatchObject({ status: 503 });
    await server.close();
    const { port } = await server.listen(address);
    void acceptAll(server.incomingSessions());
    expect((await open(port)).isReady).toBe(true);
  });

  it("starts and stops the configuration's middleware in each life, and keeps its listeners", async () => {
    const calls: string[] = [];
    const middleware = Object.assign(() => true, {
      start: () => void calls.push("start"),
      stop: () => void calls.push("stop"),
    });
    server = new WebTransportServer({ config: { ...pair, logLevel: "silent", middleware: [middleware] } });
    server.on("session_ready", () => void calls.push("ready"));
    for (let life = 1; life <= 2; life += 1) {
      const { port } = await server.listen(address);
      void acceptAll(server.incomingSessions());
      await open(port);
      await server.close({ timeout: 0 });
    }
    expect(calls).toEqual(["start", "ready", "stop", "start", "ready", "stop"]);
  });
});

describe("certificateReload of a server that listens again", () => {
  const world = new CertificateWorld();
  afterEach(async () => {
    await world.close();
  });

  it("reads the files anew, and watches them again", async () => {
    const [first, second, third] = [await freshPair(), await freshPair(), await freshPair()];
    const files = world.files(first);
    await world.serve({ ...files, certificateReload: true });
    expect(await world.shown()).toBe(fingerprint(first));
    await world.app.close({ timeout: 0 });
    world.files(second);
    await world.listen();
    expect(await world.shown()).toBe(fingerprint(second));
    const updated = world.app.server.waitFor("certificate_updated", {
      condition: ({ certificate }) => certificate.fingerprint256 === fingerprint(third),
    });
    world.files(third);
    await updated;
    expect(await world.shown()).toBe(fingerprint(third));
  });
});

describe("a ServerApp that has closed", () => {
  it("listens again: middleware, hooks and handlers live anew, in their order", async () => {
    const calls: string[] = [];
    const app = new ServerApp({ config: { ...(await freshPair()), logLevel: "silent" } });
    const named = (name: string) =>
      Object.assign(() => true, {
        start: () => void calls.push(`start ${name}`),
        stop: () => void calls.push(`stop ${name}`),
      });
    app.middleware(named("app"));
    app.middleware(createRateLimitMiddleware({ maxRequests: 3 }));
    app.onStartup(() => void calls.push("startup"));
    app.onShutdown(() => void calls.push("shutdown"));
    app.route("/", { middleware: [named("route")] }, async (session) => {
      calls.push("handler");
      await session.closed;
    });
    const mounted = new ServerApp();
    mounted.onStartup(() => void calls.push("mounted"));
    mounted.route("/", (session) => session.closed);
    app.mount("/mounted", mounted);
    for (let life = 1; life <= 2; life += 1) {
      const { port } = await app.listen(address);
      expect((await open(port)).isReady).toBe(true);
      await app.close({ timeout: 0 });
    }
    const life = ["start app", "start route", "startup", "mounted", "handler", "shutdown", "stop route", "stop app"];
    expect(calls).toEqual([...life, ...life]);
    // What the rate limiter has counted stays: the third request is its last.
    const { port } = await app.listen(address);
    await open(port, "/mounted");
    await expect(open(port)).rejects.toMatchObject({ status: 429 });
    await app.close({ timeout: 0 });
  });

  it("takes no routes and middleware while it is closed, and takes them when it listens again", async () => {
    const app = new ServerApp({ config: { ...(await freshPair()), logLevel: "silent" } });
    app.route("/", (session) => session.closed);
    await app.listen(address);
    await app.close();
    expect(() => app.route("/late", (session) => session.closed)).toThrow(
      "Cannot add a route: the app has been closed",
    );
    expect(() => app.middleware(() => true)).toThrow("Cannot add middleware: the app has been closed");
    const { port } = await app.listen(address);
    app.route("/late", (session) => session.closed);
    for (const path of ["/", "/late"]) expect((await open(port, path)).isReady).toBe(true);
    await app.close({ timeout: 0 });
  });

  it("refuses to listen while it listens, starts or closes", async () => {
    const app = new ServerApp({ config: { ...(await freshPair()), logLevel: "silent" } });
    const starting = app.listen(address);
    await expect(app.listen(address)).rejects.toThrow("Cannot listen: the app is starting already");
    await starting;
    await expect(app.listen(address)).rejects.toThrow("Cannot listen: the app is listening already");
    const closing = app.close();
    await expect(app.listen(address)).rejects.toThrow("Cannot listen: the app is closing");
    await expect(app.serve(address)).rejects.toThrow("Cannot listen: the app is closing");
    await closing;
    await app.listen(address);
    await app.close();
  });

  it("serves again until its new signal aborts", async () => {
    const app = new ServerApp({ config: { ...(await freshPair()), logLevel: "silent" } });
    app.route("/", (session) => session.closed);
    for (let life = 1; life <= 2; life += 1) {
      const abort = new AbortController();
      const isServing = new Promise<number>((resolve) => {
        app.server.once("connection_established", ({ connection }) => {
          resolve(connection.localAddress.port);
        });
      });
      const serving = app.serve({ ...address, signal: abort.signal });
      await expect.poll(() => app.server.isServing).toBe(true);
      const session = await open(app.server.localAddress?.port ?? 0);
      void session.draining.then(() => session.close());
      expect(await isServing).toBe(app.server.localAddress?.port);
      abort.abort();
      await serving;
      expect(app.server.isServing).toBe(false);
    }
  });
});

describe("a development server that has closed", () => {
  it("listens again, with another certificate and its page", async () => {
    const app = createDevelopmentServer({ port: 0, pagePort: 0, config: { logLevel: "silent" } });
    app.route("/echo", (session) => session.closed);
    const hashes: (string | undefined)[] = [];
    for (let life = 1; life <= 2; life += 1) {
      await app.listen();
      hashes.push(app.certificateHash);
      expect((await fetch(app.pageUrl ?? "")).status).toBe(200);
      const value = Buffer.from(app.certificateHash ?? "", "hex");
      const session = await connect(app.url, { serverCertificateHashes: [{ algorithm: "sha-256", value }] });
      expect(session.isReady).toBe(true);
      const page = app.pageUrl ?? "";
      await app.close({ timeout: 0 });
      await expect(fetch(page)).rejects.toThrow();
    }
    expect(new Set(hashes).size).toBe(2);
  });
});
