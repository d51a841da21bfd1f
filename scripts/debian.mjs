// What the tests need of Debian's packages.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

export function isDebian() {
  return existsSync("/etc/os-release") && /^ID(_LIKE)?="?.*debian/m.test(readFileSync("/etc/os-release", "utf8"));
}

/** Installs a package where that is possible without asking: on Debian, as root. Whether it was tried. `about`: how long it takes. */
export function installPackage(name, about) {
  if (!isDebian() || process.getuid?.() !== 0) {
    return false;
  }
  console.log(`No ${name} found: installing Debian's package (${about}) …`);
  const options = {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  };
  spawnSync("apt-get", ["update"], options);
  spawnSync("apt-get", ["install", "-y", "--no-install-recommends", name], options);
  return true;
}
