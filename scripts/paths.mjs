// Where things are, seen from every script.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A path inside the repository. */
export function inRoot(...parts) {
  return join(root, ...parts);
}

/** What the scripts keep between runs; may be deleted at any time. */
export const cache = inRoot(".cache");
