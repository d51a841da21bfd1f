/** The code blocks of Markdown files. */

export interface CodeBlock {
  /** Path of the Markdown file, from the repository's root. */
  readonly file: string;
  /** Of its first line of code, counted from 1. */
  readonly line: number;
  readonly language: string;
  /** What stands behind the language. */
  readonly words: readonly string[];
  readonly code: string;
  /** What it must print: the next block, if that is `text output`. */
  readonly output: string | undefined;
}

/** Every fenced block of a file's text, in order. Throws for a fence that nothing closes. */
export function codeBlocks(markdown: string, file: string): CodeBlock[] {
  const lines = markdown.split("\n");
  const blocks: CodeBlock[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const [, fence, info = ""] = /^(`{3,})(.*)$/.exec(lines[index] ?? "") ?? [];
    if (fence === undefined) continue;
    const end = lines.indexOf(fence, index + 1);
    if (end < 0) throw new Error(`${file}:${index + 1}: the code block has no end`);
    const [language = "", ...words] = info.trim().split(/\s+/);
    const code = lines.slice(index + 1, end).join("\n");
    blocks.push({ file, line: index + 2, language, words, code, output: undefined });
    index = end;
  }
  return blocks.map((block, index) => ({ ...block, output: outputOf(blocks[index + 1]) }));
}

/** What the block before must print; undefined when `block` is none that says it. */
function outputOf(block: CodeBlock | undefined): string | undefined {
  return block?.language === "text" && block.words.includes("output") ? block.code : undefined;
}

/** The name that a block is given, by which other blocks of its file import it: `file=NAME`. */
export function fileName({ words, line }: CodeBlock): string {
  const named = words.find((word) => word.startsWith("file="));
  return named === undefined ? `line-${line}.ts` : named.slice("file=".length);
}
