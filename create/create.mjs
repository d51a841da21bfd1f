#!/usr/bin/env node
// `npm create tswebtransport [DIRECTORY]`: copies the template, with the project's name and today's versions.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const usage = `Usage: npm create tswebtransport [DIRECTORY]

Makes a WebTransport application in TypeScript: one route, a page, and a test.

  DIRECTORY      a folder that is empty or not there yet (default my-webtransport-app)
  -h, --help     this text
  -v, --version  the version

Examples:
  npm create tswebtransport my-app
  npm create tswebtransport .
`;

/** Of the project; tsx only where Node does not run TypeScript itself. */
const tsxVersion = "^4.20.0";

/** Characters, with some left for a prefix: npm takes 214. */
const longestName = 200;

class UsageError extends Error {}

try {
  main();
} catch (error) {
  const isUsage = error instanceof UsageError || String(error.code).startsWith("ERR_PARSE_ARGS");
  if (!isUsage && error.syscall === undefined) throw error;
  console.error(`Error: ${error.message}`);
  if (isUsage) console.error("Try: npm create tswebtransport -- --help");
  process.exitCode = isUsage ? 2 : 1;
}

function main() {
  const { values, positionals } = parseArgs({
    options: { help: { type: "boolean", short: "h" }, version: { type: "boolean", short: "v" } },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const [given = "my-webtransport-app", ...others] = positionals;
  const [unexpected] = values.version ? positionals : others;
  if (unexpected !== undefined) throw new UsageError(`Unexpected argument "${unexpected}"`);
  if (values.version) {
    console.log(ownManifest().version);
    return;
  }
  if (given.trim() === "") throw new UsageError("DIRECTORY must not be empty");
  const directory = resolve(given);
  create(directory);
  console.log(nextSteps(directory));
}

function create(directory) {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found?.isDirectory() === false) throw new UsageError(`${directory} is a file: choose another directory`);
  if (found !== undefined && readdirSync(directory).some((name) => name !== ".git")) {
    throw new UsageError(`${directory} is not empty: choose another directory`);
  }
  makeFolder(directory);
  cpSync(fileURLToPath(new URL("template", import.meta.url)), directory, { recursive: true });
  // npm leaves .gitignore out of packages.
  renameSync(join(directory, "gitignore"), join(directory, ".gitignore"));
  const manifestPath = join(directory, "package.json");
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8"));
  manifest.dependencies.tswebtransport = `^${ownManifest().version}`;
  if (!runsTypeScript()) manifest.devDependencies.tsx = tsxVersion;
  const dependencies = { ...manifest.dependencies, ...manifest.devDependencies };
  const name = packageName(basename(directory), Object.keys(dependencies));
  manifest.name = name;
  writeFileSync(manifestPath, `${JSON.stringify(manifest, undefined, 2)}\n`);
  for (const path of ["README.md", join("public", "index.html")]) {
    const file = join(directory, path);
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("{{name}}", name));
  }
}

/** Node's own `recursive` never ends where a file system takes no folders, as /proc. */
function makeFolder(path) {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

/** What npm takes as a name; one of the template's own packages would stand in its own way. */
function packageName(text, dependencies) {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .slice(0, longestName)
    .replaceAll(/^-+|-+$/g, "");
  if (name === "") return "my-webtransport-app";
  return dependencies.includes(name) ? `my-${name}` : name;
}

/** Node 22.6 and newer do; `tswebtransport dev` gives the flag that the first of them need. */
function runsTypeScript() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 6);
}

function ownManifest() {
  return JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
}

function nextSteps(directory) {
  const path = relative(process.cwd(), directory);
  const steps = [
    ...(path === "" ? [] : [[`cd ${quoted(path.startsWith("-") ? `.${sep}${path}` : path)}`, ""]]),
    ["npm install", ""],
    ["npm test", "compiles, and runs the test without a network"],
    ["npm run dev", "the server, and its page at http://localhost:8080/"],
  ];
  const lines = steps.map(
    ([command, meaning]) => `  ${meaning === "" ? command : `${command.padEnd(12)}  # ${meaning}`}`,
  );
  return [`Created ${directory}`, "", "Next:", ...lines].join("\n");
}

/** For a shell. Double quotes are every shell's, but leave some characters their meaning. */
function quoted(path) {
  if (!/[^\w./\\:-]/.test(path)) return path;
  return /["$`!]/.test(path) ? `'${path.replaceAll("'", String.raw`'\''`)}'` : `"${path}"`;
}
