import type { ServerStats } from "../../server/server-stats.ts";
import { WebTransportServer } from "../../server/server.ts";

/** Every figure of all of them; `uptime` is the longest. */
export function sumStats(all: readonly ServerStats[]): ServerStats {
  let total = zeroStats();
  for (const stats of all) total = addedUp(total, stats);
  return total;
}

/** What is left of a server that has ended: what only grows stays, what there is now is gone. */
export function pastOf(stats: ServerStats): ServerStats {
  const none = zeroStats();
  const { connectionStats, sessionStats } = stats;
  return {
    ...stats,
    isServing: false,
    uptime: 0,
    connections: 0,
    sessions: 0,
    streams: 0,
    requests: 0,
    pendingHandshakes: 0,
    engineConnections: 0,
    connectionStats: {
      ...none.connectionStats,
      totalCreated: connectionStats.totalCreated,
      totalClosed: connectionStats.totalCreated,
    },
    sessionStats: {
      ...none.sessionStats,
      totalCreated: sessionStats.totalCreated,
      totalClosed: sessionStats.totalCreated,
    },
  };
}

let zeros: ServerStats | undefined;

/** Those of a server that has never been used. */
function zeroStats(): ServerStats {
  zeros ??= zeroed(new WebTransportServer().getServerStats());
  return zeros;
}

function addedUp(left: ServerStats, right: ServerStats): ServerStats {
  const sum = combined(left, right);
  return { ...sum, uptime: Math.max(left.uptime, right.uptime) };
}

/** Numbers are added, flags are true when one of them is, objects are combined member by member. */
function combined<Value>(left: Value, right: Value): Value {
  if (typeof left === "number" && typeof right === "number") return (left + right) as Value;
  if (!isRecord(left) || !isRecord(right)) return (Boolean(left) || Boolean(right)) as Value;
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  const entries = [...names].map((name): [string, unknown] => [name, combined(left[name] ?? 0, right[name] ?? 0)]);
  return Object.fromEntries(entries) as Value;
}

function zeroed<Value>(value: Value): Value {
  if (typeof value === "number") return 0 as Value;
  if (!isRecord(value)) return false as Value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, zeroed(item)])) as Value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
