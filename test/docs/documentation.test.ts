import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { codeBlocks, fileName } from "./code-blocks.ts";
import type { CodeBlock } from "./code-blocks.ts";
import { compile, root } from "./compile.ts";

interface Run {
  readonly output: string;
  readonly error?: string;
}

const guide = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
const files = ["README.md", ...guide.filter((file) => file.endsWith(".md")).map((file) => join("docs", file))].sort();
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")]));
const allBlocks = [...texts].flatMap(([file, text]) => codeBlocks(text, file));
const blocks = allBlocks.filter(({ language }) => language === "ts");
const { faults, programs } = compile(blocks);
const runnable = blocks.filter(({ words }) => !words.includes("no-run"));
const child = run(faults.length === 0 ? runnable.map((block) => programs.get(block) ?? "") : []);

/** In a process of its own: the programs run as a user's do, on the compiled package. */
function run(paths: readonly string[]): { readonly runs: readonly Run[]; readonly ending: string } {
  const runner = fileURLToPath(new URL("run-programs.mjs", import.meta.url));
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, [runner, ...paths], {
    encoding: "utf8",
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  const lines = stdout.split("\n").filter((line) => line !== "");
  return { runs: lines.map((line) => JSON.parse(line) as Run), ending: `${signal ?? status ?? ""}${stderr}` };
}

const place = ({ file, line }: CodeBlock): string => `${file}:${line}`;

describe("the documentation", () => {
  it("has TypeScript in the README and in every part of docs/", () => {
    expect(new Set(blocks.map(({ file }) => dirname(file)))).toEqual(
      new Set([".", "docs", "docs/guide", "docs/migration", "docs/recipes"]),
    );
  });

  it("compiles, every block, with a strict user's settings", () => {
    expect(faults).toEqual([]);
  });

  it.each(runnable.map((block, index) => ({ name: place(block), block, index })))(
    "runs the block at $name",
    ({ block, index }) => {
      const result = child.runs[index];
      expect(result?.error).toBeUndefined();
      expect(result).toBeDefined();
      if (block.output !== undefined) expect(result?.output).toBe(block.output);
    },
  );

  it("begins each block that has a file name with a comment of that name, because the fence's words are not shown", () => {
    const named = allBlocks.filter(({ words }) => words.some((word) => word.startsWith("file=")));
    expect(named.length).toBeGreaterThan(0);
    for (const block of named) {
      const [first = ""] = block.code.split("\n");
      expect(/^(?:\/\/|#) (?:\/\S+\/)?(.+)$/.exec(first)?.[1], place(block)).toBe(
        fileName(block).replace(/^\/.*\//, ""),
      );
    }
  });

  it("leaves nothing open that keeps the process of its blocks alive", () => {
    expect(child.ending).toBe("0");
  });
});

describe("codeBlocks()", () => {
  it("tells language, words, place and expected output of each block", () => {
    const markdown = "# A\n\n```ts no-run file=a.ts\na;\nb;\n```\n\n```ts\nc;\n```\n\n```text output\nout\n```\n";
    expect(codeBlocks(markdown, "x.md").slice(0, 2)).toEqual([
      { file: "x.md", line: 4, language: "ts", words: ["no-run", "file=a.ts"], code: "a;\nb;", output: undefined },
      { file: "x.md", line: 9, language: "ts", words: [], code: "c;", output: "out" },
    ]);
  });

  it("refuses a fence that nothing closes", () => {
    expect(() => codeBlocks("text\n```ts\na;\n", "x.md")).toThrow("x.md:2: the code block has no end");
  });
});
