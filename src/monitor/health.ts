import type { ActiveAlert } from "./alerts/alert-book.ts";
import type { MonitorMetrics } from "./metrics.ts";
import type { MonitorTarget } from "./target.ts";

export const HealthState = Object.freeze({
  HEALTHY: "healthy",
  /** Nobody is connected. */
  IDLE: "idle",
  DEGRADED: "degraded",
  UNHEALTHY: "unhealthy",
  /** It has not served yet. */
  STARTING: "starting",
  /** There is no sample yet. */
  UNKNOWN: "unknown",
} as const);
export type HealthState = (typeof HealthState)[keyof typeof HealthState];

export interface HealthStatus {
  readonly status: HealthState;
  readonly reason: string;
}

/** `target`: its state as of now, not of the sample. */
export function healthOf(
  metrics: MonitorMetrics | undefined,
  { isServing, hasServed }: Pick<MonitorTarget, "isServing" | "hasServed">,
  alerts: readonly ActiveAlert[],
): HealthStatus {
  if (metrics === undefined) return { status: "unknown", reason: "No metrics collected yet." };
  if (!isServing) {
    return hasServed
      ? { status: "unhealthy", reason: "Server is not serving." }
      : { status: "starting", reason: "Server has not begun to serve." };
  }
  const [worst] = alerts;
  if (worst !== undefined) return { status: worst.status, reason: worst.reason };
  return metrics.figures.connections.active > 0
    ? { status: "healthy", reason: "Server is operating normally." }
    : { status: "idle", reason: "Server is running but has no active connections." };
}
