// Compiles the TypeScript of test/interop to .cache/interop/: types are checked by `npm test`, here they are taken away.
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { filesBelow } from "../../scripts/fingerprint.mjs";
import { cache, inRoot } from "../../scripts/paths.mjs";

const sources = inRoot("test", "interop");
const output = join(cache, "interop");

/** Where the compiled program is. Below the repository, so that "tswebtransport" means this package. */
export function programPath(name) {
  return join(output, `${name}.js`);
}

/** Compiles what is missing or older than its source. */
export async function buildPrograms() {
  const stale = filesBelow(sources).filter((path) => /(?<!\.test)\.ts$/.test(path) && isStale(path));
  if (stale.length === 0) return;
  const { default: typescript } = await import("typescript");
  const compilerOptions = {
    module: typescript.ModuleKind.ESNext,
    target: typescript.ScriptTarget.ES2023,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
  };
  for (const path of stale) {
    const { outputText } = typescript.transpileModule(readFileSync(path, "utf8"), { compilerOptions, fileName: path });
    const target = targetOf(path);
    mkdirSync(dirname(target), { recursive: true });
    // Renamed: programs that start at the same time may compile at the same time.
    const fresh = `${target}.${process.pid}`;
    writeFileSync(fresh, outputText);
    renameSync(fresh, target);
  }
}

function targetOf(path) {
  return join(output, relative(sources, path).replace(/\.ts$/, ".js"));
}

function isStale(path) {
  const target = targetOf(path);
  return !existsSync(target) || statSync(target).mtimeMs < statSync(path).mtimeMs;
}
