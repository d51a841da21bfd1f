import type { MonitorMetrics } from "../metrics.ts";

/** "degraded": it works, but not as it should; "unhealthy": it does not work for many. */
export type AlertLevel = "degraded" | "unhealthy";

/** What a rule has found wrong. */
export interface Finding {
  readonly status: AlertLevel;
  /** A sentence with its figures. */
  readonly reason: string;
  /**
   * How bad it is: the alert is repeated when this has doubled since it was told, or `status` has become worse. Without it
   * only a worse `status` counts.
   */
  readonly value?: number | undefined;
}

/** Looks at each sample's metrics. */
export interface MonitorRule {
  /** What its alerts are called; no other rule has it. */
  readonly id: string;
  /** Undefined: all is well. Must not change the metrics. What it throws is logged; an alert of it that is raised stays. */
  readonly check: (metrics: MonitorMetrics) => Finding | undefined;
}

/** From which value on a rule finds something. `false`: never at this level. */
export interface Threshold {
  readonly degraded: number | false;
  readonly unhealthy: number | false;
}

/** The level that a value reaches; undefined: none. With `falling`, small values are the bad ones. */
export function levelOf(
  value: number,
  { degraded, unhealthy }: Threshold,
  direction: "rising" | "falling" = "rising",
): AlertLevel | undefined {
  const reaches = (threshold: number | false): boolean =>
    threshold !== false && (direction === "rising" ? value >= threshold : value <= threshold);
  if (reaches(unhealthy)) return "unhealthy";
  return reaches(degraded) ? "degraded" : undefined;
}
