// Everything between a fresh clone and a program that runs. Uses nothing but Node itself, because on a fresh clone
// there is nothing else; does nothing, in well under half a second, when all is up to date.
import { pathToFileURL } from "node:url";

import { ensureNative } from "./build-native.mjs";
import { ensureTypeScript } from "./build-typescript.mjs";
import { ensureDependencies } from "./install-dependencies.mjs";
import { runScript } from "./set-up-error.mjs";
import { requireNode } from "./toolchain.mjs";

/** Checks the tools, installs the dependencies, compiles the TypeScript and the addon: each only when it is stale. */
export async function setUp() {
  requireNode();
  ensureDependencies();
  ensureTypeScript();
  await ensureNative();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runScript(setUp);
}
