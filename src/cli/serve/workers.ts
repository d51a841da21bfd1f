import type { AppModule, ServerCluster } from "../../cluster/index.ts";
import type { ServerConfigOptions } from "../../config/server-config.ts";

import type { CommandContext } from "../command.ts";
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
  const { terminal } = context;
  // Loaded only where it is used: it brings processes and their channels.
  const { ServerCluster: Cluster } = await import("../../cluster/index.ts");
  const cluster = Cluster.forEachCore<AppModule>(config, { app: path, ...(workers !== undefined && { workers }) });
  const monitor = metrics === undefined ? undefined : await serveMetrics(cluster, metrics, terminal);
  process.on("SIGHUP", ignoreWhileStarting);
  try {
    await runCluster(cluster, context);
  } finally {
    process.off("SIGHUP", ignoreWhileStarting);
    await monitor?.stop();
  }
}

/** Processes that start read code and certificate anyway; without a listener the signal would end this one. */
function ignoreWhileStarting(): void {
  // The cluster listens itself as soon as it runs.
}

async function runCluster(
  cluster: ServerCluster<AppModule>,
  { terminal, interruption }: CommandContext,
): Promise<void> {
  await cluster.startAll();
  if (interruption.isInterrupted) {
    await cluster.stopAll();
    return;
  }
  const running = cluster.run();
  // From here on the cluster answers the signals.
  interruption.stopListening();
  const [first] = cluster.getServers();
  const address = first?.localAddress;
  const where =
    address === undefined
      ? ""
      : ` on UDP ${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
  const count = cluster.getServerCount();
  terminal.note(`Serving${where} with ${count} ${count === 1 ? "process" : "processes"}`);
  await running;
}
