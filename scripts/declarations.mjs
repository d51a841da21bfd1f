// The declaration files that a package's types reach.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

import ts from "typescript";

/**
 * Paths in `folder` of the entries and of everything that they import, sorted. Throws for a package that they import and that
 * is not among `packages`.
 */
export function declarationsOf(folder, entries, packages) {
  const found = new Set(entries);
  for (const path of found) {
    const { importedFiles, referencedFiles } = ts.preProcessFile(readFileSync(join(folder, path), "utf8"), true, true);
    for (const { fileName } of [...importedFiles, ...referencedFiles]) {
      if (fileName.startsWith("node:") || packages.includes(fileName)) continue;
      if (!fileName.startsWith(".")) throw new Error(`${path} names types of ${fileName}, which is not published.`);
      const declaration = posix.join(dirname(path), fileName.replace(/(\.d)?\.ts$|\.js$/, ".d.ts"));
      if (!existsSync(join(folder, declaration))) throw new Error(`${path} imports ${fileName}, which is not there.`);
      found.add(declaration);
    }
  }
  return [...found].sort();
}
