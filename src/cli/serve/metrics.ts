import type { Monitored, ServerMonitor } from "../../monitor/index.ts";

import type { Terminal } from "../terminal/terminal.ts";

export interface MetricsOptions {
  /** TCP, on this machine alone unless there is a token. */
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
}

/** Serves the monitor's pages: metrics, health and the dashboard. Close it by `stop()`. */
export async function serveMetrics(
  monitored: Monitored,
  { port, host, token }: MetricsOptions,
  terminal: Terminal,
): Promise<ServerMonitor> {
  // Loaded only where it is used: it brings an HTTP server.
  const { ServerMonitor: Monitor } = await import("../../monitor/index.ts");
  const monitor = new Monitor(monitored);
  const { url } = await monitor.serve({ host, port, ...(token !== undefined && { token }) });
  terminal.note(`Metrics: ${url}metrics`);
  return monitor;
}
