import { functionOrObject } from "../config/option-checks.ts";
import { refused } from "../config/option-table.ts";
import { nearestName } from "../base/nearest-name.ts";

/** Throws ConfigurationError for what is no object (told as `key`), and for a name that `owner` does not have. */
export function checkNames(given: object, names: readonly string[], key: string, owner: string): void {
  const reason = functionOrObject(given);
  if (reason !== undefined) throw refused(key, given, reason);
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const meant = nearestName(name, names);
    throw refused(
      name,
      undefined,
      `is not an option of ${owner}${meant === undefined ? "" : `; did you mean ${meant}?`}`,
    );
  }
}
