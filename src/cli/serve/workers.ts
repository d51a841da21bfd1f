import type { ServerConfigOptions } from "../../config/server-config.ts";

import type { CommandContext } from "../command.ts";

export interface WorkersOptions {
  /** The app's module, absolute. */
  readonly path: string;
  /** Undefined: one for each core. */
  readonly workers: number | undefined;
  readonly config: ServerConfigOptions;
}

/** Runs the app in processes that share its UDP port, until a signal stops them. SIGHUP replaces them one after the other. */
export async function runWorkers(
  { path, workers, config }: WorkersOptions,
  { terminal, interruption }: CommandContext,
): Promise<void> {
  const { ServerCluster } = await import("../../cluster/index.ts");
  const cluster = ServerCluster.forEachCore(config, { app: path, ...(workers !== undefined && { workers }) });
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
  terminal.note(`Serving${where} with ${cluster.getServerCount()} processes`);
  await running;
}
