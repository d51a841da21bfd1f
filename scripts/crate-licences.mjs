// The licences of the crates that an addon is linked from: whoever publishes the file publishes them.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { inRoot } from "./paths.mjs";
import { SetUpError } from "./set-up-error.mjs";

const licenceFile = /^(licen[cs]e|copying|notice|unlicense)/i;

/** One text for a target: each licence once, with the crates that have it. Throws for a crate without any. */
export function crateLicences(target) {
  const { packages, resolve } = metadata(target);
  const byId = new Map(packages.map((crate) => [crate.id, crate]));
  const texts = new Map();
  for (const id of linkedCrates(resolve, byId)) {
    const { name, version, license, source, manifest_path } = byId.get(id);
    // Ours; the patched quinn-proto has the licences of the published one.
    if (source === null && name !== "quinn-proto") continue;
    const files = licenceFilesOf(dirname(manifest_path));
    if (files.length === 0 && license === null) throw new Error(`The crate ${name} has no licence`);
    // Crates that name a well-known licence need not bring its text.
    const found = files.length === 0 ? [`(${license})`] : files.map((file) => readFileSync(file, "utf8").trim());
    for (const text of found) {
      const crates = texts.get(text) ?? [];
      texts.set(text, [...crates, `${name} ${version}${license === null ? "" : ` (${license})`}`]);
    }
  }
  const parts = [...texts].map(([text, crates]) => `${crates.join("\n")}\n\n${text}\n`);
  return `Crates that are linked into this addon, and their licences:\n\n${parts.join(`\n${"-".repeat(80)}\n\n`)}`;
}

function metadata(target) {
  const args = ["metadata", "--locked", "--format-version", "1", "--filter-platform", target];
  const { status, stdout } = spawnSync("cargo", [...args, "--manifest-path", inRoot("native", "Cargo.toml")], {
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new SetUpError("cargo metadata has failed: its message stands above.");
  return JSON.parse(stdout);
}

/** What the addon's crate reaches by normal dependencies, without compilers' plug-ins. */
function linkedCrates({ nodes }, byId) {
  const byNode = new Map(nodes.map((node) => [node.id, node]));
  const root = nodes.find(({ id }) => byId.get(id).name === "tswebtransport-addon").id;
  const found = new Set([root]);
  for (const id of found) {
    for (const { pkg, dep_kinds } of byNode.get(id).deps) {
      const isLinked = dep_kinds.some(({ kind }) => kind === null);
      const isPlugin = byId.get(pkg).targets.some(({ kind }) => kind.includes("proc-macro"));
      if (isLinked && !isPlugin) found.add(pkg);
    }
  }
  return [...found].sort();
}

function licenceFilesOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && licenceFile.test(entry.name))
    .map((entry) => join(folder, entry.name))
    .sort();
}
