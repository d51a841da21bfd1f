import { rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";

/** The cluster's process is gone: takes the worker's local socket away, and the last of the workers takes the folder. */
export function removeRelayTraces(relayPath: string): void {
  try {
    rmSync(relayPath, { force: true });
    rmdirSync(dirname(relayPath));
  } catch {
    // Another worker still has its socket in the folder.
  }
}
