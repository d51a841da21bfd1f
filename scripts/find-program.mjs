// Where a program of the tests is: an environment variable, the search path, the usual folders.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

import { SetUpError } from "./set-up-error.mjs";

/** The path of the first of `names` that is there, or undefined. Throws when `variable` names what does not exist. */
export function findProgram(names, variable, environment = process.env) {
  const named = environment[variable];
  if (named !== undefined && named !== "") {
    if (!existsSync(named)) {
      throw new SetUpError(`${variable} names ${named}, which does not exist.`);
    }
    return named;
  }
  const folders = [...(environment["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
  return names
    .flatMap((name) => folders.filter((folder) => folder !== "").map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}
