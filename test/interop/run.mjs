// `npm run test:interop`: other stacks against the peer application, and our client against theirs.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { cache, inRoot } from "../../scripts/paths.mjs";
import { runScript, SetUpError } from "../../scripts/set-up-error.mjs";
import { setUp } from "../../scripts/setup.mjs";

const usage = `Usage: npm run test:interop -- [--only STACK,STACK] [--write]

  --only   these stacks
  --write  docs/compatibility.md from this run, which must be of all stacks
  --help   this text

The stacks are installed into a cache (TSWEBTRANSPORT_INTEROP_CACHE names another folder).
`;

await runScript(async () => {
  const { values: options } = parseArgs({
    options: { only: { type: "string" }, write: { type: "boolean" }, help: { type: "boolean" } },
  });
  if (options.help) {
    console.log(usage);
    return;
  }
  await setUp();
  // Loads the package that the set-up has just built.
  const { cases, pageCases, values } = await import("./cases.mjs");
  const { stacks } = await import("./runner/stacks.mjs");
  const { endAll } = await import("./runner/program.mjs");
  const { cacheFolder } = await import("./runner/cache.mjs");
  const names = options.only?.split(",") ?? Object.keys(stacks);
  for (const name of names) {
    if (stacks[name] === undefined) throw new SetUpError(`No stack "${name}": ${Object.keys(stacks).join(", ")}`);
  }
  if (options.write && options.only !== undefined) throw new SetUpError("--write needs a run of all stacks");
  process.once("exit", endAll);
  process.once("SIGINT", () => process.exit(130));

  console.log(`Installing the other stacks into ${cacheFolder} (the first time takes about 5 minutes on two cores) …`);
  const problems = await installAll(names, stacks);
  const results = [];
  const work = mkdtempSync(join(tmpdir(), "interop-"));
  try {
    const identity = await makeIdentity(work);
    for (const role of ["client", "server"]) {
      for (const name of names) {
        if (stacks[name][role] === undefined) continue;
        const problem = problems.get(name);
        const asked = Object.keys(cases).filter((one) => stacks[name].isPage === true || !pageCases.has(one));
        const result = await runStack({ role, stack: stacks[name], problem, identity, cases: asked, values });
        results.push({ stack: name, ...result });
      }
    }
  } finally {
    endAll();
    rmSync(work, { recursive: true, force: true });
  }
  const date = new Date().toISOString().slice(0, 10);
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, "interop.json"), JSON.stringify({ date, results }, undefined, 2));
  if (options.write) {
    const { compatibilityPage } = await import("./runner/compatibility.mjs");
    const { format } = await import("prettier");
    mkdirSync(inRoot("docs"), { recursive: true });
    const page = await format(compatibilityPage({ date, results }), { parser: "markdown", printWidth: 120 });
    writeFileSync(inRoot("docs", "compatibility.md"), page);
  }
  const lines = results.flatMap((result) => result.lines);
  const count = (outcome) => lines.filter((line) => line.outcome === outcome).length;
  const failed = count("failed") + results.filter(({ problem }) => problem !== undefined).length;
  console.log(`${count("passed")} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
});

/** Side by side: much of it is waiting for registries. What goes wrong is told with the stack's results. */
async function installAll(names, stacks) {
  const problems = new Map();
  const install = async (name) => {
    const started = performance.now();
    try {
      await stacks[name].install?.();
      console.log(`  ${name}: installed (${seconds(started)})`);
    } catch (error) {
      problems.set(name, error.message);
      console.log(`  ${name}: not installed (${seconds(started)}): ${error.message}`);
    }
  };
  // Stacks that share one installation must not install at the same time.
  const [shared, alone] = [names.filter((name) => name.startsWith("webtransport-go")), []];
  for (const name of names) if (!shared.includes(name)) alone.push(install(name));
  alone.push(
    (async () => {
      for (const name of shared) await install(name);
    })(),
  );
  await Promise.all(alone);
  return problems;
}

async function makeIdentity(folder) {
  const { generateSelfSignedCertificate } = await import("tswebtransport");
  const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
  const identity = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  writeFileSync(identity.cert, cert);
  writeFileSync(identity.key, key, { mode: 0o600 });
  return { ...identity, hash: Buffer.from(certificateHash.value).toString("hex") };
}

/** One stack in one role, asked for `cases`: its lines, each printed as soon as it is known. */
async function runStack({ role, stack, problem, identity, cases, values }) {
  const { title } = stack;
  console.log(`\n${role === "client" ? `${title} → peer application` : `our client → ${title}`}`);
  if (problem !== undefined) {
    console.log(`  ✗ not run: ${problem}`);
    return { role, title, version: "", lines: [], problem };
  }
  const started = performance.now();
  const lines = [];
  const unsupported = (role === "client" ? stack.unsupported : stack.unsupportedByServer) ?? {};
  const names = cases.filter((name) => unsupported[name] === undefined);
  const options = { hash: identity.hash, names, values, report: (line) => lines.push(line) };
  let result;
  try {
    const run = role === "client" ? runAsClient : runAsServer;
    result = { lines: await run({ stack, identity, options, lines }) };
  } catch (error) {
    result = { lines, problem: error.message };
  }
  const missing = names.filter((name) => !result.lines.some((line) => line.case === name));
  const all = [
    ...result.lines,
    ...missing.map((name) => ({ case: name, outcome: "failed", detail: "no result" })),
    ...Object.entries(unsupported).map(([name, detail]) => ({ case: name, outcome: "unsupported", detail })),
  ];
  all.sort((a, b) => cases.indexOf(a.case) - cases.indexOf(b.case));
  for (const { case: name, outcome, detail } of all) {
    const sign = { passed: "✓", failed: "✗", unsupported: "–" }[outcome];
    console.log(`  ${sign} ${name}${detail === "" ? "" : `: ${detail}`}`);
  }
  if (result.problem !== undefined) console.log(`  ✗ ${result.problem}`);
  console.log(`  (${seconds(started)})`);
  return { role, title, version: await stack.version(), ...result, lines: all };
}

async function runAsClient({ stack, identity, options, lines }) {
  const { ServerProgram } = await import("./runner/program.mjs");
  const { confirm, fetchReport } = await import("./runner/verify.mjs");
  const { cert, key, hash } = identity;
  const program = inRoot("test", "interop", "run-program.mjs");
  const server = await ServerProgram.start(process.execPath, [
    ...[program, "peer-app", "--port", "0", "--host", "127.0.0.1"],
    ...["--cert", cert, "--key", key],
  ]);
  try {
    await stack.client({ ...options, url: server.url });
    return confirm(lines, await fetchReport(server.url, hash), options.values, false);
  } finally {
    const code = await server.end();
    if (code !== 0) lines.push({ case: "exit", outcome: "failed", detail: `the peer application ended with ${code}` });
  }
}

async function runAsServer({ stack, identity, options, lines }) {
  const { confirm } = await import("./runner/verify.mjs");
  const { runOurClient } = await import("./clients/our-client.mjs");
  const server = await stack.server(identity);
  try {
    await runOurClient({ ...options, values: { ...options.values, ...stack.valuesOfServer }, url: server.url });
    return confirm(lines, server.events, options.values, true);
  } finally {
    await server.end();
  }
}

function seconds(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
