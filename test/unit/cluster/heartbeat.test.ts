import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Heartbeat } from "../../../src/cluster/workers/heartbeat.ts";

function recorded(hangTimeout: number): { heartbeat: Heartbeat; events: string[] } {
  const events: string[] = [];
  const heartbeat = new Heartbeat(hangTimeout, {
    ping: () => events.push("ping"),
    hung: (silence) => events.push(`hung ${Math.round(silence / 100) * 100}`),
    recovered: () => events.push("recovered"),
  });
  heartbeat.start();
  return { heartbeat, events };
}

describe("Heartbeat", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("tells once of a worker that is silent for too long, asks no more, and tells when it is back", () => {
    const { heartbeat, events } = recorded(2000);
    vi.advanceTimersByTime(10_000);
    expect(heartbeat.isHung).toBe(true);
    expect(events).toEqual(["ping", "ping", "ping", "ping", "ping", "hung 2500"]);
    heartbeat.heard();
    expect(heartbeat.isHung).toBe(false);
    expect(events.at(-1)).toBe("recovered");
    heartbeat.stop();
  });

  it("is content with any sign of life", () => {
    const { heartbeat, events } = recorded(2000);
    for (let second = 0; second < 20; second += 1) {
      vi.advanceTimersByTime(1500);
      heartbeat.heard();
    }
    expect(events.every((event) => event === "ping")).toBe(true);
    heartbeat.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not take its own lateness for the worker's silence", () => {
    const { heartbeat, events } = recorded(2000);
    // This process's loop stands still for 30 seconds: the timer fires once, late.
    vi.setSystemTime(Date.now() + 30_000);
    const later = performance.now() + 30_000;
    vi.spyOn(performance, "now").mockImplementation(() => later);
    vi.advanceTimersByTime(500);
    expect(events).toEqual(["ping", "ping"]);
    expect(heartbeat.isHung).toBe(false);
    heartbeat.stop();
    vi.restoreAllMocks();
  });

  it("tells in time of a worker that falls silent after this process was late", () => {
    const { heartbeat, events } = recorded(2000);
    const now = performance.now.bind(performance);
    vi.spyOn(performance, "now").mockImplementation(() => now() + 30_000);
    // Both were late, and the worker's message is read before the timer fires.
    heartbeat.heard();
    vi.advanceTimersByTime(500);
    vi.advanceTimersByTime(2500);
    expect(events.filter((event) => event.startsWith("hung"))).toHaveLength(1);
    heartbeat.stop();
    vi.restoreAllMocks();
  });

  it("calls a worker silent that has not answered a heartbeat, until it is heard", () => {
    const { heartbeat } = recorded(0);
    vi.advanceTimersByTime(1000);
    expect(heartbeat.isSilent).toBe(false);
    vi.advanceTimersByTime(1000);
    expect(heartbeat.isSilent).toBe(true);
    heartbeat.heard();
    expect(heartbeat.isSilent).toBe(false);
    for (let second = 0; second < 10; second += 1) {
      vi.advanceTimersByTime(1000);
      expect(heartbeat.isSilent).toBe(false);
      heartbeat.heard();
    }
    heartbeat.stop();
  });

  it("never calls a worker hung with 0", () => {
    const { heartbeat, events } = recorded(0);
    vi.advanceTimersByTime(3_600_000);
    expect(new Set(events)).toEqual(new Set(["ping"]));
    heartbeat.stop();
  });
});
