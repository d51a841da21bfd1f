import { hostAndPort } from "../../base/host-and-port.ts";
import type { AppModule, ServerCluster } from "../../cluster/index.ts";
import type { ServerConfigOptions } from "../../config/server-config.ts";

import type { CommandContext } from "../command.ts";
import { endLineAtInterrupt } from "../interruption.ts";
import { serveMetrics } from "./metrics.ts";
import type { MetricsOptions } from "./metrics.ts";

export interface WorkersOptions {
  /** The app's module, absolute. */
  readonly path: string;
  /** Undefined: one for each core. */
  readonly workers: number | undefined;
  readonly config: ServerConfigOptions;
  readonly metrics: MetricsOptions | undefined;
}

/** Runs the app in processes that share its UDP port, until a signal stops them. SIGHUP replaces them one after the other. */
export async function runWorkers(
  { path, workers, config, metrics }: WorkersOptions,
  context: CommandContext,
): Promise<void> {
  // Loaded only where it is used: it brings processes and their channels.
  const { ServerCluster: Cluster } = await import("../../cluster/index.ts");
  const cluster = Cluster.forEachCore<AppModule>(config, { app: path, ...(workers !== undefined && { workers }) });
  process.on("SIGHUP", ignoreWhileStarting);
  try {
    await cluster.startAll();
    if (!context.interruption.isInterrupted) await runStarted(cluster, metrics, context);
  } catch (error) {
    // Ctrl-C reaches the workers, too: those that had just begun have ended by it.
    if (!context.interruption.isInterrupted) throw error;
  } finally {
    process.off("SIGHUP", ignoreWhileStarting);
    // What has failed, or was interrupted before the cluster answered the signals, leaves no process behind.
    await cluster.stopAll();
  }
}

/** Processes that start read code and certificate anyway; without a listener the signal would end this one. */
function ignoreWhileStarting(): void {
  // The cluster listens itself as soon as it runs.
}

async function runStarted(
  cluster: ServerCluster<AppModule>,
  metrics: MetricsOptions | undefined,
  { terminal, interruption }: CommandContext,
): Promise<void> {
  // Watched from when it serves: before, health would be an alert.
  const monitor = metrics === undefined ? undefined : await serveMetrics(cluster, metrics, terminal);
  const stopEnding = endLineAtInterrupt(terminal);
  try {
    if (interruption.isInterrupted) return;
    const running = cluster.run();
    // From here on the cluster answers the signals.
    interruption.stopListening();
    terminal.note(`Serving${placeOf(cluster)} with ${processes(cluster.getServerCount())}`);
    await running;
  } finally {
    stopEnding();
    await monitor?.stop();
  }
}

function placeOf(cluster: ServerCluster<AppModule>): string {
  const address = cluster.getServers()[0]?.localAddress;
  if (address === undefined) return "";
  return ` on UDP ${hostAndPort(address.host, address.port)}`;
}

function processes(count: number): string {
  return `${count} ${count === 1 ? "process" : "processes"}`;
}
