import { fileURLToPath } from "node:url";

import { ServerError } from "../../errors/errors.ts";

/** The path of what a worker process runs: beside this file's folder, compiled as this file is. */
export function workerProgram(): string {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../worker/worker-main.${extension}`, import.meta.url));
}

/** Throws ServerError where it is not there: a bundler that takes this package in leaves it behind. */
export function requireWorkerProgram(path: string = workerProgram()): void {
  if (process.getBuiltinModule("node:fs").existsSync(path)) return;
  throw new ServerError(
    `Cannot start a worker: its program ${path} is not there. When a bundler has taken tswebtransport into the ` +
      "application, leave the package out of the bundle (esbuild: --external:tswebtransport)",
  );
}
