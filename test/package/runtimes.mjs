// The runtimes that the packed tarballs are tried in: npm's packages bring them.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { npm } from "../../scripts/npm.mjs";
import { cache, inRoot } from "../../scripts/paths.mjs";

/** The lock file's folder, and where it is installed: test runners and linters look at no cache. */
const source = inRoot("test", "package", "runtimes");
const folder = join(cache, "package", "runtimes");
const installed = (...parts) => join(folder, "node_modules", ...parts);

/** The command line of each, to be followed by a program's path. */
export const runtimes = {
  "Node 20": [installed("node20", "bin", "node")],
  "Node 22": [installed("node22", "bin", "node")],
  "Node 24": [installed("node24", "bin", "node")],
  "Node 26": [installed("node26", "bin", "node")],
  Bun: [installed(".bin", "bun"), "run"],
  Deno: [installed(".bin", "deno"), "run", "--allow-all", "--node-modules-dir=manual"],
};

/** The installed package finds its addon by itself. */
export const environment = { ...process.env };
delete environment["TSWEBTRANSPORT_ADDON"];

export const esbuildModule = installed("esbuild", "lib", "main.js");

export function installRuntimes() {
  const files = ["package.json", "package-lock.json", ".npmrc"];
  const stamp = installed("stamp");
  const wanted = files.map((name) => readFileSync(join(source, name), "utf8")).join("\0");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.log("Installing Node 20, 22, 24 and 26, Bun, Deno and esbuild from npm (about a minute) …");
  mkdirSync(folder, { recursive: true });
  for (const name of files) cpSync(join(source, name), join(folder, name));
  npm(["ci"], { cwd: folder, what: "The runtimes could not be installed" });
  writeFileSync(stamp, wanted);
}

/**
 * Runs a program to its end and answers what it printed. Rejects when it fails, or is not over after `timeout`
 * milliseconds: a process that something keeps alive has not passed.
 */
export async function run([command, ...args], { cwd, timeout = 60_000 }) {
  const child = spawn(command, args, { cwd, env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, timeout);
  const status = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  }).finally(() => clearTimeout(timer));
  if (isLate) throw new Error(`has not ended after ${timeout} ms\n${output}${errors}`);
  if (status !== 0) throw new Error(`ended with ${status}\n${output}${errors}`);
  return output;
}
