import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ConfigurationError } from "../../../src/errors/errors.ts";
import { ServerMonitor } from "../../../src/monitor/server-monitor.ts";
import type { ServerMonitorOptions } from "../../../src/monitor/options.ts";
import type { MonitorMetrics } from "../../../src/monitor/metrics.ts";

import { ScriptedTarget, workerOf } from "./scripted-target.ts";

describe("ServerMonitor", () => {
  let target: ScriptedTarget;
  let monitor: ServerMonitor;

  beforeEach(() => {
    vi.useFakeTimers();
    target = new ScriptedTarget();
  });
  afterEach(async () => {
    await monitor.stop();
    expect(target.measuring).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  async function start(options: ServerMonitorOptions = {}): Promise<void> {
    monitor = new ServerMonitor(target, options);
    await monitor.start();
  }
  /** Lets intervals pass, 30 s each by default. */
  const pass = (milliseconds = 30_000): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);
  const current = (): MonitorMetrics => monitor.getCurrentMetrics()!;

  it("samples at once, then every interval, and never two at a time", async () => {
    await start();
    expect(target.samples).toBe(1);
    await pass(29_999);
    expect(target.samples).toBe(1);
    await pass(1);
    expect(target.samples).toBe(2);
    await Promise.all([monitor.start(), monitor.start()]);
    await pass(60_000);
    expect(target.samples).toBe(4);
    expect(target.measuring).toBe(1);
  });

  it("measures and samples nothing before start and after stop, keeps history and alerts, and can start again", async () => {
    monitor = new ServerMonitor(target);
    await pass();
    expect([monitor.isMonitoring, target.samples, target.measuring]).toEqual([false, 0, 0]);
    expect(monitor.getCurrentMetrics()).toBeUndefined();
    expect(monitor.getHealthStatus()).toEqual({ status: "unknown", reason: "No metrics collected yet." });
    await monitor.start();
    target.isServing = false;
    await pass();
    await monitor.stop();
    await pass(300_000);
    expect([monitor.isMonitoring, target.samples]).toEqual([false, 2]);
    expect(monitor.getMetricsHistory()).toHaveLength(2);
    expect(monitor.getAlerts()).toHaveLength(1);
    await monitor.start();
    expect(monitor.isMonitoring).toBe(true);
    expect(monitor.getMetricsHistory()).toHaveLength(3);
    // What passed while it was stopped is in no window.
    expect(current().window.duration).toBe(0);
  });

  it("is stopped at the end of its block", async () => {
    {
      await using inBlock = new ServerMonitor(target);
      monitor = inBlock;
      await monitor.start();
    }
    expect(monitor.isMonitoring).toBe(false);
  });

  it("goes on when a sample fails, and tells it", async () => {
    await start();
    const failed = vi.fn();
    monitor.on("sampling_failed", failed);
    target.failure = new Error("on purpose");
    await pass();
    expect(target.samples).toBe(2);
    expect(monitor.getMetricsHistory()).toHaveLength(1);
    expect(failed).toHaveBeenCalledExactlyOnceWith({ timestamp: Date.now(), error: target.failure });
    expect(target.lines).toEqual([["error", "the monitor could not take a sample", { error: target.failure }]]);
    target.failure = undefined;
    await pass();
    expect(monitor.getMetricsHistory()).toHaveLength(2);
  });

  it("goes on when the first sample fails", async () => {
    target.failure = new Error("on purpose");
    await start();
    expect(monitor.getHealthStatus().status).toBe("unknown");
    target.failure = undefined;
    await pass();
    expect(monitor.getHealthStatus().status).toBe("idle");
  });

  it("keeps the newest samples, oldest first", async () => {
    await start({ historySize: 3 });
    for (const active of [1, 2, 3, 4]) {
      target.change({ connections: { active } });
      await pass();
    }
    const actives = (limit?: number): number[] =>
      monitor.getMetricsHistory(limit).map(({ figures }) => figures.connections.active);
    expect(actives()).toEqual([2, 3, 4]);
    expect(actives(2)).toEqual([3, 4]);
    expect(actives(0)).toEqual([2, 3, 4]);
    expect(() => monitor.getMetricsHistory(-1)).toThrow(ConfigurationError);
    expect(() => monitor.getAlerts(1.5)).toThrow(ConfigurationError);
    monitor.clearHistory();
    expect([actives(0), monitor.getCurrentMetrics(), monitor.getAlerts(0)]).toEqual([[], undefined, []]);
  });

  it("takes rates and shares over a window, not over the server's life", async () => {
    target.change({ connections: { accepted: 1_000_000, handshakeFailures: { tls: 1_000_000 } } });
    await start({ window: 60_000 });
    expect(current().window).toMatchObject({ duration: 0, successRate: undefined, rates: { connections: 0 } });
    target.change({ connections: { accepted: 1_000_300 }, bytes: { received: 3000 } });
    await pass();
    expect(current().window).toMatchObject({
      duration: 30_000,
      attempts: 300,
      successRate: 1,
      rates: { connections: 10, bytesReceived: 100, bytesSent: 0 },
    });
    await pass();
    expect(current().window).toMatchObject({ duration: 60_000, rates: { connections: 5 } });
    // The window has moved on: its beginning is the sample behind the change.
    await pass();
    expect(current().window).toMatchObject({ duration: 60_000, attempts: 0, successRate: undefined });
    expect(current().figures.connections.accepted).toBe(1_000_300);
  });

  it("gives a window of one interval where the interval is the longer one", async () => {
    await start({ monitoringInterval: 120_000, window: 1000 });
    target.change({ sessions: { requested: 240 } });
    await pass(120_000);
    expect(current().window).toMatchObject({ duration: 120_000, rates: { requests: 2 } });
  });

  it("knows the percentiles of the window alone", async () => {
    const slow = {
      bounds: idleBounds(target),
      counts: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0],
      count: 100,
      sum: 2e5,
    };
    target.change({ durations: { request: slow } });
    await start();
    expect(current().window.request).toEqual({ p50: undefined, p90: undefined, p99: undefined });
    target.change({ durations: { request: { ...slow, counts: [10, ...slow.counts.slice(1)], count: 110 } } });
    await pass();
    expect(current().window.request.p99).toBeLessThanOrEqual(1);
  });

  describe("health", () => {
    it("is what the reference says of an idle, a busy and a closed server", async () => {
      await start();
      expect(monitor.getHealthStatus()).toEqual({
        status: "idle",
        reason: "Server is running but has no active connections.",
      });
      target.change({ connections: { active: 1 } });
      await pass();
      expect(monitor.getHealthStatus()).toEqual({ status: "healthy", reason: "Server is operating normally." });
      // Asked live: no sample is needed.
      target.isServing = false;
      expect(monitor.getHealthStatus()).toEqual({ status: "unhealthy", reason: "Server is not serving." });
    });

    it("is degraded with the share of failed connections", async () => {
      await start();
      target.change({ connections: { accepted: 10, handshakeFailures: { certificate_rejected: 2 } } });
      await pass();
      expect(monitor.getHealthStatus()).toEqual({
        status: "degraded",
        reason: "Low connection success rate: 83.33% of 12 attempts",
      });
    });

    it("is that of the worst alert", async () => {
      await start({ rules: [{ id: "mine", check: () => ({ status: "unhealthy", reason: "It is bad." }) }] });
      target.change({ buffers: { used: target.figures.buffers.limit } });
      await pass();
      expect(monitor.getActiveAlerts().map(({ id }) => id)).toEqual(["mine", "buffers"]);
      expect(monitor.getHealthStatus()).toEqual({ status: "unhealthy", reason: "It is bad." });
    });
  });

  describe("of a cluster", () => {
    const counts = (): number => current().figures.sessions.accepted;

    it("adds what the workers count, and never loses what a crashed one had counted", async () => {
      target.workers = [workerOf("0", { sessions: { accepted: 10 } }), workerOf("1", { sessions: { accepted: 5 } })];
      await start();
      expect(counts()).toBe(15);
      target.workers = [workerOf("0", { sessions: { accepted: 11 } }), workerOf("1", undefined, { state: "missing" })];
      await pass();
      expect(counts()).toBe(16);
      target.workers = [
        workerOf("0", { sessions: { accepted: 12 } }),
        workerOf("1", { sessions: { accepted: 2 } }, { instance: "2", restarts: 1 }),
      ];
      await pass();
      expect(counts()).toBe(19);
      expect(current().window.rates.sessions).toBeCloseTo(4 / 60);
    });

    it("counts a process once, though its worker is called otherwise: the cluster has got a further port", async () => {
      target.workers = [workerOf("0", { sessions: { accepted: 10 }, eventLoop: { active: 50, idle: 50 } })];
      await start();
      const eventLoop = { active: 60, idle: 140 };
      target.workers = [workerOf("4433-0", { sessions: { accepted: 11 }, eventLoop }, { instance: "0-1" })];
      await pass();
      expect(counts()).toBe(11);
      expect(current().workers).toMatchObject([{ id: "4433-0", utilization: 0.1 }]);
    });

    it("keeps the counts of a worker that does not answer, but not what it has open", async () => {
      target.workers = [
        workerOf("0", { sessions: { accepted: 10, active: 4 } }),
        workerOf("1", { sessions: { accepted: 5, active: 2 } }),
      ];
      await start();
      target.workers = [
        workerOf("0", { sessions: { accepted: 10, active: 4 } }),
        workerOf("1", undefined, { state: "unresponsive" }),
      ];
      await pass();
      expect(current().figures.sessions).toMatchObject({ accepted: 15, active: 4 });
      expect(current().workers[1]).toMatchObject({ id: "1", state: "unresponsive", sessions: undefined });
      target.workers = [
        workerOf("0", undefined, { state: "unresponsive" }),
        workerOf("1", undefined, { state: "missing" }),
      ];
      await pass();
      expect(current().figures.sessions).toMatchObject({ accepted: 15, active: 0 });
      expect(monitor.getHealthStatus()).toEqual({
        status: "unhealthy",
        reason: "2 of 2 workers do not work: 0 unresponsive, 1 missing",
      });
    });

    it("fails a sample as long as no worker has ever answered", async () => {
      target.workers = [workerOf("0", undefined, { state: "starting" })];
      await start();
      expect(monitor.getCurrentMetrics()).toBeUndefined();
      expect(target.lines).toHaveLength(1);
    });
  });
});

function idleBounds({ figures }: ScriptedTarget): readonly number[] {
  return figures.durations.request.bounds;
}
