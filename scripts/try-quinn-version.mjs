// `node scripts/try-quinn-version.mjs [VERSION]`: whether our patch fits another version of quinn-proto. Merges the two,
// then runs the crate's own tests and those of our core on the result. docs/security-releases.md says when.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

import { withQuinnProto } from "./cargo-version.mjs";
import { copyPublished, ensureQuinnProto, filesOf } from "./patch-quinn-proto.mjs";
import { cache, inRoot } from "./paths.mjs";
import { runScript, SetUpError } from "./set-up-error.mjs";
import { requireRust } from "./toolchain.mjs";

const usage = `Usage: node scripts/try-quinn-version.mjs [VERSION] [--continue] [--merge-only]
  VERSION       of quinn-proto on crates.io (default: the newest)
  --continue    after conflicts have been resolved and committed: the tests
  --merge-only  without the tests`;

/** Commits of a throw-away repository, in which the lines are what the crate has. */
const identity = ["-c", "user.name=tswebtransport", "-c", "user.email=none@localhost", "-c", "core.autocrlf=false"];

await runScript(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      continue: { type: "boolean", default: false },
      "merge-only": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  requireRust();
  ensureQuinnProto();
  const version = positionals[0] ?? newestVersion();
  if (!/^\d+\.\d+\.\d+\S*$/.test(version)) throw new SetUpError(`${version} is no version.\n\n${usage}`);
  const folder = join(cache, "quinn-proto", version);
  const merged = join(folder, "merged");
  if (!values.continue) merge(version, folder, merged);
  requireMerged(merged, version);
  console.log(`The patch fits quinn-proto ${version}: ${merged}`);
  if (values["merge-only"]) return;
  testCrate(merged, folder);
  testCore(merged, version, join(folder, "native"));
  console.log(`\nquinn-proto ${version} with our patch passes its tests and ours.`);
});

function newestVersion() {
  const { stdout } = spawnSync("cargo", ["info", "--registry", "crates-io", "quinn-proto"], { encoding: "utf8" });
  const version = /^version: (\S+)/m.exec(stdout ?? "")?.[1];
  if (version === undefined) throw new SetUpError("cargo info cannot tell the newest version: name one.");
  return version;
}

/** A merge of what we changed and what they changed since the version that the patch was made for. */
function merge(version, folder, merged) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(merged, { recursive: true });
  const base = join(folder, "base");
  copyPublished(base);
  const theirs = join(folder, "theirs");
  copyPublished(theirs, manifestFor(version, join(folder, "manifest")));
  git(merged, "init", "--quiet", "--initial-branch=published");
  commit(merged, base, "The version that the patch was made for");
  git(merged, "switch", "--quiet", "--create=patched");
  commit(merged, inRoot("native", ".patched", "quinn-proto"), "Our patch");
  git(merged, "switch", "--quiet", "published");
  commit(merged, theirs, `quinn-proto ${version}`);
  git(merged, "merge", "--quiet", "--message=Our patch on the new version", "patched");
}

function requireMerged(merged, version) {
  if (!existsSync(merged)) throw new SetUpError(`${merged} is not there: run this without --continue first.`);
  const conflicts = read(merged, "diff", "--name-only", "--diff-filter=U");
  if (conflicts !== "") {
    throw new SetUpError(
      `The patch does not fit quinn-proto ${version}. Resolve and commit the conflicts in ${merged}:\n${conflicts}\n` +
        `then: node scripts/try-quinn-version.mjs ${version} --continue`,
    );
  }
  if (read(merged, "status", "--porcelain") !== "") throw new SetUpError(`Commit what was changed in ${merged} first.`);
}

function manifestFor(version, folder) {
  mkdirSync(folder, { recursive: true });
  const manifest = join(folder, "Cargo.toml");
  writeFileSync(manifest, withQuinnProto(readFileSync(inRoot("native", "patches", "Cargo.toml"), "utf8"), version));
  cargo(folder, ["generate-lockfile"], `There is no quinn-proto ${version}`);
  return manifest;
}

/** Makes the work tree what `source` is. */
function commit(repository, source, message) {
  for (const path of read(repository, "ls-files").split("\n").filter(Boolean)) rmSync(join(repository, path));
  for (const path of filesOf(source)) {
    mkdirSync(dirname(join(repository, path)), { recursive: true });
    cpSync(join(source, path), join(repository, path));
  }
  git(repository, "add", "--all", "--force");
  git(repository, "commit", "--quiet", "--allow-empty", `--message=${message}`);
}

function testCrate(merged, folder) {
  console.log("\n── the crate's own tests");
  // In a copy: cargo leaves a lock file, which is no part of the crate.
  const copy = join(folder, "test");
  rmSync(copy, { recursive: true, force: true });
  for (const path of filesOf(merged).filter((name) => !name.startsWith(".git/"))) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    cpSync(join(merged, path), join(copy, path));
  }
  const features = ["--no-default-features", "--features", "rustls-aws-lc-rs"];
  cargo(copy, ["test", "--lib", "--quiet", ...features], "Tests of quinn-proto fail");
}

/** Our workspace, with the merged crate in the patched one's place. */
function testCore(merged, version, workspace) {
  console.log("\n── the tests of our core");
  rmSync(workspace, { recursive: true, force: true });
  for (const name of ["core", "addon", ".cargo", "Cargo.toml", "Cargo.lock"]) {
    cpSync(inRoot("native", name), join(workspace, name), { recursive: true });
  }
  // Cargo takes the registry's crate, without our patch, where the merged one is no version that the manifest asks for.
  const manifest = join(workspace, "Cargo.toml");
  writeFileSync(manifest, withQuinnProto(readFileSync(manifest, "utf8"), version));
  const patched = join(workspace, ".patched", "quinn-proto");
  for (const path of filesOf(merged).filter((name) => !name.startsWith(".git/"))) {
    mkdirSync(dirname(join(patched, path)), { recursive: true });
    cpSync(join(merged, path), join(patched, path));
  }
  // What the two workspaces have in common is compiled already.
  const target = ["--target-dir", inRoot("native", "target")];
  cargo(workspace, ["test", "--quiet", "--package", "tswebtransport-core", ...target], "Tests of our core fail");
}

function cargo(cwd, args, failure) {
  const { status } = spawnSync("cargo", args, { cwd, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new SetUpError(`${failure}: cargo's messages stand above.`);
}

/** Conflicts of a merge are looked for afterwards. */
function git(cwd, ...args) {
  const { status } = spawnSync("git", [...identity, ...args], { cwd, stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0 && args[0] !== "merge") throw new SetUpError(`git ${args[0]} failed in ${cwd}.`);
}

function read(cwd, ...args) {
  return spawnSync("git", args, { cwd, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 }).stdout.trim();
}
