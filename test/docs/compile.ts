/** Compiles blocks of the documentation as a user with strict settings would: against the package's own types. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import ts from "typescript";

import { fileName } from "./code-blocks.ts";
import type { CodeBlock } from "./code-blocks.ts";

export const root = fileURLToPath(new URL("../../", import.meta.url));

const options: ts.CompilerOptions = {
  // What Node would not run when it only removes the types is an error, here or when the block runs.
  target: ts.ScriptTarget.ESNext,
  erasableSyntaxOnly: true,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noImplicitReturns: true,
  noImplicitOverride: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
  skipLibCheck: true,
};

export interface Compiled {
  /** What is wrong, each with the place in the Markdown file. */
  readonly faults: readonly string[];
  /** The JavaScript of each block. */
  readonly programs: ReadonlyMap<CodeBlock, string>;
}

/**
 * Compiles into `.cache/<name>`: inside the package, so that `tswebtransport` is the package itself, by its own `exports`.
 * What a program emits stands beside its source.
 */
export function compile(blocks: readonly CodeBlock[], name = "docs"): Compiled {
  const folder = join(root, ".cache", name);
  rmSync(folder, { recursive: true, force: true });
  const sources = new Map<string, CodeBlock>();
  for (const block of blocks) {
    const path = join(folder, block.file.replace(/\.md$/, ""), fileName(block));
    if (sources.has(path))
      throw new Error(`${block.file}:${block.line}: another block has the name ${fileName(block)}`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, block.code);
    sources.set(path, block);
  }
  const program = ts.createProgram([...sources.keys()], { ...options, rootDir: folder });
  const { diagnostics } = program.emit();
  const faults = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...diagnostics].map((each) =>
    faultOf(each),
  );
  for (const [path, block] of sources) {
    const source = program.getSourceFile(path);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    faults.push(...found.map((diagnostic) => faultOf(diagnostic, block)));
  }
  return { faults, programs: new Map([...sources].map(([path, block]) => [block, path.replace(/\.ts$/, ".js")])) };
}

function faultOf(diagnostic: ts.Diagnostic, block?: CodeBlock): string {
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
  const { file, start = 0 } = diagnostic;
  if (block === undefined || file === undefined)
    return file === undefined ? text : `${relative(root, file.fileName)}: ${text}`;
  return `${block.file}:${block.line + file.getLineAndCharacterOfPosition(start).line}: ${text}`;
}
