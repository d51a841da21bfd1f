import { describe, expect, it } from "vitest";

import { pastOf, sumStats } from "../../../src/cluster/stats/sum-stats.ts";
import type { ServerStats } from "../../../src/server/server-stats.ts";
import { WebTransportServer } from "../../../src/server/server.ts";

/** Every number of the stats by its path. */
function figures(value: unknown, path = ""): Record<string, number> {
  if (typeof value === "number") return { [path]: value };
  if (typeof value !== "object" || value === null) return {};
  const found: Record<string, number> = {};
  for (const [name, item] of Object.entries(value)) Object.assign(found, figures(item, `${path}.${name}`));
  return found;
}

/** Stats whose every number is another. */
function distinct(first: number): ServerStats {
  let next = first;
  const numbered = (value: unknown): unknown => {
    if (typeof value === "number") return (next += 1);
    if (typeof value !== "object" || value === null) return true;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, numbered(item)]));
  };
  return numbered(new WebTransportServer().getServerStats()) as ServerStats;
}

describe("sumStats()", () => {
  it("adds up every figure of a server, and takes the longest uptime", () => {
    const [left, right] = [distinct(0), distinct(1000)];
    const total = figures(sumStats([left, right]));
    const [ofLeft, ofRight] = [figures(left), figures(right)];
    expect(Object.keys(total).length).toBeGreaterThan(40);
    for (const [path, figure] of Object.entries(total)) {
      const expected = path === ".uptime" ? ofRight[path]! : ofLeft[path]! + ofRight[path]!;
      expect([path, figure]).toEqual([path, expected]);
    }
  });

  it("is all zeros of no servers", () => {
    expect(new Set(Object.values(figures(sumStats([]))))).toEqual(new Set([0]));
    expect(sumStats([]).isServing).toBe(false);
  });
});

describe("pastOf()", () => {
  it("keeps what only grows and forgets what there is now", () => {
    const stats = distinct(0);
    const past = pastOf(stats);
    expect(past).toMatchObject({
      isServing: false,
      uptime: 0,
      connections: 0,
      sessions: 0,
      streams: 0,
      requests: 0,
      pendingHandshakes: 0,
      engineConnections: 0,
      connectionsAccepted: stats.connectionsAccepted,
      handshakeFailures: stats.handshakeFailures,
      refusals: stats.refusals,
      ended: stats.ended,
      connectionStats: {
        currentCount: 0,
        active: 0,
        maxConnections: 0,
        totalClosed: stats.connectionStats.totalCreated,
      },
      sessionStats: {
        currentCount: 0,
        activeSessions: 0,
        maxSessions: 0,
        totalClosed: stats.sessionStats.totalCreated,
      },
    });
  });
});
