/** What the page plots of a time: numbers only, since hundreds of them are sent at once. */
import type { MonitorMetrics } from "../metrics.ts";

/** Names of the values, in the order in which a point has them. `undefined` is sent as null. */
export const pointFields = Object.freeze([
  "time",
  "sessions",
  "connections",
  "sessionRate",
  "connectionRate",
  "streamRate",
  "bytesReceived",
  "bytesSent",
  "datagramsReceived",
  "datagramsSent",
  "rttP50",
  "rttP90",
  "rttP99",
  "delayP50",
  "delayP99",
  "heap",
  "external",
  "native",
  "resident",
] as const);

/** One value for each of {@link pointFields}; the first is the time in milliseconds since the epoch. */
export type Point = readonly (number | null)[];

export function pointOf({ timestamp, figures, window }: Omit<MonitorMetrics, "workers">): Point {
  const { rates, rtt, eventLoopDelay } = window;
  // The first sample has nothing to compare with: its rates are unknown, not 0.
  const rate = (value: number): number | null => (window.duration > 0 ? rounded(value) : null);
  const byName: Readonly<Record<(typeof pointFields)[number], number | null>> = {
    time: timestamp,
    sessions: figures.sessions.active,
    connections: figures.connections.active,
    sessionRate: rate(rates.sessions),
    connectionRate: rate(rates.connections),
    streamRate: rate(rates.streamsOpened + rates.streamsAccepted),
    bytesReceived: rate(rates.bytesReceived),
    bytesSent: rate(rates.bytesSent),
    datagramsReceived: rate(rates.datagramsReceived),
    datagramsSent: rate(rates.datagramsSent),
    rttP50: rounded(rtt.p50),
    rttP90: rounded(rtt.p90),
    rttP99: rounded(rtt.p99),
    delayP50: rounded(eventLoopDelay.p50),
    delayP99: rounded(eventLoopDelay.p99),
    heap: figures.memory.heapUsed,
    external: figures.memory.external,
    native: figures.memory.native,
    resident: figures.memory.resident,
  };
  return pointFields.map((name) => byName[name]);
}

export function timeOf(point: Point): number {
  return point[0] ?? 0;
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 1000) / 1000;
}
