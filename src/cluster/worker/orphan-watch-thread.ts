/** The thread of {@link watchForOrphanhood}. */
import { workerData } from "node:worker_threads";

import type { OrphanWatchOptions } from "./orphan-watch.ts";

/** Milliseconds between two looks. */
const interval = 500;

const { parent, timeout } = workerData as OrphanWatchOptions;
let orphanedAt: number | undefined;

setInterval(() => {
  if (process.ppid === parent) return;
  orphanedAt ??= performance.now();
  if (performance.now() - orphanedAt > timeout) process.kill(process.pid, "SIGKILL");
}, interval);
