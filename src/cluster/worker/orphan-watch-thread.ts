/** The thread of {@link watchForOrphanhood}. */
import { rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { workerData } from "node:worker_threads";

import type { OrphanWatchOptions } from "./orphan-watch.ts";

/** Milliseconds between two looks. */
const interval = 500;

const { parent, timeout, relayPath } = workerData as OrphanWatchOptions;
let orphanedAt: number | undefined;

setInterval(() => {
  if (process.ppid === parent) return;
  orphanedAt ??= performance.now();
  if (performance.now() - orphanedAt <= timeout) return;
  removeTraces();
  process.kill(process.pid, "SIGKILL");
}, interval);

function removeTraces(): void {
  try {
    rmSync(relayPath, { force: true });
    rmdirSync(dirname(relayPath));
  } catch {
    // Another worker still has its socket in the folder.
  }
}
