// `node site/error-codes.mjs`: writes docs/error-codes.md from the catalogue, the table of codes and site/error-texts.mjs.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import * as prettier from "prettier";

import { errorTexts, warningTexts, wireTexts } from "./error-texts.mjs";
import { root } from "./pages.mjs";

const file = join(root, "docs", "error-codes.md");

/**
 * docs/error-codes.md. Throws for a code without a text, and for a text without a code.
 *
 * @param {Readonly<Record<string, { class: string, fatal: boolean, retriable: boolean }>>} errorCatalogue
 * @param {Readonly<Record<string, number>>} ErrorCodes
 */
export async function errorCodesPage(errorCatalogue, ErrorCodes) {
  requireSame(Object.keys(errorCatalogue), Object.keys(errorTexts), "errorTexts");
  requireSame(Object.keys(ErrorCodes), Object.keys(wireTexts), "wireTexts");
  const markdown = `# Error codes

Every error of the library is a \`WebTransportError\` with a \`code\` that never changes its meaning: compare it, not the
message. [Errors](guide/errors.md) tells of the classes and where errors go. This page is written by
\`node site/error-codes.mjs\` from the catalogue, so that no code is missing.

${Object.entries(errorCatalogue).map(codeSection).join("\n\n")}

## Warnings of the process

What nobody awaits is told by \`process.emitWarning\`, once or each time: Node prints it to standard error, and
\`process.on("warning", …)\` gets it with its \`code\`.

| code | cause | remedy |
| --- | --- | --- |
${Object.entries(warningTexts)
  .map(([code, [cause, remedy]]) => `| \`${code}\` | ${cause} | ${remedy} |`)
  .join("\n")}

## Codes on the wire

\`errorCode\` of an error, and \`ErrorCodes\`, are numbers that QUIC, HTTP/3 and WebTransport send. Codes of your own, in
\`close({ code })\`, \`reset(code)\` and \`stop(code)\`, are any number from 0 to 2^32 - 1.

| name | number | specification | meaning |
| --- | --- | --- | --- |
${Object.entries(ErrorCodes).map(wireRow).join("\n")}
`;
  return prettier.format(markdown, { ...(await prettier.resolveConfig(file)), parser: "markdown" });
}

function codeSection([code, entry]) {
  const [cause, remedy] = errorTexts[code];
  return `## ${code}

\`${entry.class}\` · ${entry.retriable ? "may pass: try again later" : "does not pass by itself"}${entry.fatal ? " · fatal" : ""}

**Cause.** ${cause}

**Remedy.** ${remedy}`;
}

function wireRow([name, number]) {
  const [specification, meaning] = wireTexts[name];
  return `| \`${name}\` | 0x${number.toString(16)} | ${specification} | ${meaning} |`;
}

function requireSame(codes, texts, table) {
  const missing = codes.filter((code) => !texts.includes(code));
  const unknown = texts.filter((code) => !codes.includes(code));
  if (missing.length > 0) throw new Error(`site/error-texts.mjs: ${table} has no entry for ${missing.join(", ")}`);
  if (unknown.length > 0) throw new Error(`site/error-texts.mjs: ${table} has ${unknown.join(", ")}, which is no code`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { ErrorCodes, errorCatalogue } = await import("../dist/index.js");
  writeFileSync(file, await errorCodesPage(errorCatalogue, ErrorCodes));
}
