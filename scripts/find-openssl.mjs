// The openssl that tests make certificates with, as users do.
import { spawnSync } from "node:child_process";

import { installDebianPackage, isDebian } from "./debian-package.mjs";
import { SetUpError } from "./set-up-error.mjs";

/** `openssl req -x509` takes an authority (-CA) since this version. */
const minimum = 3;

/** Installs Debian's package where that is possible, and throws where nothing helps. */
export function ensureOpenssl() {
  if (isThere()) {
    return;
  }
  installDebianPackage("openssl", "some seconds");
  if (!isThere()) {
    throw new SetUpError(
      `The tests make certificates with OpenSSL ${minimum} or newer, and "openssl" is not there or older.\n` +
        `Install it: ${isDebian() ? "sudo apt-get install openssl" : "https://openssl-library.org/source/, brew install openssl@3"}`,
    );
  }
}

function isThere() {
  const { stdout } = spawnSync("openssl", ["version"], { encoding: "utf8" });
  const [, major] = /^OpenSSL (\d+)\./.exec(stdout ?? "") ?? [];
  return Number(major) >= minimum;
}
