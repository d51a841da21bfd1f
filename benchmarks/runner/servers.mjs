// The servers: how each is built, started and named.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";

import { dirname, join, resolve } from "node:path";

import { inBenchmarks, inRoot, NEWER_NODE } from "./paths.mjs";

/** The loader of our addon takes this path before any other. */
const ADDON_OVERRIDE = "TSWEBTRANSPORT_ADDON";
const addonOf = (tree) => join(tree, "benchmarks/target/addon/tswebtransport.release.node");
const bundleOf = (tree) => join(tree, "benchmarks/target/bundle");

/** All others are compared with wtransport; where it is not measured, with the server that was named last. */
export function referenceOf(names) {
  return names.includes("wtransport") ? "wtransport" : names.at(-1);
}

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

/** Another checkout of this project, to be measured beside this one in the same rounds, on the Node that runs this. */
export function addTree(name, directory) {
  const tree = resolve(directory);
  if (!existsSync(join(tree, "benchmarks/servers/tswebtransport.mjs"))) {
    throw new Error(`${directory} is no checkout of this project`);
  }
  SERVERS[name] = ours(process.execPath, tree);
}

/** Lets a server of ours run from the files in dist/, instead of the bundle that is published. */
export function unbundle(name) {
  SERVERS[name].bundled = false;
}

/** This project's server: on the Node that rwebtransport needs, so that both have the same, and on the one that runs this. */
function ours(node, tree = inRoot("")) {
  const addon = addonOf(tree);
  const program = join(tree, "benchmarks/servers/tswebtransport.mjs");
  const server = {
    language: "TypeScript, Node; this project",
    // What is published is measured; checkouts from before there was a bundle run as they did then.
    bundled: existsSync(join(tree, "scripts/bundle.mjs")),
    build: () => {
      installPackages();
      buildOurs(tree, server.bundled);
    },
    command: () => [node, server.bundled ? [program, "--package", bundleOf(tree)] : [program]],
    env: { [ADDON_OVERRIDE]: addon },
    version: () => {
      const { version } = readJson(join(tree, "package.json"));
      const nodeVersion = run(node, ["--version"], { quiet: true });
      return `${version}, ${commit(tree)}, ${server.bundled ? "bundled" : "not bundled"}, Node ${nodeVersion}`;
    },
    check: (pid) => {
      requireReleaseAddon(pid, addon);
    },
  };
  return server;
}

/** The load generator and the Rust peer. */
export function buildWorkspace() {
  run("cargo", ["build", "--release", "--locked"], { cwd: inBenchmarks("") });
}

function buildOurs(tree, bundled) {
  const addon = addonOf(tree);
  run(process.execPath, [join(tree, "scripts/setup.mjs")], { cwd: tree });
  if (bundled) run(process.execPath, [join(tree, "scripts/bundle.mjs"), bundleOf(tree)], { cwd: tree });
  run("cargo", ["build", "--release", "--locked", "--package", "tswebtransport-addon"], { cwd: join(tree, "native") });
  mkdirSync(dirname(addon), { recursive: true });
  copyFileSync(join(tree, "native/target/release/libtswebtransport.so"), addon);
}

/** A figure of an addon that was built for development would be a wrong one. */
function requireReleaseAddon(pid, addon) {
  if (!readFileSync(`/proc/${pid}/maps`, "utf8").includes(addon)) {
    throw new Error(`the server did not load ${addon}, although ${ADDON_OVERRIDE} names it`);
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

function commit(tree) {
  try {
    const hash = run("git", ["rev-parse", "--short", "HEAD"], { cwd: tree, quiet: true });
    const changes = run("git", ["status", "--porcelain", "--", "src", "native"], { cwd: tree, quiet: true });
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
