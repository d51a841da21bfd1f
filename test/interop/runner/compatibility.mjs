// docs/compatibility.md out of the results of a run.
import { cases } from "../cases.mjs";

const sign = { passed: "✓", failed: "✗", unsupported: "–" };

export function compatibilityPage({ date, results }) {
  const clients = results.filter(({ role }) => role === "client");
  const servers = results.filter(({ role }) => role === "server");
  return `# Compatibility

Written by \`npm run test:interop -- --write\` on ${date}. ✓ passed · ✗ failed · – the other stack cannot do it (the notes say why) or is no page.

## Other clients, our server

The server is \`test/interop/peer-app.ts\`.

${table(clients)}

## Our client, other servers

${table(servers)}

## Notes

${notes(results)}
`;
}

function table(results) {
  const head = ["case", ...results.map(({ title, version }) => `${title} ${version}`)];
  const rows = Object.entries(cases)
    .filter(([name]) => results.some(({ lines }) => lines.some((line) => line.case === name)))
    .map(([name, text]) => [
      text,
      ...results.map(({ lines }) => sign[lines.find((line) => line.case === name)?.outcome] ?? "–"),
    ]);
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function notes(results) {
  const lines = results.flatMap(({ title, role, lines: given, problem }) => {
    const who = role === "client" ? title : `${title} as server`;
    if (problem !== undefined) return [`- ${who}: not run. ${oneLine(problem)}`];
    return given
      .filter(({ outcome, detail }) => outcome !== "passed" && detail !== "")
      .map(({ case: name, detail }) => `- ${who}, ${name}: ${oneLine(detail)}.`);
  });
  return lines.length === 0 ? "None." : lines.join("\n");
}

function oneLine(text) {
  return text.replaceAll(/\s+/g, " ").trim().replace(/\.$/, "");
}
