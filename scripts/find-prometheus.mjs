// Prometheus and promtool for the tests: environment variables, the search path; on Debian their package.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";

import { installDebianPackage, isDebian } from "./debian-package.mjs";
import { runScript, SetUpError } from "./set-up-error.mjs";

const variables = { prometheus: "TSWEBTRANSPORT_PROMETHEUS", promtool: "TSWEBTRANSPORT_PROMTOOL" };

/** The path of a program ("prometheus" or "promtool"), or undefined. */
export function findPrometheus(program, environment = process.env) {
  const variable = variables[program];
  const named = environment[variable];
  if (named !== undefined && named !== "") {
    if (!existsSync(named)) {
      throw new SetUpError(`${variable} names ${named}, which does not exist.`);
    }
    return named;
  }
  const folders = [...(environment["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
}

/** Both programs' paths; installs Debian's package where that is possible, and throws where nothing helps. */
export function ensurePrometheus() {
  if (Object.keys(variables).some((program) => findPrometheus(program) === undefined)) {
    installDebianPackage("prometheus", "half a minute");
  }
  return Object.entries(variables).map(([program, variable]) => {
    const found = findPrometheus(program);
    if (found !== undefined) {
      return found;
    }
    const command = isDebian() ? "sudo apt-get install prometheus" : "https://prometheus.io/download/";
    throw new SetUpError(
      `The tests of the monitor need ${program}, which was not found.\n` +
        `Install Prometheus (${command}) or name it: ${variable}=/path/to/${program} npm test`,
    );
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runScript(() => console.log(ensurePrometheus().join("\n")));
}
