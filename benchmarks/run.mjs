// One command for all benchmarks: builds, starts every server in a process of its own, measures in interleaved rounds
// and reports medians. See README.md.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { cpuOf, figureOf, METRICS } from "./runner/metrics.mjs";
import { inBenchmarks, LOAD } from "./runner/paths.mjs";
import { endAllChildren, LineProcess, residentKilobytes } from "./runner/process.mjs";
import { summarize, toMarkdown } from "./runner/report.mjs";
import { addTree, buildWorkspace, SERVERS, unbundle } from "./runner/servers.mjs";

const USAGE = `Usage: node benchmarks/run.mjs [options]
  --servers NAMES   of ${Object.keys(SERVERS).join(", ")} (default: all that can be built)
  --tree NAME=DIR   another checkout of this project, under this name; may be repeated
  --unbundled NAMES servers of ours that run from dist/, not from the bundle that is published
  --metrics NAMES   of ${METRICS.map((metric) => metric.name).join(", ")} (default: all)
  --rounds N        default 5
  --seconds N       of each measurement (default 2)
  --output FILE     default benchmarks/results/latest.json
  --no-build        takes what was built before`;

class UsageError extends Error {}

const START_TIMEOUT = 20_000;
/** Until allocators and collectors have settled, before resident memory is read. */
const SETTLE = 1500;

process.exitCode = await main().catch((error) => {
  console.error(error instanceof UsageError ? `${error.message}\n\n${USAGE}` : error);
  return error instanceof UsageError ? 2 : 1;
});

async function main() {
  const options = parseOptions();
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));

  const names = build(options);
  const directory = mkdtempSync(join(tmpdir(), "tswebtransport-benchmarks-"));
  process.once("exit", () => {
    endAllChildren();
    rmSync(directory, { recursive: true, force: true });
  });
  const hash = execFileSync(LOAD, ["make-cert", directory], { encoding: "utf8" }).trim();
  const loadBefore = loadavg()[0];
  if (loadBefore > 0.5) {
    say(`The load average is ${loadBefore.toFixed(2)}: this machine does something else besides.`);
  }
  const samples = await measure({ ...options, names, directory, hash });
  return report(options, names, samples, loadBefore);
}

function parseOptions() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        servers: { type: "string" },
        tree: { type: "string", multiple: true, default: [] },
        unbundled: { type: "string" },
        metrics: { type: "string" },
        rounds: { type: "string", default: "5" },
        seconds: { type: "string", default: "2" },
        output: { type: "string", default: inBenchmarks("results/latest.json") },
        "no-build": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error.message);
  }
  for (const tree of values.tree) {
    const [, name, directory] = /^([\w-]+)=(.+)$/.exec(tree) ?? [];
    if (name === undefined || Object.hasOwn(SERVERS, name)) {
      throw new UsageError(`--tree ${tree}: NAME=DIR with a new name is needed`);
    }
    try {
      addTree(name, directory);
    } catch (error) {
      throw new UsageError(error.message);
    }
  }
  for (const name of values.unbundled?.split(",") ?? []) {
    if (SERVERS[name]?.bundled === undefined)
      throw new UsageError(`--unbundled ${name}: no server of ours has this name`);
    unbundle(name);
  }
  const servers = values.servers?.split(",");
  const metricNames = values.metrics?.split(",") ?? METRICS.map((metric) => metric.name);
  for (const server of servers ?? []) {
    if (!Object.hasOwn(SERVERS, server)) throw new UsageError(`Unknown server ${server}`);
  }
  for (const name of metricNames) {
    if (!METRICS.some((metric) => metric.name === name)) throw new UsageError(`Unknown metric ${name}`);
  }
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) throw new UsageError("--rounds is 1 to 100");
  if (!(seconds > 0 && seconds <= 60)) throw new UsageError("--seconds is above 0 and up to 60");
  const metrics = METRICS.filter((metric) => metricNames.includes(metric.name));
  return { servers, metrics, rounds, seconds, output: values.output, noBuild: values["no-build"], help: values.help };
}

/** Builds what is asked for and answers the names of the servers that can be measured. */
function build({ servers, noBuild }) {
  if (!noBuild) {
    say("Building (the first time takes a few minutes) …");
    buildWorkspace();
  }
  const names = [];
  for (const name of servers ?? Object.keys(SERVERS)) {
    try {
      if (!noBuild) SERVERS[name].build?.();
      names.push(name);
    } catch (error) {
      // Who names a server wants that server.
      if (servers !== undefined) throw error;
      say(`${name} is left out: ${error.message}`);
    }
  }
  return names;
}

/** Every metric of a round goes to each server in turn before the next metric; each round begins with another server. */
async function measure({ names, metrics, rounds, seconds, directory, hash }) {
  const samples = {};
  const wanted = new Set(metrics.map((metric) => metric.name));
  for (let round = 0; round < rounds; round += 1) {
    const order = names.map((_, index) => names[(index + round) % names.length]);
    const servers = new Map();
    const record = async (metric, name, work) => {
      if (!wanted.has(metric)) return;
      const list = ((samples[metric] ??= {})[name] ??= []);
      try {
        const sample = await work();
        list.push(sample);
        say(`round ${round + 1}/${rounds} ${metric} ${name} ${sample.figure.toFixed(2)}`);
      } catch (error) {
        list.push({ error: error.message });
        say(`round ${round + 1}/${rounds} ${metric} ${name} failed: ${error.message}`);
      }
    };
    /** The server of this round, started anew when a failure has taken it. */
    const serverOf = async (name) => {
      let server = servers.get(name);
      if (server?.process.isRunning !== true) {
        server = await start(name, directory);
        servers.set(name, server);
      }
      return server;
    };
    const load = async (name, metric, { process: server, url } = {}) => {
      ({ process: server, url } = server === undefined ? await serverOf(name) : { process: server, url });
      return runLoad({ url, hash, seconds, metric, serverPid: server.pid });
    };

    try {
      for (const name of order) {
        await record("start", name, async () => ({ figure: (await serverOf(name)).startMilliseconds }));
        await record("cold-first-echo", name, async () => ({ figure: (await load(name, "first-echo")).firstMs }));
      }
      for (const metric of metrics.filter((candidate) => candidate.per !== undefined)) {
        for (const name of order) {
          await record(metric.name, name, async () => {
            const measurement = await load(name, metric.name);
            const { lost } = measurement;
            return {
              figure: figureOf(metric, measurement),
              cpu: cpuOf(metric, measurement),
              clientBusy: measurement.clientCpuSeconds / measurement.seconds,
              ...(lost > 0 && { lost }),
            };
          });
        }
      }
      for (const name of order) {
        await record("first-echo", name, async () => ({ figure: (await load(name, "first-echo")).medianMs }));
      }
      for (const name of order) {
        await record("node-first-echo", name, async () => nodeFirstEcho((await serverOf(name)).url, hash));
      }
      for (const server of servers.values()) await server.process.end();
      for (const name of order) await record("idle-1000", name, () => idleMemory(name, directory, hash));
    } finally {
      for (const server of servers.values()) await server.process.end();
    }
  }
  return samples;
}

async function start(name, directory) {
  const { command, env, check } = SERVERS[name];
  const [program, args] = command();
  const pem = ["--cert", join(directory, "cert.pem"), "--key", join(directory, "key.pem")];
  const started = performance.now();
  const server = new LineProcess(name, program, [...args, "--port", "0", ...pem], { env });
  try {
    const address = /^listening (\S+)$/.exec(await server.nextLine(START_TIMEOUT))?.[1];
    const startMilliseconds = performance.now() - started;
    if (address === undefined) throw new Error(`${name} did not say where it listens`);
    check?.(server.pid);
    return { process: server, url: `https://${address}/`, startMilliseconds };
  } catch (error) {
    await server.end();
    throw error;
  }
}

async function runLoad({ url, hash, seconds, metric, serverPid }) {
  const args = ["--url", url, "--cert-hash", hash, "--metric", metric, "--seconds", String(seconds), "--json"];
  const generator = new LineProcess("load", LOAD, [...args, "--server-pid", String(serverPid)]);
  try {
    return JSON.parse(await generator.nextLine((seconds * 5 + 40) * 1000));
  } finally {
    await generator.end();
  }
}

/** Resident memory before and after 1,000 sessions that do nothing, in a process that has served nothing else. */
async function idleMemory(name, directory, hash) {
  const { process: server, url } = await start(name, directory);
  const generator = new LineProcess("load", LOAD, [
    "--url",
    url,
    "--cert-hash",
    hash,
    "--metric",
    "idle-1000",
    "--json",
  ]);
  try {
    const readAfterReady = async () => {
      const { ready } = JSON.parse(await generator.nextLine(120_000));
      await sleep(SETTLE);
      return { ready, kilobytes: residentKilobytes(server.pid) };
    };
    const before = await readAfterReady();
    generator.writeLine();
    const after = await readAfterReady();
    generator.writeLine();
    // The load generator's last line says that all of them still echo.
    await generator.nextLine(60_000);
    const figure = (after.kilobytes - before.kilobytes) / after.ready;
    return { figure, sessions: after.ready, kilobytesBefore: before.kilobytes };
  } finally {
    await generator.end();
    await server.end();
  }
}

async function nodeFirstEcho(url, hash) {
  const args = [inBenchmarks("clients/first-echo.mjs"), "--url", url, "--cert-hash", hash];
  const client = new LineProcess("first-echo", process.execPath, args, { env: SERVERS.tswebtransport.env });
  try {
    const { firstMs, medianMs } = JSON.parse(await client.nextLine(60_000));
    return { figure: medianMs, first: firstMs };
  } finally {
    await client.end();
  }
}

function report({ rounds, seconds, output }, names, samples, loadBefore) {
  const results = summarize(samples, names);
  const document = {
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model,
      cores: availableParallelism(),
      kernel: release(),
      loadAverageBefore: loadBefore,
    },
    rounds,
    seconds,
    servers: Object.fromEntries(
      names.map((name) => [name, { version: SERVERS[name].version(), language: SERVERS[name].language }]),
    ),
    metrics: results,
  };
  mkdirSync(join(output, ".."), { recursive: true });
  writeFileSync(output, `${JSON.stringify(document, null, 2)}\n`);
  console.log(`${toMarkdown(results, names)}\n`);
  for (const name of names)
    console.log(`- ${name}: ${document.servers[name].language}, ${document.servers[name].version}`);
  console.log(
    `- ${document.machine.cores} cores (${document.machine.cpu}), Linux ${document.machine.kernel}, ` +
      `${rounds} rounds of ${seconds} s, ${document.date.slice(0, 10)}`,
  );
  say(`Written to ${output}`);
  const failed = Object.values(samples).some((servers) =>
    Object.values(servers)
      .flat()
      .some((sample) => sample.error),
  );
  return failed ? 1 : 0;
}

/** Progress goes to standard error, so that standard output is the report alone. */
function say(text) {
  process.stderr.write(`${text}\n`);
}
