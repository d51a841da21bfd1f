// `node scripts/release-notes.mjs VERSION`: what CHANGELOG.md says of a version. Fails unless package.json has that version
// as well, and the list of what is not released yet is empty.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { inRoot } from "./paths.mjs";
import { runScript, SetUpError } from "./set-up-error.mjs";

/** The section's text without its heading. */
export function releaseNotes(changelog, version) {
  const sections = new Map();
  for (const section of changelog.split(/^## /m).slice(1)) {
    const end = section.indexOf("\n");
    const heading = end === -1 ? section : section.slice(0, end);
    sections.set(heading.replace(/[[\]]/g, "").split(/\s/)[0], end === -1 ? "" : section.slice(end).trim());
  }
  const unreleased = sections.get("Unreleased") ?? "";
  if (unreleased !== "")
    throw new SetUpError(`CHANGELOG.md still has a section Unreleased: it becomes "## ${version} - DATE".`);
  const notes = sections.get(version);
  if (notes === undefined || notes === "") throw new SetUpError(`CHANGELOG.md says nothing of version ${version}.`);
  return notes;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runScript(() => {
    const version = process.argv[2];
    if (version === undefined) throw new SetUpError("Usage: node scripts/release-notes.mjs VERSION");
    const { version: packaged } = JSON.parse(readFileSync(inRoot("package.json"), "utf8"));
    if (packaged !== version) throw new SetUpError(`package.json has version ${packaged}, not ${version}.`);
    console.log(releaseNotes(readFileSync(inRoot("CHANGELOG.md"), "utf8"), version));
  });
}
