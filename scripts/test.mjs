// `npm test`: the set-up, then every quality gate in turn, each with its heading and time. The last line counts.
// Arguments narrow the run to vitest with that pattern.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { cache, inRoot, root } from "./paths.mjs";
import { runScript } from "./set-up-error.mjs";
import { ensureChromium } from "./find-chromium.mjs";
import { ensurePrometheus } from "./find-prometheus.mjs";
import { ensureRedis } from "./find-redis.mjs";
import { ensureOpenssl } from "./find-openssl.mjs";
import { setUp } from "./setup.mjs";
import { requireNode, requireRustTestTools } from "./toolchain.mjs";

const report = join(cache, "vitest.json");

const cargo = (command, ...args) => ["cargo", command, "--manifest-path", inRoot("native", "Cargo.toml"), ...args];
const gates = [
  { name: "types", command: tool("typescript/bin/tsc", "-b") },
  { name: "lint", command: tool("eslint/bin/eslint.js", ".", "--max-warnings", "0") },
  { name: "format", command: tool("prettier/bin/prettier.cjs", "--check", "--log-level", "warn", ".") },
  { name: "layers", command: tool("dependency-cruiser/bin/dependency-cruise.mjs", "src", "--output-type", "err") },
  { name: "API reference", command: tool("typedoc/bin/typedoc") },
  { name: "Rust format", command: cargo("fmt", "--all", "--check") },
  { name: "Rust lint", command: cargo("clippy", "--locked", "--quiet", "--all-targets", "--", "-D", "warnings") },
];

await runScript(async () => {
  const patterns = process.argv.slice(2);
  if (patterns.length === 0) {
    // Before minutes of compiling, not after.
    requireNode();
    requireRustTestTools();
    ensureChromium();
    ensureRedis();
    ensurePrometheus();
    ensureOpenssl();
  }
  await setUp();
  const total = { passed: 0, failed: 0 };
  for (const gate of patterns.length === 0 ? gates : []) {
    count(total, run(gate.name, gate.command) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
  }
  if (patterns.length === 0) count(total, runCargoTest());
  count(total, runVitest(patterns));
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed === 0 ? 0 : 1;
});

/**
 * The core's tests, asked for as the whole workspace's so that the dependencies are those of the build: cargo's own
 * summary lines are counted.
 */
function runCargoTest() {
  console.log("\n── Rust tests");
  const [program, ...args] = cargo("test", "--locked", "--quiet", "--workspace");
  const { status, stdout } = spawnSync(program, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  process.stdout.write(stdout);
  const sum = (pattern) => [...stdout.matchAll(pattern)].reduce((total, [, count]) => total + Number(count), 0);
  const [passed, failed] = [sum(/(\d+) passed;/g), sum(/(\d+) failed;/g)];
  return { passed, failed: status === 0 ? failed : Math.max(failed, 1) };
}

function runVitest(patterns) {
  mkdirSync(cache, { recursive: true });
  rmSync(report, { force: true });
  const reporters = ["--reporter=dot", "--reporter=json", `--outputFile.json=${report}`];
  const succeeded = run("tests", tool("vitest/vitest.mjs", "run", ...reporters, ...patterns));
  const { numPassedTests: passed = 0, numFailedTests: failed = 0 } = existsSync(report)
    ? JSON.parse(readFileSync(report, "utf8"))
    : {};
  // A run can fail without a failed test: a file that cannot be loaded, an unhandled rejection.
  return { passed, failed: succeeded ? failed : Math.max(failed, 1) };
}

function run(name, [program, ...args]) {
  console.log(`\n── ${name}`);
  const start = performance.now();
  const { status } = spawnSync(program, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  console.log(`── ${name}: ${status === 0 ? "ok" : "FAILED"} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return status === 0;
}

function tool(script, ...args) {
  return [process.execPath, inRoot("node_modules", script), ...args];
}

function count(total, { passed, failed }) {
  total.passed += passed;
  total.failed += failed;
}
