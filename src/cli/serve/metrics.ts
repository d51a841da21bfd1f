import { ConfigurationError } from "../../errors/errors.ts";
import type { Monitored, ServerMonitor } from "../../monitor/index.ts";

import { HintedError } from "../hinted-error.ts";
import type { Terminal } from "../terminal/terminal.ts";

export interface MetricsOptions {
  /** TCP, on this machine alone unless there is a token. */
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
}

const tokenHint = "With this command: put a token of at least 16 characters into TSWEBTRANSPORT_METRICS_TOKEN";

/** Serves the monitor's pages: metrics, health and the dashboard. Close it by `stop()`. */
export async function serveMetrics(
  monitored: Monitored,
  options: MetricsOptions,
  terminal: Terminal,
): Promise<ServerMonitor> {
  // Loaded only where it is used: it brings an HTTP server.
  const { ServerMonitor: Monitor } = await import("../../monitor/index.ts");
  const monitor = new Monitor(monitored);
  const url = await serve(monitor, options);
  terminal.note(`Metrics: ${url}metrics`);
  terminal.note(`Dashboard: ${url}`);
  return monitor;
}

async function serve(monitor: ServerMonitor, { port, host, token }: MetricsOptions): Promise<string> {
  try {
    const { url } = await monitor.serve({ host, port, ...(token !== undefined && { token }) });
    return url;
  } catch (error) {
    throw token === undefined && error instanceof ConfigurationError ? new HintedError(error, tokenHint) : error;
  }
}
