// zig and cargo-zigbuild from PyPI, in a folder of their own: with them one machine compiles for every Linux, old glibcs
// and musl included.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

import { installDebianPackage } from "./debian-package.mjs";
import { cache, inRoot } from "./paths.mjs";
import { SetUpError } from "./set-up-error.mjs";

const requirements = inRoot("scripts", "zig-requirements.txt");

/** Installs them when they are missing or others, and answers a PATH that has them. */
export function ensureZig() {
  const folder = join(cache, "zig");
  const stamp = join(folder, "requirements.txt");
  const wanted = readFileSync(requirements, "utf8");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
    console.log("Installing zig and cargo-zigbuild from PyPI (about 30 seconds) …");
    rmSync(folder, { recursive: true, force: true });
    if (!run("python3", "-m", "venv", folder)) {
      installDebianPackage("python3-venv", "some seconds");
      run("python3", "-m", "venv", folder);
    }
    if (
      !run(join(folder, "bin", "python3"), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements)
    ) {
      throw new SetUpError(
        "zig could not be installed: the messages stand above.\nIt needs Python 3.9 or newer with pip and venv (Debian: apt-get install python3-venv).",
      );
    }
    writeFileSync(stamp, wanted);
  }
  return [join(folder, "bin"), process.env["PATH"]].join(delimiter);
}

function run(command, ...args) {
  return spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] }).status === 0;
}
