// Compiles src/ to dist/ when anything there has changed since the last time.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { filesBelow, fingerprintOf } from "./fingerprint.mjs";
import { cache, inRoot, root } from "./paths.mjs";
import { SetUpError } from "./set-up-error.mjs";

const uplotFiles = {
  "dist/uPlot.iife.min.js": "uplot.js",
  "dist/uPlot.min.css": "uplot.css",
  LICENSE: "LICENSE.txt",
};

const stamp = join(cache, "typescript.stamp");

/** Runs `tsc -b` on src/ and copies the files beside the sources (the pages' assets), when dist/ is stale. */
export function ensureTypeScript() {
  const sources = filesBelow(inRoot("src"));
  const fingerprint = fingerprintOf([...sources, inRoot("tsconfig.base.json"), inRoot("package-lock.json")]);
  if (existsSync(inRoot("dist", "index.js")) && readIfThere(stamp) === fingerprint) {
    return;
  }
  console.log("Compiling the TypeScript (about 5 seconds) …");
  removeOrphans();
  const tsc = inRoot("node_modules", "typescript", "bin", "tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-b", inRoot("src")], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) {
    throw new SetUpError("The TypeScript does not compile: the compiler's messages stand above.");
  }
  for (const source of sources.filter((path) => !/\.ts$|tsconfig.*\.json$/.test(path))) {
    const target = inRoot("dist", relative(inRoot("src"), source));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(source, target);
  }
  copyUplot();
  mkdirSync(cache, { recursive: true });
  writeFileSync(stamp, fingerprint);
}

/** The monitor's page draws with it: a page loads no packages, so its files stand beside the page's, with their licence. */
function copyUplot() {
  const folder = inRoot("dist", "monitor", "dashboard", "uplot");
  mkdirSync(folder, { recursive: true });
  for (const [from, to] of Object.entries(uplotFiles)) {
    copyFileSync(inRoot("node_modules", "uplot", from), join(folder, to));
  }
}

/** Deletes what dist/ keeps of sources that are gone: `tsc -b` never does, and the package would publish it. */
function removeOrphans() {
  for (const output of filesBelow(inRoot("dist"))) {
    const path = relative(inRoot("dist"), output);
    const candidates = [path, path.replace(/(\.d\.ts|\.js)(\.map)?$/, ".ts")];
    if (!path.endsWith(".tsbuildinfo") && !candidates.some((candidate) => existsSync(inRoot("src", candidate)))) {
      rmSync(output);
    }
  }
}

function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
