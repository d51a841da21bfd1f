/** Monitoring: what a server or a cluster does, how it is, and how to tell it to other tools. */
export type { ActiveAlert, MonitorAlert } from "./alerts/alert-book.ts";
export type { AlertLevel, Finding, MonitorRule, Threshold } from "./alerts/rule.ts";
export { defaultThresholds } from "./alerts/thresholds.ts";
export type { BuiltInAlertId, ThresholdOptions, Thresholds } from "./alerts/thresholds.ts";
export { HealthState } from "./health.ts";
export type { HealthStatus } from "./health.ts";
export type { MonitorServeOptions } from "./http/access.ts";
export type { MonitorEndpoint } from "./http/monitor-server.ts";
export type { MonitorMetrics, Percentiles, WindowMetrics, WorkerMetrics } from "./metrics.ts";
export type { ServerMonitorOptions } from "./options.ts";
export type { ExpositionFormat } from "./prometheus/exposition.ts";
export type { Family, Labels, SeriesSample } from "./prometheus/family.ts";
export { registerPrometheus } from "./prometheus/register.ts";
export type { FamilySource, PrometheusRegistry } from "./prometheus/register.ts";
export { ServerMonitor } from "./server-monitor.ts";
export type { MonitorEventMap } from "./server-monitor.ts";
export { DatagramDropCause, SessionSort, WorkerState as MonitoredWorkerState } from "./target.ts";
export type { Monitored } from "./target-of.ts";
export type {
  CertificateSample,
  CountsBy,
  Figures,
  MonitorTarget,
  SessionDetail,
  SessionList,
  SessionQuery,
  SessionRow,
  TargetSample,
  WorkerSample,
} from "./target.ts";
export { ConnectionEndCause, SessionEndCause } from "../server/accounts/end-causes.ts";
export type { HistogramData } from "../base/histogram.ts";
