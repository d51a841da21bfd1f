// A Redis or Valkey server for the tests: an environment variable, the search path; on Debian its package.
import { pathToFileURL } from "node:url";

import { installDebianPackage, isDebian } from "./debian-package.mjs";
import { findProgram } from "./find-program.mjs";
import { runScript, SetUpError } from "./set-up-error.mjs";

const variable = "TSWEBTRANSPORT_REDIS_SERVER";

/** The path of a redis-server or valkey-server, or undefined. */
export function findRedis(environment = process.env) {
  return findProgram(["redis-server", "valkey-server"], variable, environment);
}

/** As {@link findRedis}, but installs Debian's package where that is possible, and throws where nothing helps. */
export function ensureRedis() {
  const found = findRedis();
  if (found !== undefined) {
    return found;
  }
  installDebianPackage("redis-server", "some seconds");
  const installed = findRedis();
  if (installed !== undefined) {
    return installed;
  }
  const command = isDebian() ? "sudo apt-get install redis-server" : "your system's package of Redis or Valkey";
  throw new SetUpError(
    "The tests of the rate limiter's store need a Redis or Valkey server, and none was found.\n" +
      `Install one (${command}) or name it: ${variable}=/path/to/redis-server npm test`,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runScript(() => console.log(ensureRedis()));
}
