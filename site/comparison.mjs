// `node site/comparison.mjs`: writes docs/comparison.md from benchmarks/results/latest.json.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import * as prettier from "prettier";

import { root } from "./pages.mjs";

const file = join(root, "docs", "comparison.md");

/**
 * docs/comparison.md of a benchmark's results.
 *
 * @param {any} results
 */
export async function comparisonPage(results) {
  const { date, machine, rounds, seconds, servers, metrics } = results;
  const names = Object.keys(servers);
  const all = Object.values(metrics);
  const markdown = `# Comparison

How fast this package's server is beside servers in Rust and Go and another one for Node, measured on one machine by one
client. [Benchmarks](../benchmarks/README.md) tells what each line measures, what to read from it and what not, and how to repeat
it. This page is written by \`node site/comparison.mjs\` from the latest results.

${names.map((name) => `- **${name}**: ${servers[name].language}, ${servers[name].version}`).join("\n")}

Measured on ${date.slice(0, 10)} on ${machine.cores} cores (${machine.cpu}), Linux ${machine.kernel.split("-")[0]}: medians of ${rounds} rounds
of ${seconds} s. In parentheses: the ratio to \`${names[0]}\`. Ratios count, absolute figures less: the machine was shared with
other work.

## More is better

${table(
  all.filter(({ higherIsBetter }) => higherIsBetter),
  names,
  ({ unit }) => unit,
  ({ median, ratio }) => [median, ratio],
)}

## Less is better

${table(
  all.filter(({ higherIsBetter }) => !higherIsBetter),
  names,
  ({ unit }) => unit,
  ({ median, ratio }) => [median, ratio],
)}

## CPU of the server

Microseconds for one operation; less is better.

${table(
  all.filter(({ cpuPer }) => cpuPer !== undefined),
  names,
  ({ cpuPer }) => `µs per ${cpuPer}`,
  ({ serverCpuMicroseconds, cpuRatio }) => [serverCpuMicroseconds, cpuRatio],
)}

## What works with what

[Compatibility](compatibility.md) is the table of cases that were tried between this package and browsers, rwebtransport,
aioquic, pywebtransport, wtransport and webtransport-go, in both directions.

Coming from another one? [ws](migration/ws.md) · [Socket.IO](migration/socket-io.md) ·
[@fails-components/webtransport](migration/fails-components.md) · [rwebtransport](migration/rwebtransport.md) ·
[pywebtransport](migration.md)
`;
  return prettier.format(markdown, { ...(await prettier.resolveConfig(file)), parser: "markdown" });
}

function table(metrics, names, unitOf, figuresOf) {
  const rows = metrics.map((metric) => {
    const cells = names.map((name) => cell(metric.servers[name] && figuresOf(metric.servers[name])));
    return `| ${metric.title} | ${unitOf(metric)} | ${cells.join(" | ")} |`;
  });
  return [`| | | ${names.join(" | ")} |`, `| --- | --- | ${names.map(() => "---:").join(" | ")} |`, ...rows].join("\n");
}

function cell([figure, ratio] = []) {
  if (figure === undefined) return "–";
  const digits = figure >= 100 ? 0 : figure >= 10 ? 1 : 2;
  const text = figure.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });
  return ratio === undefined || ratio === 1 ? text : `${text} (${ratio.toFixed(2)})`;
}

/** @returns {unknown} */
export function readResults() {
  return JSON.parse(readFileSync(join(root, "benchmarks", "results", "latest.json"), "utf8"));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(file, await comparisonPage(readResults()));
}
