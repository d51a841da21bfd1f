import { Worker } from "node:worker_threads";

/** What the thread is told; milliseconds. */
export interface OrphanWatchOptions {
  /** Process id of the cluster. */
  readonly parent: number;
  /** How long this process may live without it. */
  readonly timeout: number;
  /** Path of this process's local socket, which is removed with it. */
  readonly relayPath: string;
}

/**
 * Kills this process when its cluster's process is gone for longer than `timeout`. A worker ends by itself then; a worker
 * whose event loop hangs cannot, so a thread sees to it.
 */
export function watchForOrphanhood(options: OrphanWatchOptions): void {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const thread = new Worker(new URL(`./orphan-watch-thread.${extension}`, import.meta.url), {
    workerData: options,
    // It does next to nothing: its heap need not be an application's.
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
    execArgv: [],
    env: {},
  });
  thread.unref();
}
