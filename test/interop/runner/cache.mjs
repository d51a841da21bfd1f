// Where the other stacks are installed: outside the tree, so that a clean clone does not install them again.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** `TSWEBTRANSPORT_INTEROP_CACHE`, else a folder of the user's cache. */
export const cacheFolder =
  process.env["TSWEBTRANSPORT_INTEROP_CACHE"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "tswebtransport-interop");

export function inCache(...parts) {
  return join(cacheFolder, ...parts);
}

/** Runs `install` unless `name` was installed from the same files before. */
export async function installOnce(name, files, product, install) {
  const fingerprint = createHash("sha256");
  for (const file of files) fingerprint.update(readFileSync(file));
  const digest = fingerprint.digest("hex");
  const stamp = inCache(`${name}.stamp`);
  if (existsSync(product) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  mkdirSync(cacheFolder, { recursive: true });
  await install();
  writeFileSync(stamp, digest);
}

/** Runs a program to its end; rejects with its last words. */
export function run(command, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let [output, errors] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (errors = (errors + text).slice(-4000)));
    child.once("error", (error) => {
      reject(error.code === "ENOENT" ? new Error(`${command} is not installed`) : error);
    });
    child.once("close", (code) => {
      if (code === 0) resolve(output.trim());
      else reject(new Error(`${command} ${args.slice(0, 3).join(" ")} ended with ${code}: ${errors.trim()}`));
    });
  });
}
