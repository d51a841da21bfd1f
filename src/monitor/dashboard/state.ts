/** What the page shows of now, beside the plots. */
import type { ActiveAlert, MonitorAlert } from "../alerts/alert-book.ts";
import type { HealthStatus } from "../health.ts";
import type { MonitorView } from "../http/exchange.ts";
import type { MonitorMetrics, WorkerMetrics } from "../metrics.ts";

/** Told alerts that the page lists. */
const shownAlerts = 20;

export interface DashboardState {
  readonly isServing: boolean;
  readonly isDraining: boolean;
  readonly health: HealthStatus;
  readonly activeAlerts: readonly ActiveAlert[];
  /** What was told, the newest first. */
  readonly alerts: readonly MonitorAlert[];
  /** Undefined when the figures cannot be read. */
  readonly now: NowFigures | undefined;
  readonly workers: readonly WorkerMetrics[];
}

export interface NowFigures {
  readonly sessions: number;
  readonly sessionLimit: number;
  readonly connections: number;
  readonly connectionLimit: number;
  readonly streams: number;
  /** Since the server was made. */
  readonly sessionsAccepted: number;
  readonly sessionsRefused: number;
  readonly handshakesFailed: number;
  readonly datagramsDropped: number;
  /** Share, 0 to 1. */
  readonly utilization: number | undefined;
  readonly packetLoss: number | undefined;
  readonly buffered: number;
  readonly bufferLimit: number;
  /** Milliseconds. */
  readonly uptime: number;
  /** When the certificate that ends first does: milliseconds since the epoch. */
  readonly certificateEnd: number | undefined;
}

export function stateOf(monitor: MonitorView, metrics: MonitorMetrics | undefined): DashboardState {
  const { isServing, isDraining } = monitor.target;
  return {
    isServing,
    isDraining,
    health: monitor.getHealthStatus(),
    activeAlerts: monitor.getActiveAlerts(),
    alerts: monitor.getAlerts(shownAlerts).toReversed(),
    now: metrics && nowFigures(metrics),
    workers: metrics?.workers ?? [],
  };
}

function nowFigures({ figures, window }: MonitorMetrics): NowFigures {
  const { sessions, connections, streams, datagrams, buffers, certificates, uptime } = figures;
  const ends = certificates.map(({ notAfter }) => notAfter).toSorted((left, right) => left - right);
  return {
    sessions: sessions.active,
    sessionLimit: sessions.limit,
    connections: connections.active,
    connectionLimit: connections.limit,
    streams: streams.active,
    sessionsAccepted: sessions.accepted,
    sessionsRefused: sum(sessions.refused),
    handshakesFailed: sum(connections.handshakeFailures),
    datagramsDropped: sum(datagrams.dropped),
    utilization: window.utilization,
    packetLoss: window.packetLoss,
    buffered: buffers.used,
    bufferLimit: buffers.limit,
    uptime,
    certificateEnd: ends[0],
  };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}
