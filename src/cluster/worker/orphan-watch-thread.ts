/** The thread of {@link watchForOrphanhood}. */
import { workerData } from "node:worker_threads";

import type { OrphanWatchOptions } from "./orphan-watch.ts";
import { removeRelayTraces } from "./relay-traces.ts";

/** Milliseconds between two looks. */
const interval = 500;

const { parent, timeout, relayPath } = workerData as OrphanWatchOptions;
let orphanedAt: number | undefined;

setInterval(() => {
  if (process.ppid === parent) return;
  orphanedAt ??= performance.now();
  if (performance.now() - orphanedAt <= timeout) return;
  removeRelayTraces(relayPath);
  process.kill(process.pid, "SIGKILL");
}, interval);
