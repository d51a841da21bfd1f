// Compiles the native addon when its sources have changed since the last time.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { fingerprintOf, filesBelow } from "./fingerprint.mjs";
import { ensureQuinnProto } from "./patch-quinn-proto.mjs";
import { cache, inRoot } from "./paths.mjs";
import { SetUpError } from "./set-up-error.mjs";
import { requireRust } from "./toolchain.mjs";

const artifact = { darwin: "libtswebtransport.dylib", win32: "tswebtransport.dll" }[process.platform];

/** Where the loader looks for a local build. */
export const addonPath = inRoot("native", "build", "tswebtransport.node");

/**
 * Builds the addon into `native/build/`, when it is missing or stale. The development profile is quicker to compile;
 * `release` is what packages and benchmarks use.
 */
export async function ensureNative({ release = false } = {}) {
  ensureQuinnProto();
  const profile = release ? "release" : "dev";
  const stamp = join(cache, "native.stamp");
  const fingerprint = createHash("sha256").update(`${profile}\n${sourcesFingerprint()}`).digest("hex");
  if (existsSync(addonPath) && existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint) {
    return;
  }
  requireRust();
  const target = inRoot("native", "target", release ? "release" : "debug");
  const cold = !existsSync(target);
  console.log(
    `Compiling the native addon with cargo (${cold ? `the first time takes ${release ? "about 4" : "2 to 3"} minutes on two cores` : "what has changed"}) …`,
  );
  await cargo(["build", "--locked", "--manifest-path", inRoot("native", "Cargo.toml"), "--profile", profile]);
  mkdirSync(dirname(addonPath), { recursive: true });
  // A copy beside it that is renamed: a running process keeps the file that it has mapped.
  const fresh = `${addonPath}.${process.pid}`;
  copyFileSync(join(target, artifact ?? "libtswebtransport.so"), fresh);
  renameSync(fresh, addonPath);
  mkdirSync(cache, { recursive: true });
  writeFileSync(stamp, fingerprint);
}

function sourcesFingerprint() {
  const sources = ["core", "addon", "patches"].flatMap((crate) => filesBelow(inRoot("native", crate)));
  return fingerprintOf([...sources, inRoot("native", "Cargo.toml"), inRoot("native", "Cargo.lock")]);
}

/** Shows cargo's own progress on a terminal, and otherwise a line every few seconds. */
async function cargo(args) {
  const terminal = process.stderr.isTTY;
  const child = spawn("cargo", args, { stdio: ["ignore", "inherit", terminal ? "inherit" : "pipe"] });
  const log = [];
  const started = performance.now();
  let compiled = 0;
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    log.push(text);
    compiled += text.split("Compiling ").length - 1;
  });
  const ticker = terminal
    ? undefined
    : setInterval(() => {
        const seconds = Math.round((performance.now() - started) / 1000);
        console.log(`  … ${seconds} s, ${compiled} crates begun`);
      }, 10_000);
  const status = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  }).finally(() => clearInterval(ticker));
  if (status !== 0) {
    process.stderr.write(log.join(""));
    throw new SetUpError(`The native addon does not compile: cargo's messages stand above.${hint(log.join(""))}`);
  }
}

function hint(log) {
  const missing = /linker `(\w+)` not found|failed to find tool "?(\w+)/.exec(log);
  const noCompiler = missing !== null || spawnSync("cc", ["--version"], { stdio: "ignore" }).status !== 0;
  return noCompiler ? "\nA C compiler is needed, too (Debian: apt-get install build-essential)." : "";
}
