// `node scripts/wpt-table.mjs`: runs the re-expressed Web Platform Tests and writes docs/wpt.md from what came of them.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { cache, inRoot, root } from "./paths.mjs";

/** Tests of a browser's own surroundings. */
const notApplicable = [
  ["back-forward-cache-*", "a browser's page cache"],
  ["csp-pass, csp-fail", "a page's content security policy"],
  ["in-removed-iframe", "frames"],
];

/** docs/wpt.md of the tests' results: `{ file, passed, failed }` each. */
export function makeTable(results, notHeld) {
  const rows = [...results]
    .sort((a, b) => a.file.localeCompare(b.file))
    .map(({ file, passed, failed }) => {
      const held = failed === 0 ? "all" : `${failed} do not`;
      const exceptions = notHeld.filter((entry) => entry.file === file).length;
      return `| ${file} | ${passed + failed} | ${held} | ${exceptions === 0 ? "" : exceptions} |`;
    });
  const exceptions = notHeld.map(({ file, test, why }) => `- **${file}**, ${test}: ${why}`);
  return `# Web Platform Tests

The tests of \`webtransport/\` in the [Web Platform Tests](https://github.com/web-platform-tests/wpt), re-expressed in
\`test/integration/wpt\` for Node: \`tswebtransport/w3c\` against this package's own server, over UDP, whose handlers do
what theirs do. Written by \`node scripts/wpt-table.mjs\` from a run of the tests.

| WPT file | tests here | hold | deviations |
| --- | --- | --- | --- |
${rows.join("\n")}

## Deviations

Where the tests and the specification (editor's draft of July 2026) differ, the specification is followed.

${exceptions.join("\n")}

## Not re-expressed

${notApplicable.map(([files, why]) => `- ${files}: ${why}`).join("\n")}
`;
}

export function readNotHeld() {
  return JSON.parse(readFileSync(inRoot("test", "integration", "wpt", "not-held.json"), "utf8"));
}

function run() {
  mkdirSync(cache, { recursive: true });
  const report = join(cache, "wpt.json");
  const vitest = inRoot("node_modules", "vitest", "vitest.mjs");
  const args = ["run", "test/integration/wpt", "--reporter=dot", "--reporter=json", `--outputFile.json=${report}`];
  spawnSync(process.execPath, [vitest, ...args], { cwd: root, stdio: "inherit" });
  const results = new Map();
  for (const { assertionResults } of JSON.parse(readFileSync(report, "utf8")).testResults) {
    for (const { ancestorTitles, status } of assertionResults) {
      const [file] = ancestorTitles;
      if (file === "docs/wpt.md") continue;
      const counted = results.get(file) ?? { file, passed: 0, failed: 0 };
      counted[status === "passed" ? "passed" : "failed"] += 1;
      results.set(file, counted);
    }
  }
  mkdirSync(inRoot("docs"), { recursive: true });
  const path = inRoot("docs", "wpt.md");
  writeFileSync(path, makeTable(results.values(), readNotHeld()));
  spawnSync(process.execPath, [inRoot("node_modules", "prettier", "bin", "prettier.cjs"), "--write", path], {
    stdio: "inherit",
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) run();
