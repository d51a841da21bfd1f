import type { ActiveAlert } from "./alerts/alert-book.ts";
import type { MonitorMetrics } from "./metrics.ts";

export const HealthState = Object.freeze({
  HEALTHY: "healthy",
  /** Nobody is connected. */
  IDLE: "idle",
  DEGRADED: "degraded",
  UNHEALTHY: "unhealthy",
  /** There is no sample yet. */
  UNKNOWN: "unknown",
} as const);
export type HealthState = (typeof HealthState)[keyof typeof HealthState];

export interface HealthStatus {
  readonly status: HealthState;
  readonly reason: string;
}

/** `isServing`: as of now, not of the sample. */
export function healthOf(
  metrics: MonitorMetrics | undefined,
  isServing: boolean,
  alerts: readonly ActiveAlert[],
): HealthStatus {
  if (metrics === undefined) return { status: "unknown", reason: "No metrics collected yet." };
  if (!isServing) return { status: "unhealthy", reason: "Server is not serving." };
  const [worst] = alerts;
  if (worst !== undefined) return { status: worst.status, reason: worst.reason };
  return metrics.figures.connections.active > 0
    ? { status: "healthy", reason: "Server is operating normally." }
    : { status: "idle", reason: "Server is running but has no active connections." };
}
