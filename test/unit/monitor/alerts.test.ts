import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { builtInIds } from "../../../src/monitor/alerts/thresholds.ts";
import type { MonitorAlert } from "../../../src/monitor/alerts/alert-book.ts";
import type { Finding } from "../../../src/monitor/alerts/rule.ts";
import { delayBounds } from "../../../src/monitor/process-figures.ts";
import { ServerMonitor } from "../../../src/monitor/server-monitor.ts";
import type { ServerMonitorOptions } from "../../../src/monitor/options.ts";
import { Histogram } from "../../../src/base/histogram.ts";

import { ScriptedTarget, workerOf } from "./scripted-target.ts";
import type { FigureChanges } from "./scripted-target.ts";

const day = 24 * 3600 * 1000;

describe("alerts", () => {
  let target: ScriptedTarget;
  let monitor: ServerMonitor;
  let told: MonitorAlert[];

  beforeEach(() => {
    vi.useFakeTimers();
    target = new ScriptedTarget();
  });
  afterEach(async () => {
    await monitor.stop();
    vi.useRealTimers();
  });

  /** An interval is a window: what a test changes is all of it. */
  async function start(options: ServerMonitorOptions = {}): Promise<void> {
    monitor = new ServerMonitor(target, { monitoringInterval: 1000, window: 1000, ...options });
    told = [];
    monitor.on("alert", (alert) => told.push(alert));
    await monitor.start();
  }
  async function pass(changes: FigureChanges = {}): Promise<void> {
    target.change(changes);
    await vi.advanceTimersByTimeAsync(1000);
  }
  const lines = (): string[] => target.lines.map(([level, message]) => `${level} ${message}`);
  const kinds = (): string[] => told.map(({ id, type, status }) => `${id} ${type} ${status}`);
  const data = (value: number, count: number): Histogram["data"] => {
    const histogram = new Histogram(delayBounds);
    for (let index = 0; index < count; index += 1) histogram.record(value);
    return histogram.data;
  };

  it("are told once, again when twice as bad or of a worse level, and when over", async () => {
    await start();
    const total = (used: number): FigureChanges => ({ buffers: { used, limit: 100 } });
    await pass(total(89));
    expect(kinds()).toEqual([]);
    await pass(total(90));
    await pass(total(95));
    await pass(total(90));
    expect(kinds()).toEqual(["buffers raised degraded"]);
    await pass(total(180));
    expect(kinds().slice(1)).toEqual(["buffers worse degraded"]);
    await pass(total(185));
    expect(told).toHaveLength(2);
    await pass(total(10));
    expect(kinds().slice(2)).toEqual(["buffers recovered healthy"]);
    expect(monitor.getAlerts()).toEqual(told);
    await pass(total(10));
    expect(told).toHaveLength(3);
    // The same trouble after a recovery is told anew.
    await pass(total(99));
    expect(kinds().slice(3)).toEqual(["buffers raised degraded"]);
    expect(lines()).toEqual([
      "warn Health alert: degraded - Unread data fills 90.00% of maxTotalBufferSize (0 MiB)",
      "warn Health alert: degraded - Unread data fills 180.00% of maxTotalBufferSize (0 MiB)",
      "info Health alert is over: Recovered: Unread data fills 185.00% of maxTotalBufferSize (0 MiB)",
      "warn Health alert: degraded - Unread data fills 99.00% of maxTotalBufferSize (0 MiB)",
    ]);
  });

  it("are told again when the level becomes worse, though the value has hardly changed", async () => {
    await start({ thresholds: { event_loop_delay: { degraded: 100, unhealthy: 300 } } });
    await pass({ eventLoop: { delay: data(150, 10) } });
    await pass({ eventLoop: { delay: data(260, 1000) } });
    expect(kinds()).toEqual(["event_loop_delay raised degraded", "event_loop_delay worse unhealthy"]);
    expect(monitor.getHealthStatus()).toMatchObject({ status: "unhealthy" });
  });

  it("keep the newest hundred, and give the newest of them oldest first", async () => {
    let isBad = false;
    await start({ rules: [{ id: "mine", check: () => (isBad ? { status: "degraded", reason: "bad" } : undefined) }] });
    for (let index = 0; index < 120; index += 1) {
      isBad = !isBad;
      await pass();
    }
    expect(monitor.getAlerts(0)).toEqual(told.slice(-100));
    expect(monitor.getAlerts()).toEqual(told.slice(-25));
    expect(monitor.getAlerts(1)).toEqual(told.slice(-1));
  });

  it.each<[id: string, changes: FigureChanges, status: string, reason: string]>([
    [
      "success_rate",
      { connections: { accepted: 8, handshakeFailures: { max_connections: 4 } } },
      "degraded",
      "66.67% of 12",
    ],
    ["success_rate", { connections: { accepted: 5, handshakeFailures: { tls: 6 } } }, "unhealthy", "45.45% of 11"],
    [
      "handshake_failures",
      { connections: { accepted: 50, handshakeFailures: { certificate_rejected: 9, timeout: 1 } } },
      "degraded",
      '16.67% of 60 handshakes failed, most of them for "certificate_rejected"',
    ],
    ["limits", { sessions: { active: 9000 } }, "degraded", "9000 sessions are 90.00% of maxSessions (10000)"],
    ["limits", { connections: { active: 9500 } }, "degraded", "9500 connections are 95.00% of maxConnections (10000)"],
    [
      "limits",
      { sessions: { refused: { max_sessions_per_address: 1 } } },
      "degraded",
      "1 connections or sessions were refused because a limit is reached",
    ],
    ["event_loop_delay", { eventLoop: { delay: data(2000, 3) } }, "unhealthy", "one of a hundred timers by"],
    [
      "buffers",
      { buffers: { largestSession: 95, sessionLimit: 100 } },
      "degraded",
      "Unread data of one session fills 95.00% of maxSessionBufferSize",
    ],
    [
      "datagram_drops",
      { datagrams: { received: 200, dropped: { incoming_overflow: 20 } } },
      "degraded",
      "10.00% of 200 datagrams were dropped",
    ],
    [
      "packet_loss",
      { transport: { packetsSent: 2000, packetsLost: 200 } },
      "degraded",
      "10.00% of 2000 packets were lost",
    ],
    [
      "packet_loss",
      { transport: { packetsSent: 2000, packetsLost: 600 } },
      "unhealthy",
      "30.00% of 2000 packets were lost",
    ],
    [
      "memory",
      { memory: { resident: 90, limit: 100 } },
      "degraded",
      "The process uses 90.00% of the memory that there is",
    ],
    ["memory", { memory: { heapUsed: 96, heapLimit: 100 } }, "unhealthy", "The JavaScript heap uses 96.00% of what"],
  ])("%s: %j", async (id, changes, status, reason) => {
    await start();
    await pass(changes);
    const found = monitor.getActiveAlerts().find((alert) => alert.id === id);
    expect(found).toMatchObject({ status, since: Date.now() });
    expect(found?.reason).toContain(reason);
  });

  it("say nothing of shares of a few", async () => {
    await start();
    await pass({
      connections: { accepted: 0, handshakeFailures: { tls: 10 } },
      datagrams: { received: 99, dropped: { incoming_overflow: 99 } },
      transport: { packetsSent: 999, packetsLost: 999 },
    });
    expect(monitor.getActiveAlerts()).toEqual([]);
  });

  it("do not count clients that were asked for another version, or turned away by a closing server", async () => {
    await start();
    await pass({ connections: { accepted: 20, handshakeFailures: { version: 1000, closing: 1000 } } });
    expect(monitor.getActiveAlerts()).toEqual([]);
  });

  it.each<[days: number, valid: number, status: string | undefined, reason: string]>([
    [20, 90, undefined, ""],
    [13.5, 90, "degraded", "The certificate ends in 13 days"],
    [1.5, 90, "degraded", "The certificate ends in 36 hours"],
    [-0.1, 90, "unhealthy", "The certificate has ended at"],
    // One that browsers trust by its hash is renewed late.
    [12, 13, undefined, ""],
    [0.9, 13, "degraded", "The certificate ends in 21 hours"],
    [-0.1, 13, "unhealthy", "The certificate has ended at"],
  ])("certificate: %d days left of %d", async (left, valid, status, reason) => {
    await start();
    const notAfter = Date.now() + 1000 + left * day;
    const other = { serverName: "b.example", notBefore: 0, notAfter: Date.now() + 1000 * day };
    await pass({ certificates: [other, { serverName: "", notBefore: notAfter - valid * day, notAfter }] });
    const found = monitor.getActiveAlerts();
    expect(found.map((alert) => alert.status)).toEqual(status === undefined ? [] : [status]);
    expect(found[0]?.reason ?? "").toContain(reason);
  });

  it("repeat that of a certificate as its days halve", async () => {
    await start({ monitoringInterval: day, window: day });
    const certificates = [
      { serverName: "a.example", notBefore: Date.now() - 80 * day, notAfter: Date.now() + 20 * day },
    ];
    target.change({ certificates });
    await vi.advanceTimersByTimeAsync(21 * day);
    expect(told.map(({ type, reason }) => `${type}: ${reason.slice(0, 42)}`)).toEqual([
      "raised: The certificate of a.example ends in 14 da",
      "worse: The certificate of a.example ends in 7 day",
      "worse: The certificate of a.example ends in 3 day",
      "worse: The certificate of a.example ends in 24 ho",
      "worse: The certificate of a.example has ended at ",
    ]);
  });

  it("workers: tell which are missing or hang, and when all work again", async () => {
    target.workers = [workerOf("0", {}), workerOf("1", {}), workerOf("2", {})];
    await start();
    target.workers = [workerOf("0", {}), workerOf("1", undefined, { state: "missing" }), workerOf("2", {})];
    await pass();
    target.workers = [workerOf("0", {}), workerOf("1", {}), workerOf("2", {})];
    await pass();
    expect(told.map(({ id, type, reason }) => `${id} ${type}: ${reason}`)).toEqual([
      "workers raised: 1 of 3 workers do not work: 1 missing",
      "workers recovered: Recovered: 1 of 3 workers do not work: 1 missing",
    ]);
  });

  it("event_loop_delay: name the worker whose loop is late", async () => {
    target.workers = [
      workerOf("0", { eventLoop: { delay: data(1, 100) } }),
      workerOf("1", { eventLoop: { delay: data(400, 5) } }),
    ];
    await start();
    expect(monitor.getActiveAlerts()[0]?.reason).toMatch(/^The event loop of worker 1 is late/);
  });

  it("not_serving: tell of a server that has ended, not of one that is being closed", async () => {
    await start();
    target.isServing = false;
    target.isDraining = true;
    await pass();
    expect(told).toEqual([]);
    target.isDraining = false;
    await pass();
    expect(kinds()).toEqual(["not_serving raised unhealthy"]);
  });

  it("not_serving: is not told of a server that has not begun", async () => {
    target.isServing = false;
    target.hasServed = false;
    await start();
    await pass();
    expect(monitor.getHealthStatus()).toEqual({ status: "starting", reason: "Server has not begun to serve." });
    target.isServing = true;
    target.hasServed = true;
    await pass();
    expect(monitor.getHealthStatus().status).toBe("idle");
    expect(told).toEqual([]);
    target.isServing = false;
    await pass();
    expect(kinds()).toEqual(["not_serving raised unhealthy"]);
  });

  it("can be turned off one by one, or a level of them", async () => {
    const bad: FigureChanges = {
      connections: { active: 9999, accepted: 0, handshakeFailures: { tls: 100 } },
      memory: { resident: 99, limit: 100 },
    };
    await start({ thresholds: Object.fromEntries(builtInIds.map((id) => [id, false])) });
    await pass(bad);
    expect(monitor.getActiveAlerts()).toEqual([]);
    await monitor.stop();
    target = new ScriptedTarget();
    await start({ thresholds: { memory: { unhealthy: false }, success_rate: false, handshake_failures: false } });
    await pass(bad);
    expect(monitor.getActiveAlerts().map(({ id, status }) => `${id} ${status}`)).toEqual([
      "limits degraded",
      "memory degraded",
    ]);
  });

  it("come from rules of the application's own, and a rule that throws is logged once", async () => {
    let finding: Finding | undefined = { status: "degraded", reason: "Too many rooms", value: 10 };
    const seen: number[] = [];
    await start({
      rules: [
        {
          id: "broken",
          check: () => {
            throw new Error("on purpose");
          },
        },
        {
          id: "rooms",
          check: ({ figures }) => {
            seen.push(figures.sessions.active);
            return finding;
          },
        },
      ],
    });
    await pass({ sessions: { active: 7 } });
    expect(seen).toEqual([0, 7]);
    finding = { status: "degraded", reason: "Far too many rooms", value: 20 };
    await pass();
    finding = undefined;
    await pass();
    expect(kinds()).toEqual(["rooms raised degraded", "rooms worse degraded", "rooms recovered healthy"]);
    expect(lines().filter((line) => line.startsWith("error"))).toEqual(["error a rule of the monitor failed"]);
  });

  it("are not over because their rule throws, which is logged anew once it has worked", async () => {
    let isBroken = false;
    await start({
      rules: [
        {
          id: "mine",
          check: () => {
            if (isBroken) throw new Error("on purpose");
            return { status: "degraded", reason: "bad" };
          },
        },
      ],
    });
    isBroken = true;
    await pass();
    await pass();
    expect(kinds()).toEqual(["mine raised degraded"]);
    expect(monitor.getHealthStatus().reason).toBe("bad");
    isBroken = false;
    await pass();
    isBroken = true;
    await pass();
    expect(kinds()).toEqual(["mine raised degraded"]);
    expect(lines().filter((line) => line.startsWith("error"))).toHaveLength(2);
  });

  it.each<[name: string, found: unknown]>([
    ["a promise", Promise.resolve(undefined)],
    ["an empty object", {}],
    ["a level that there is not", { status: "healthy", reason: "fine" }],
    ["a level without a reason", { status: "degraded" }],
    ["a value that is no number", { status: "degraded", reason: "bad", value: "10" }],
    ["true", true],
  ])("of a rule that returns %s: there is none, its fault is logged, and the sample counts", async (_name, found) => {
    let samples = 0;
    await start({ rules: [{ id: "mine", check: () => found as never }] });
    monitor.on("sample", () => (samples += 1));
    await pass();
    expect(samples).toBe(1);
    expect(kinds()).toEqual([]);
    expect(lines()).toEqual(["error a rule of the monitor failed"]);
  });

  it("of a rule that returns null: there is none", async () => {
    await start({ rules: [{ id: "mine", check: () => null as never }] });
    await pass();
    expect(target.lines).toEqual([]);
  });

  it("a listener that throws stops neither the other listeners nor the monitor", async () => {
    await start();
    const error = new Error("on purpose");
    monitor.prependListener("alert", () => {
      throw error;
    });
    await pass({ sessions: { active: 9999 } });
    await pass({ sessions: { active: 0 } });
    expect(kinds()).toEqual(["limits raised degraded", "limits recovered healthy"]);
    expect(target.lines.filter(([level]) => level === "error")).toEqual([
      ["error", "a listener of the monitor threw", { error, event: "alert" }],
      ["error", "a listener of the monitor threw", { error, event: "alert" }],
    ]);
  });
});
