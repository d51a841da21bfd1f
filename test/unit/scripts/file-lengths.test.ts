import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));

function rustFilesBelow(folder: string): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".rs"))
    .map((entry) => join(entry.parentPath, entry.name));
}

describe("a Rust file", () => {
  // ESLint's max-lines holds the others to it.
  it("has at most 400 lines", () => {
    const files = ["native/core", "native/addon"].flatMap((crate) =>
      ["src", "tests"].flatMap((folder) => rustFilesBelow(join(root, crate, folder))),
    );
    expect(files.length).toBeGreaterThan(50);
    const long = files.filter((file) => readFileSync(file, "utf8").split("\n").length > 401);
    expect(long.map((file) => relative(root, file))).toEqual([]);
  });
});
