// Makes `native/.patched/quinn-proto` out of the published crate and our patch: `native/Cargo.toml` builds that copy.
// `node scripts/patch-quinn-proto.mjs --record` goes the other way: what was edited there becomes the patch.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";

import { filesBelow } from "./fingerprint.mjs";
import { inRoot } from "./paths.mjs";
import { runScript, SetUpError } from "./set-up-error.mjs";
import { requireRust } from "./toolchain.mjs";
import { applyPatch } from "./unified-diff.mjs";

/** Where the patch, the hash of what it makes, and the manifest that pins the crate are. */
const patches = inRoot("native", "patches");
const patchFile = join(patches, "quinn-proto.patch");
const hashFile = join(patches, "quinn-proto.sha256");
const patched = inRoot("native", ".patched", "quinn-proto");
const stampFile = inRoot("native", ".patched", "quinn-proto.stamp");

/** Everything that cargo is asked to do in `native/` needs this first. */
export function ensureQuinnProto() {
  const stamp = hashOf([readFileSync(patchFile), readFileSync(hashFile), readFileSync(join(patches, "Cargo.lock"))]);
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) {
    return;
  }
  requireRust();
  const fresh = `${patched}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  copyPublished(fresh);
  for (const [path, content] of applyPatch(readFileSync(patchFile, "utf8"), (path) => read(join(fresh, path)))) {
    mkdirSync(dirname(join(fresh, path)), { recursive: true });
    writeFileSync(join(fresh, path), content);
  }
  const [expected, actual] = [readFileSync(hashFile, "utf8").trim(), hashOfTree(fresh)];
  if (actual !== expected) {
    rmSync(fresh, { recursive: true, force: true });
    throw new SetUpError(
      `The patched quinn-proto is not what it should be (SHA-256 ${actual} instead of ${expected}).\n` +
        "Its source in cargo's registry may have been changed: delete it from ~/.cargo/registry/src and try again.",
    );
  }
  // The stamp goes first and comes last: whatever interrupts this, a half-made folder is never trusted.
  rmSync(stampFile, { force: true });
  rmSync(patched, { recursive: true, force: true });
  renameSync(fresh, patched);
  writeFileSync(stampFile, stamp);
}

/** Copies the crate that cargo fetches for a manifest, checked against its lock file's checksum. */
export function copyPublished(target, manifest = join(patches, "Cargo.toml")) {
  const host = /^host: (.+)$/m.exec(run("rustc", ["-vV"]))[1];
  const args = [
    "metadata",
    "--locked",
    "--format-version",
    "1",
    "--filter-platform",
    host,
    "--manifest-path",
    manifest,
  ];
  const metadata = JSON.parse(run("cargo", args));
  const crate = metadata.packages.find(({ name }) => name === "quinn-proto");
  const source = dirname(crate.manifest_path);
  mkdirSync(target, { recursive: true });
  for (const path of filesOf(source)) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(source, path), join(target, path));
  }
}

/** The crate's own files; cargo adds some, and builds the crate's tests beside them. */
export function filesOf(folder) {
  const paths = filesBelow(folder).map((file) => relative(folder, file).split(sep).join("/"));
  return paths.filter((path) => !/^(\.cargo-ok|Cargo\.lock|target\/.*)$/.test(path)).sort();
}

function hashOfTree(folder) {
  return hashOf(filesOf(folder).flatMap((path) => [`${path}\0`, readFileSync(join(folder, path)), "\0"]));
}

function hashOf(parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function read(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

function run(command, args, acceptable = [0]) {
  const { status, stdout, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (error !== undefined || !acceptable.includes(status)) {
    throw new SetUpError(
      `${command} ${args[0]} failed${error === undefined ? "; its messages stand above" : `: ${error.message}`}.`,
    );
  }
  return stdout;
}

/** Writes the difference between the published crate and the edited copy to `native/patches`. */
function record() {
  const folder = inRoot("native", ".patched");
  const published = join(folder, "a");
  rmSync(published, { recursive: true, force: true });
  copyPublished(published);
  const edited = join(folder, "b");
  rmSync(edited, { recursive: true, force: true });
  for (const path of filesOf(patched)) {
    mkdirSync(dirname(join(edited, path)), { recursive: true });
    cpSync(join(patched, path), join(edited, path));
  }
  const diff = ["-C", folder, "diff", "--no-index", "--no-prefix", "--no-color", "--no-ext-diff", "a", "b"];
  const patch = run("git", diff, [0, 1]).replace(/^(diff --git .*|index .*|new file mode .*)\n/gm, "");
  writeFileSync(patchFile, patch);
  writeFileSync(hashFile, `${hashOfTree(edited)}\n`);
  for (const copy of [published, edited]) rmSync(copy, { recursive: true });
  rmSync(stampFile, { force: true });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runScript(() => {
    if (process.argv[2] === "--record") record();
    ensureQuinnProto();
  });
}
