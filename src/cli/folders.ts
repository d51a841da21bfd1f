/** Folders that the user names. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { UsageError } from "./usage-error.ts";

/**
 * Makes the folder of `option` with those above it, unless it is there. Node's own `recursive` never ends where a file system
 * takes no folders, as /proc. Throws UsageError.
 */
export async function makeFolder(option: string, given: string): Promise<void> {
  try {
    await make(resolve(given));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${option} ${given} is no folder, and cannot be made: ${reason}`);
  }
}

async function make(path: string): Promise<void> {
  if (await isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) await make(parent);
  try {
    await mkdir(path);
  } catch (error) {
    // Another process may have been faster.
    if (!(await isFolder(path))) throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
