// The servers: how each is built, started and named.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";

import { inBenchmarks, inRoot, NEWER_NODE } from "./paths.mjs";

/** The loader of our addon takes this path before any other. */
const ADDON_OVERRIDE = "TSWEBTRANSPORT_ADDON";
const RELEASE_ADDON = inBenchmarks("target/addon/tswebtransport.release.node");

/** All others are compared with this one. */
export const REFERENCE = "wtransport";

export const SERVERS = {
  wtransport: {
    language: "Rust, tokio on one thread",
    command: () => [inBenchmarks("target/release/peer-wtransport"), []],
    version: () => versionInCargoLock("wtransport"),
  },
  tswebtransport: ours(NEWER_NODE),
  "tswebtransport-20": ours(process.execPath),
  rwebtransport: {
    language: "Rust (quiche), Node",
    build: installPackages,
    command: () => [NEWER_NODE, [inBenchmarks("peers/rwebtransport/server.mjs")]],
    version: () =>
      `${readJson(inBenchmarks("node_modules/rwebtransport/package.json")).version}, Node ${run(NEWER_NODE, ["--version"], { quiet: true })}`,
  },
  "webtransport-go": {
    language: "Go",
    build: () => {
      mkdirSync(inBenchmarks("target/go"), { recursive: true });
      run("go", ["build", "-o", inBenchmarks("target/go/webtransport-go"), "."], {
        cwd: inBenchmarks("peers/webtransport-go"),
      });
    },
    command: () => [inBenchmarks("target/go/webtransport-go"), []],
    version: () => {
      const mod = readFileSync(inBenchmarks("peers/webtransport-go/go.mod"), "utf8");
      return /webtransport-go v(\S+)/.exec(mod)?.[1] ?? "unknown";
    },
  },
};

/** This project's server: on the Node that rwebtransport needs, so that both have the same, and on the one that runs this. */
function ours(node) {
  return {
    language: "TypeScript, Node; this project",
    build: () => {
      installPackages();
      buildOurs();
    },
    command: () => [node, [inBenchmarks("servers/tswebtransport.mjs")]],
    env: { [ADDON_OVERRIDE]: RELEASE_ADDON },
    version: () => {
      const { version } = readJson(inRoot("package.json"));
      return `${version}, ${commit()}, Node ${run(node, ["--version"], { quiet: true })}`;
    },
    check: requireReleaseAddon,
  };
}

/** The load generator and the Rust peer. */
export function buildWorkspace() {
  run("cargo", ["build", "--release", "--locked"], { cwd: inBenchmarks("") });
}

function buildOurs() {
  run(process.execPath, [inRoot("scripts/setup.mjs")], { cwd: inRoot("") });
  run("cargo", ["build", "--release", "--locked", "--package", "tswebtransport-addon"], { cwd: inRoot("native") });
  mkdirSync(inBenchmarks("target/addon"), { recursive: true });
  copyFileSync(inRoot("native/target/release/libtswebtransport.so"), RELEASE_ADDON);
}

/** A figure of an addon that was built for development would be a wrong one. */
function requireReleaseAddon(pid) {
  if (!readFileSync(`/proc/${pid}/maps`, "utf8").includes(RELEASE_ADDON)) {
    throw new Error(`the server did not load ${RELEASE_ADDON}, although ${ADDON_OVERRIDE} names it`);
  }
}

function installPackages() {
  const installed = inBenchmarks("node_modules/.package-lock.json");
  const lock = inBenchmarks("package-lock.json");
  if (existsSync(installed) && existsSync(NEWER_NODE) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  run("npm", ["ci"], { cwd: inBenchmarks("") });
}

function run(command, args, { cwd, quiet = false } = {}) {
  try {
    const output = execFileSync(command, args, {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", quiet ? "ignore" : "inherit"],
    });
    return output.trim();
  } catch (error) {
    if (error.code === "ENOENT") throw new Error(`${command} is not installed`, { cause: error });
    throw error;
  }
}

function commit() {
  try {
    const hash = run("git", ["rev-parse", "--short", "HEAD"], { cwd: inRoot(""), quiet: true });
    const changes = run("git", ["status", "--porcelain", "--", "src", "native"], { cwd: inRoot(""), quiet: true });
    return changes === "" ? hash : `${hash} with changes`;
  } catch {
    return "no commit";
  }
}

function versionInCargoLock(name) {
  const lock = readFileSync(inBenchmarks("Cargo.lock"), "utf8");
  return new RegExp(`name = "${name}"\nversion = "([^"]+)"`).exec(lock)?.[1] ?? "unknown";
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}
