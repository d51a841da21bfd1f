// Everything between a fresh clone and a program that runs. Uses nothing but Node itself, because on a fresh clone
// there is nothing else; does nothing, in well under half a second, when all is up to date.
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { addonPath, ensureNative } from "./build-native.mjs";
import { ensureTypeScript } from "./build-typescript.mjs";
import { ensureDependencies } from "./install-dependencies.mjs";
import { runScript } from "./set-up-error.mjs";
import { requireNode, requireRust } from "./toolchain.mjs";

/** Checks the tools, installs the dependencies, compiles the TypeScript and the addon: each only when it is stale. */
export async function setUp() {
  requireNode();
  // Nothing can come of the minute that the rest takes without Rust; where the addon is built, it is not asked for.
  if (!existsSync(addonPath)) requireRust();
  ensureDependencies();
  ensureTypeScript();
  await ensureNative();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runScript(setUp);
}
