// `npm ci` when node_modules does not hold what package-lock.json asks for.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

import { inRoot, root } from "./paths.mjs";
import { SetUpError } from "./set-up-error.mjs";

/** Installs from the lock file when node_modules is missing or stale. */
export function ensureDependencies() {
  if (isInstalled()) {
    return;
  }
  console.log("Installing the development dependencies from package-lock.json (about 20 seconds) …");
  // npm tells its own path to the scripts that it runs; without npm around, the shell finds it.
  const npm = process.env["npm_execpath"];
  const { status } = npm?.endsWith("js")
    ? spawnSync(process.execPath, [npm, "ci"], { cwd: root, stdio: ["ignore", "inherit", "inherit"] })
    : spawnSync("npm ci", { cwd: root, stdio: ["ignore", "inherit", "inherit"], shell: true });
  if (status !== 0) {
    throw new SetUpError("The development dependencies could not be installed: npm's own message stands above.");
  }
}

/** Whether npm's record of what it installed has every package of the lock file that is not optional. */
function isInstalled() {
  const wanted = packagesOf("package-lock.json");
  const installed = packagesOf("node_modules/.package-lock.json");
  if (wanted === undefined || installed === undefined) {
    return false;
  }
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === "" ||
      entry.optional === true ||
      entry.link === true ||
      (installed[path]?.version === entry.version && installed[path]?.integrity === entry.integrity),
  );
}

function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(inRoot(lockFile), "utf8")).packages;
  } catch {
    return undefined;
  }
}
