import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { drained } from "../../../src/cluster/worker/drained.ts";
import type { ServerStats } from "../../../src/server/server-stats.ts";

type Counts = Pick<ServerStats, "connections" | "sessions" | "requests" | "pendingHandshakes">;

const none: Counts = { connections: 0, sessions: 0, requests: 0, pendingHandshakes: 0 };

/** Milliseconds until a server with these counts, by the time that has passed, is drained. */
async function timeOf(countsAt: (milliseconds: number) => Partial<Counts>, timeout = 60_000): Promise<number> {
  const begin = performance.now();
  const counts = (): ServerStats => ({ ...none, ...countsAt(performance.now() - begin) }) as unknown as ServerStats;
  let end: number | undefined;
  void drained(counts, timeout).then(() => (end = performance.now() - begin));
  while (end === undefined) await vi.advanceTimersByTimeAsync(10);
  return end;
}

describe("drained()", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("ends at once without connections", async () => {
    expect(await timeOf(() => ({}))).toBeLessThan(50);
  });

  it.each(["sessions", "requests", "pendingHandshakes"] as const)("waits for %s", async (name) => {
    const time = await timeOf((at) => (at < 5000 ? { [name]: 1 } : {}));
    expect(time).toBeGreaterThanOrEqual(5000);
    expect(time).toBeLessThan(5200);
  });

  it("gives a connection without sessions two seconds for its request", async () => {
    const time = await timeOf((at) => ({ connections: 1, sessions: at > 1500 && at < 3000 ? 1 : 0 }));
    expect(time).toBeGreaterThanOrEqual(5000);
    expect(time).toBeLessThan(5200);
  });

  it("waits no longer than its time-out", async () => {
    const time = await timeOf(() => ({ connections: 1, sessions: 1 }), 1000);
    expect(time).toBeGreaterThanOrEqual(1000);
    expect(time).toBeLessThan(1100);
  });
});
