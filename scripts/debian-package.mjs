// What a test needs and Debian has a package of.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Installs a package where that is possible: on Debian, as root. */
export function installDebianPackage(name, duration) {
  if (!isDebian() || process.getuid?.() !== 0) {
    return;
  }
  console.log(`No ${name} found: installing Debian's package (${duration}) …`);
  const options = {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  };
  spawnSync("apt-get", ["update"], options);
  spawnSync("apt-get", ["install", "-y", "--no-install-recommends", name], options);
}

export function isDebian() {
  return existsSync("/etc/os-release") && /^ID(_LIKE)?="?.*debian/m.test(readFileSync("/etc/os-release", "utf8"));
}
