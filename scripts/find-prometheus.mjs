// Prometheus and promtool for the tests: environment variables, the search path; on Debian their package.
import { pathToFileURL } from "node:url";

import { installDebianPackage, isDebian } from "./debian-package.mjs";
import { findProgram } from "./find-program.mjs";
import { runScript, SetUpError } from "./set-up-error.mjs";

const variables = { prometheus: "TSWEBTRANSPORT_PROMETHEUS", promtool: "TSWEBTRANSPORT_PROMTOOL" };

/** The path of a program ("prometheus" or "promtool"), or undefined. */
export function findPrometheus(program, environment = process.env) {
  return findProgram([program], variables[program], environment);
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
