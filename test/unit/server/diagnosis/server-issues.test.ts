import { afterEach, describe, expect, it, vi } from "vitest";

import { generateSelfSignedCertificate } from "../../../../src/certificates/self-signed.ts";
import { echoHandler } from "../../../../src/server/handlers.ts";
import { countIssues } from "../../../../src/server/diagnosis/server-issues.ts";
import { WebTransportServer } from "../../../../src/server/server.ts";
import type { ServerStats } from "../../../../src/server/server-stats.ts";
import type { WebTransportSession } from "../../../../src/transport/session/session.ts";

import { AppWorld } from "../app/app-world.ts";

const open = (session: WebTransportSession<object, unknown>): Promise<unknown> => session.closed;

describe("what a server finds wrong with itself", () => {
  let world: AppWorld;

  afterEach(async () => {
    await world.close();
  });

  it("is nothing when all is well, and that it does not serve when it does not", async () => {
    world = new AppWorld();
    world.app.route("/", echoHandler);
    expect(await world.app.server.diagnoseIssues()).toEqual([
      "Server is not currently serving.",
      "There is no certificate: give cert and key (PEM) or certfile and keyfile (paths)",
    ]);
    await world.listen();
    const session = await world.connect("/");
    expect(await world.app.server.diagnoseIssues()).toEqual([]);
    await session.close();
  });

  it("is that it refuses many sessions, and why", async () => {
    world = new AppWorld();
    world.app.route("/", { protocols: ["chat"], requireProtocol: true }, open);
    await world.listen();
    for (let count = 0; count < 14; count += 1) await world.statusOf("/nowhere");
    for (let count = 0; count < 6; count += 1) await world.statusOf("/");
    expect(await world.app.server.diagnoseIssues()).toEqual([]);
    await world.statusOf("/");
    expect(await world.app.server.diagnoseIssues()).toEqual([
      "High session rejection rate: 21/21 (route 14, protocol 7)",
    ]);
  });

  it("is that limits are nearly reached, connections are refused, and datagrams were dropped", async () => {
    world = new AppWorld();
    const stats = world.app.server.getServerStats();
    const limits = { ...world.app.server.config.values, maxConnections: 100, maxSessions: 1000 };
    const found = (changes: Partial<ServerStats>): string[] => countIssues({ ...stats, ...changes }, limits);
    expect(found({ connections: 90, sessions: 900 })).toEqual([]);
    expect(found({ connections: 90, pendingHandshakes: 2, sessions: 900, requests: 23 })).toEqual([
      "High connection usage: 92.0% (92 of maxConnections 100)",
      "High session usage: 92.3% (923 of maxSessions 1000)",
    ]);
    const few = { connectionsAccepted: 35, connectionsRefused: 3, handshakeFailures: 2, connectionsRejected: 5 };
    expect(found(few)).toEqual(["High connection rejection rate: 5/40 (3 refused, 2 handshakes failed)"]);
    expect(found({ ...few, connectionsAccepted: 45 })).toEqual([]);
    expect(found({ ...few, connectionsAccepted: 15 })).toEqual([]);
    expect(found({ ended: { ...stats.ended, datagramsDropped: 3, datagramsSent: 4, datagramsReceived: 6 } })).toEqual([
      expect.stringMatching(/^3 of 10 datagrams of sessions that have ended were dropped: /),
    ]);
  });

  it("is which limit holds a session up, and who holds the bytes; and a full budget of the whole server", async () => {
    world = new AppWorld({ maxSessionBufferSize: 65_536, maxTotalBufferSize: 65_536 });
    world.app.route("/", open);
    await world.listen();
    const session = await world.connect("/");
    for (let count = 0; count < 4; count += 1) {
      const stream = await session.createUnidirectionalStream();
      void stream.write(new Uint8Array(40_000)).catch(() => {});
    }
    await world.pair.engine.clock.settle();
    const issues = await world.app.server.diagnoseIssues();
    expect(issues).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^All sessions hold .* unread .* \(maxTotalBufferSize\): /),
        expect.stringMatching(
          /^Session server-\d+\/0 holds .* \(maxSessionBufferSize\), so its streams wait: stream \d+ holds /,
        ),
      ]),
    );
    expect(new Set(issues).size).toBe(issues.length);
    const { buffers } = world.app.server.debugState();
    expect(buffers).toMatchObject({ limit: 65_536, used: expect.any(Number) as unknown });
    expect(buffers.used).toBeGreaterThan(0);
  });

  it("shows its state as JSON, without keys, tokens and what clients have sent", async () => {
    const { cert, key } = await generateSelfSignedCertificate();
    world = new AppWorld({ cert, key });
    world.app.middleware(function named() {
      return true;
    });
    world.app.route("/room", open);
    await world.listen();
    const session = await world.connect("/room?token=secret", { headers: { authorization: "Bearer secret" } });
    const stream = await session.createBidirectionalStream();
    await stream.write("secret");
    await world.pair.engine.clock.settle();
    const state = world.app.server.debugState();
    const text = JSON.stringify(state);
    expect(text).not.toMatch(/secret|PRIVATE KEY/);
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(state)));
    expect(state).toMatchObject({
      serverInfo: { serving: true, localAddress: { family: 4 }, middleware: ["named"] },
      aggregatedStats: { sessions: 1, connections: 1, isServing: true },
      connections: [{ state: "connected", sessions: 1, serverName: "localhost", remoteAddress: { family: 4 } }],
      sessions: [{ path: "/room", state: "connected", streams: [{ initiator: "peer" }] }],
    });
    const { establishedAt } = state.connections[0]!;
    expect(Math.abs(Date.now() - (establishedAt ?? 0))).toBeLessThan(60_000);
    await session.close();
  });

  it("shows of each connection how many errors it has had, and when its peer was last active", async () => {
    const start = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: start });
    try {
      world = new AppWorld();
      world.app.route("/", open);
      await world.listen();
      const session = await world.connect("/");
      const { server } = world.app;
      const shown = () => server.debugState().connections[0];
      expect(shown()).toMatchObject({ errorCount: 0, lastActivity: start });
      vi.setSystemTime(start + 1000);
      const own = await server.sessions[0]!.createUnidirectionalStream();
      void own.write("what a server sends is not its peer's activity");
      expect(shown()).toMatchObject({ errorCount: 0, lastActivity: start });
      const stream = await session.createBidirectionalStream();
      await stream.write("x");
      await world.pair.engine.clock.settle();
      expect(shown()?.lastActivity).toBe(start + 1000);
      vi.setSystemTime(start + 2000);
      stream.reset(7);
      await world.pair.engine.clock.settle();
      expect(shown()).toMatchObject({ errorCount: 1, lastActivity: start + 2000 });
      const [connection] = server.connections;
      await session.close();
      await world.pair.engine.clock.settle();
      expect(connection?.errorCount).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is told by a server that has no ServerApp, too", async () => {
    world = new AppWorld();
    const server = new WebTransportServer();
    expect(await server.diagnoseIssues()).toContain("Server is not currently serving.");
    expect(server.debugState()).toMatchObject({ serverInfo: { serving: false }, connections: [], sessions: [] });
  });
});
