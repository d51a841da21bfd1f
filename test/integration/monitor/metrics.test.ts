import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ServerMonitor } from "../../../src/monitor/server-monitor.ts";
import { total } from "../../../src/monitor/metrics.ts";
import type { Figures, MonitorTarget } from "../../../src/monitor/target.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { LocalServer, turnsUntil } from "../end-to-end/local-server.ts";
import { runLoad } from "./load.ts";

describe("what a monitor tells of a server under load", () => {
  let server: LocalServer;
  let monitor: ServerMonitor;

  beforeEach(async () => {
    server = await LocalServer.start((app) => {
      app.route("/echo", echoHandler);
      app.route("/slow", (session) => session.datagrams.receive().then(() => session.closed));
    });
    monitor = new ServerMonitor(server.app, { monitoringInterval: 3_600_000 });
    await monitor.start();
  });
  afterEach(async () => {
    await monitor.stop();
    await server.close();
  });

  const figures = async (): Promise<Figures> => (await monitor.read()).figures!;

  it("is what the clients have counted", async () => {
    const { counts, open } = await runLoad(server, { sessions: 10, each: 20, refused: 3 });
    const busy = await figures();
    expect(busy.connections).toMatchObject({ active: 10, accepted: 13, pendingHandshakes: 0, limit: 10_000 });
    expect(busy.sessions).toMatchObject({ active: counts.sessions, requested: 13, accepted: 10, pendingRequests: 0 });
    expect(busy.sessions.refused).toMatchObject({ route: counts.refused });
    expect(total(busy.sessions.refused)).toBe(counts.refused);
    expect(busy.streams).toMatchObject({ accepted: counts.streams, opened: 0, errors: 0 });
    expect(busy.bytes).toEqual({ received: counts.bytes, sent: counts.bytes });
    expect(busy.datagrams).toMatchObject({ received: counts.datagrams, sent: counts.datagrams });
    expect(total(busy.datagrams.dropped)).toBe(0);
    expect(busy.durations.handshake.count).toBe(13);
    expect(busy.durations.request.count).toBe(13);
    expect(busy.durations.session.count).toBe(0);
    expect(busy.rtt.count).toBe(10);
    // Each datagram of either side had a packet, and streams had more.
    expect(busy.transport.packetsReceived).toBeGreaterThan(counts.datagrams);
    expect(busy.transport.packetsSent).toBeGreaterThan(counts.datagrams);
    expect(busy.transport.bytesReceived).toBeGreaterThan(counts.bytes);

    await Promise.all(open.slice(0, 4).map((session) => session.close()));
    await Promise.all(open.slice(4, 7).map((session) => session.close({ code: 7 })));
    for (const session of open.slice(7)) void session.connection.close();
    await server.empty();
    const after = await figures();
    expect(after.sessions.ended).toMatchObject({ peer: 7, peer_error: 3 });
    expect(total(after.sessions.ended)).toBe(10);
    expect(after.connections.ended).toMatchObject({ peer: 13 });
    expect(after.connections.active).toBe(0);
    expect(after.durations.session.count).toBe(10);
    expect(after.rtt.count).toBe(0);
    expect(after.bytes).toEqual(busy.bytes);
    // Ended connections keep what was counted of them.
    expect(after.transport.packetsReceived).toBeGreaterThanOrEqual(busy.transport.packetsReceived);
    expect(after.transport.packetsSent).toBeGreaterThanOrEqual(busy.transport.packetsSent);
  });

  it("counts packets of connections that nobody has looked at while they were open", async () => {
    const session = await server.connect("/echo");
    await session.datagrams.send("ping");
    await session.datagrams.receive();
    const { packetsSent } = server.app.server.connections[0]!.getStats();
    await session.connection.close();
    await server.empty();
    expect((await figures()).transport.packetsSent).toBeGreaterThanOrEqual(packetsSent);
  });

  it("counts each packet once, however often it is sampled", async () => {
    const session = await server.connect("/echo");
    for (let index = 0; index < 5; index += 1) await figures();
    const { transport } = await figures();
    const stats = server.app.server.connections[0]!.getStats();
    expect(transport.packetsReceived).toBeLessThanOrEqual(stats.packetsReceived);
    expect(transport.packetsSent).toBeLessThanOrEqual(stats.packetsSent);
    expect(transport.bytesSent).toBeLessThanOrEqual(stats.bytesSent);
    await session.close();
  });

  it("counts dropped datagrams by cause, and unread bytes", async () => {
    const session = await server.connect("/slow");
    const [held] = server.app.server.sessions;
    (held as WebTransportSession).datagrams.incomingHighWaterMark = 1;
    // The first wakes the handler, which reads no further one.
    const { datagrams } = session;
    for (let index = 0; index < 10; index += 1) await datagrams.send(`${index}`);
    await turnsUntil(() => held!.getStats().datagramsReceived === 10);
    const stream = await session.createUnidirectionalStream();
    await stream.write(new Uint8Array(10_000));
    await turnsUntil(() => held!.getStats().bufferedBytes === 10_000);
    const { datagrams: counted, buffers } = await figures();
    expect(counted.received).toBe(10);
    expect(counted.dropped).toEqual({
      incoming_overflow: held!.getStats().datagramsDropped,
      incoming_expired: 0,
      outgoing_overflow: 0,
      outgoing_expired: 0,
    });
    expect(counted.dropped.incoming_overflow).toBeGreaterThan(0);
    expect(buffers).toMatchObject({ used: 10_000, largestSession: 10_000 });
    await session.close({ abort: true });
  });

  it("measures the event loop while it monitors: a blocked loop is seen", async () => {
    const countLate = ({ eventLoop: { delay } }: Figures): number => {
      const late = delay.bounds.findIndex((bound) => bound >= 100);
      return delay.counts.slice(late).reduce((sum, count) => sum + count, 0);
    };
    const before = await figures();
    let now = before;
    for (let seen = countLate(before); countLate(now) < countLate(before) + 3;) {
      block(150);
      while (countLate(now) === seen) {
        await nextTurn();
        now = await figures();
      }
      seen = countLate(now);
    }
    expect(now.eventLoop.active - before.eventLoop.active).toBeGreaterThan(300);
    await monitor.stop();
    const { delay } = (await figures()).eventLoop;
    block(150);
    // A timer that is due runs in the next turn.
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    expect((await figures()).eventLoop.delay).toEqual(delay);
  });

  it("knows the certificate's end, and follows an update", async () => {
    const { generateSelfSignedCertificate } = await import("../../../src/certificates/self-signed.ts");
    const [served] = (await figures()).certificates;
    const days = (served!.notAfter - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(12);
    expect(days).toBeLessThan(13.1);
    server.app.server.updateCertificate(await generateSelfSignedCertificate({ hostname: "localhost", days: 3 }));
    const [updated] = (await figures()).certificates;
    expect(updated!.notAfter).toBeLessThan(served!.notAfter);
    expect(updated!.serverName).toBe("");
  });

  it("counts handshakes that fail by cause", async () => {
    const wrong = { algorithm: "sha-256", value: new Uint8Array(32) } as const;
    await expect(server.connect("/echo", { serverCertificateHashes: [wrong], maxRetries: 0 })).rejects.toThrow();
    await turnsUntil(() => server.stats.handshakeFailures === 1);
    const { connections } = await figures();
    expect(connections.accepted).toBe(0);
    expect(total(connections.handshakeFailures)).toBe(1);
    expect(connections.handshakeFailures.certificate_rejected).toBe(1);
  });

  describe("sessions", () => {
    const target = (): MonitorTarget => monitor.target;

    it("are listed, sorted, filtered and cut, with what was counted of each", async () => {
      const sessions = await Promise.all([server.connect("/echo"), server.connect("/slow"), server.connect("/echo")]);
      const [first] = sessions;
      const stream = await first.createBidirectionalStream();
      await stream.write(new Uint8Array(5000));
      await turnsUntil(() => server.app.server.sessions.some((held) => held.getStats().bytesReceived === 5000));
      const all = await target().listSessions();
      expect(all).toMatchObject({ total: 3, matching: 3 });
      expect(all.rows.map(({ path }) => path).sort()).toEqual(["/echo", "/echo", "/slow"]);
      const [most] = (await target().listSessions({ sort: "bytesReceived", descending: true, limit: 1 })).rows;
      expect(most).toMatchObject({ path: "/echo", state: "connected", streams: 1, bytesReceived: 5000, worker: "" });
      expect(most!.rtt).toBeGreaterThan(0);
      const slow = await target().listSessions({ filter: "/SLOW" });
      expect(slow).toMatchObject({ total: 3, matching: 1, rows: [{ path: "/slow" }] });
      const second = await target().listSessions({ sort: "path", offset: 2 });
      expect(second.rows.map(({ path }) => path)).toEqual(["/slow"]);
      const detail = await target().session(most!.id);
      expect(detail).toMatchObject({
        row: { id: most!.id, bytesReceived: 5000 },
        stats: { bytesReceived: 5000 },
        connection: { sessions: 1, serverName: undefined },
        issues: [],
      });
      expect(structuredClone(detail)).toEqual(detail);
      expect(() => JSON.stringify(detail)).not.toThrow();
      expect(await target().session("server-0/0")).toBeUndefined();
      await Promise.all(sessions.map((session) => session.close({ abort: true })));
      await server.empty();
      expect(await target().listSessions()).toEqual({ rows: [], matching: 0, total: 0 });
    });

    it.each([
      [{ limit: 0 }],
      [{ limit: 1001 }],
      [{ offset: -1 }],
      [{ sort: "size" }],
      [{ descending: 1 }],
      [{ filter: 5 }],
    ])("refuse the query %j", async (query) => {
      await expect(target().listSessions(query as never)).rejects.toThrow(/must be/);
    });
  });
});

function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
