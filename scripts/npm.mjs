// Runs npm: the one that runs this script, where there is one.
import { spawnSync } from "node:child_process";

import { SetUpError } from "./set-up-error.mjs";

/** Answers what npm prints. Throws when it fails; `what` says for the reader what could not be done. */
export function npm(args, { cwd, what }) {
  // npm tells its own path to the scripts that it runs; without npm around, the shell finds it.
  const path = process.env["npm_execpath"];
  const options = { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 64 * 1024 * 1024 };
  const { status, stdout } = path?.endsWith("js")
    ? spawnSync(process.execPath, [path, ...args], options)
    : spawnSync(`npm ${args.map((argument) => JSON.stringify(argument)).join(" ")}`, { ...options, shell: true });
  if (status !== 0) throw new SetUpError(`${what}: npm's own message stands above.`);
  return stdout;
}
