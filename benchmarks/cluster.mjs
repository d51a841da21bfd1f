// What a cluster gives and costs: how evenly connections are spread, the CPU of an operation with two workers beside one,
// throughput, and how long a rolling restart and a killed worker take under load. See README.md.
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";

import { connect, generateSelfSignedCertificate, ServerCluster } from "../dist/index.js";

import { median } from "./runner/metrics.mjs";
import { inBenchmarks, LOAD } from "./runner/paths.mjs";
import { endAllChildren, LineProcess } from "./runner/process.mjs";
import { buildWorkspace, SERVERS } from "./runner/servers.mjs";

const USAGE = `Usage: node benchmarks/cluster.mjs [options]
  --parts NAMES     of spread, cpu, restart, kill (default: all)
  --steering MODE   bpf or forward (default: the platform's)
  --rounds N        of cpu, restart and kill (default 3)
  --seconds N       of each measurement of cpu (default 3)
  --output FILE     default benchmarks/results/cluster.json
  --no-build        takes what was built before
  --development     the addon of \`npm run build\`: to try this program, its figures mean nothing`;

/** Clients that connect, exchange a message and close, one after the other. */
class ConnectLoad {
  connects = 0;
  /** Texts of the errors of connects that failed. */
  failures = [];
  /** Those of sessions that ended before their answer. */
  lost = [];
  /** Milliseconds of each connect. */
  times = [];
  #isOver = false;
  #running;
  #waiting = [];

  constructor(open, clients) {
    this.#running = Array.from({ length: clients }, () => this.#run(open));
  }

  reaches(connects) {
    return new Promise((resolve) => {
      this.#waiting.push({ connects, resolve });
    });
  }

  async end() {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #run(open) {
    while (!this.#isOver) {
      const begin = performance.now();
      let session;
      try {
        session = await open("/echo");
        this.times.push(performance.now() - begin);
        this.connects += 1;
      } catch (error) {
        this.failures.push(`after ${Math.round(performance.now() - begin)} ms: ${error}`);
      }
      try {
        await exchange(session);
      } catch (error) {
        this.lost.push(String(error));
      }
      this.#waiting = this.#waiting.filter(({ connects, resolve }) => {
        if (this.connects < connects) return true;
        resolve();
        return false;
      });
    }
  }
}

async function exchange(session) {
  const stream = await session?.createBidirectionalStream();
  await stream?.writeAll("hello");
  await stream?.readAll();
  await session?.close();
}

const SERVER_CORE = "0";
const LOAD_CORE = "1";
/** Seconds of load before what is counted: V8 compiles the code of each worker anew. */
const WARM_UP = 12;

const { values: options } = parseArgs({
  options: {
    parts: { type: "string", default: "spread,cpu,restart,kill" },
    steering: { type: "string" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    output: { type: "string", default: inBenchmarks("results/cluster.json") },
    "no-build": { type: "boolean", default: false },
    development: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}

const parts = { spread: measureSpread, cpu: measureCpu, restart: measureRestart, kill: measureKill };
const wanted = options.parts.split(",");
for (const name of wanted) {
  if (!Object.hasOwn(parts, name)) throw new Error(`unknown part ${name}\n\n${USAGE}`);
}
const rounds = Number(options.rounds);
process.once("exit", endAllChildren);

if (!options.development) useReleaseAddon();
if (wanted.includes("cpu") && !options["no-build"]) buildWorkspace();
const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
const hash = Buffer.from(certificateHash.value).toString("hex");
const serverCertificateHashes = [certificateHash];

const loadBefore = loadavg()[0];
if (loadBefore > 0.5) say(`The load average is ${loadBefore.toFixed(2)}: this machine does something else besides.`);
const results = {};
for (const name of wanted) {
  say(`${name} …`);
  results[name] = await parts[name]();
  console.log(JSON.stringify({ [name]: results[name] }, null, 2));
}
writeFileSync(
  options.output,
  `${JSON.stringify(
    {
      date: new Date().toISOString(),
      node: process.version,
      cpu: cpus()[0]?.model,
      cores: availableParallelism(),
      addon: options.development ? "development" : "release",
      loadBefore,
      steering: options.steering ?? "default",
      results,
    },
    null,
    2,
  )}\n`,
);

/** 1,000 connections over 4 workers: how far the fullest and the emptiest are from a fourth. */
async function measureSpread() {
  return await withCluster(4, async (world) => {
    const sessions = [];
    for (let group = 0; group < 50; group += 1) {
      sessions.push(...(await Promise.all(Array.from({ length: 20 }, () => world.connect("/echo")))));
    }
    const stats = await world.cluster.getClusterStats();
    const counts = stats.workers.map((worker) => worker.stats.sessions);
    await Promise.all(sessions.map((session) => session.close({ abort: true })));
    const mean = sessions.length / counts.length;
    return {
      connections: sessions.length,
      counts,
      worstDeviation: Math.max(...counts.map((count) => Math.abs(count / mean - 1))),
    };
  });
}

/**
 * The same load on one worker and on two, in turns. All workers share one core and the load generator has another, so
 * that neither case has more of the machine; both have compiled their code before they are measured.
 */
async function measureCpu() {
  const samples = { 1: {}, 2: {} };
  for (let round = 0; round < rounds; round += 1) {
    for (const workers of [1, 2]) {
      await withCluster(workers, async (world) => {
        for (const pid of world.pids) pin(pid);
        for (const metric of ["sessions32", "sessions-8"]) {
          const { operations, seconds, serverCpuSeconds } = await world.load(metric);
          const list = (samples[workers][metric] ??= []);
          list.push({ rate: operations / seconds, cpuMicroseconds: (serverCpuSeconds * 1e6) / operations });
        }
      });
    }
  }
  const summary = {};
  for (const metric of Object.keys(samples[1])) {
    const of = (workers, field) => median(samples[workers][metric].map((sample) => sample[field]));
    summary[metric] = {
      rate: [of(1, "rate"), of(2, "rate")],
      cpuMicroseconds: [of(1, "cpuMicroseconds"), of(2, "cpuMicroseconds")],
      cpuRatio: of(2, "cpuMicroseconds") / of(1, "cpuMicroseconds"),
      rateRatio: of(2, "rate") / of(1, "rate"),
    };
  }
  return { ...summary, samples };
}

/** All of two workers are replaced while clients connect, ask and close, and others stay. */
async function measureRestart() {
  const samples = [];
  for (let round = 0; round < rounds; round += 1) {
    await withCluster(2, async (world) => {
      const held = await Promise.all(Array.from({ length: 20 }, () => world.connect("/echo")));
      let lost = 0;
      for (const session of held) void session.closed.then(() => (lost += 1));
      const load = world.connectLoad(4);
      await load.reaches(50);
      const begin = performance.now();
      await world.cluster.restart();
      const milliseconds = performance.now() - begin;
      await load.reaches(load.connects + 50);
      await load.end();
      samples.push({
        milliseconds,
        connects: load.connects,
        failedConnects: load.failures.length,
        failures: load.failures,
        longestConnect: Math.max(...load.times),
        lostSessions: lost + load.lost.length,
      });
      await Promise.all(held.map((session) => session.close({ abort: true })));
    });
  }
  return { milliseconds: median(samples.map((sample) => sample.milliseconds)), samples };
}

/** SIGKILL to one of two workers: when its client notices, and when the slot has its first new session. */
async function measureKill() {
  const samples = [];
  for (let round = 0; round < rounds; round += 1) {
    await withCluster(2, async (world) => {
      const [victim] = world.cluster.getServers();
      const { slot } = victim;
      const load = world.connectLoad(2);
      await load.reaches(20);
      const sessions = await Promise.all(Array.from({ length: 20 }, () => world.connect("/echo")));
      const begin = performance.now();
      process.kill(victim.pid, "SIGKILL");
      const asking = setInterval(() => {
        for (const session of sessions) if (!session.isClosed) session.datagrams.trySend("is anybody there?");
      }, 5);
      const noticed = [];
      for (const session of sessions) void session.closed.then(() => noticed.push(performance.now() - begin));
      await world.cluster.waitFor("worker_ready", { condition: (event) => event.slot === slot });
      const ready = performance.now() - begin;
      while ((await victim.getServerStats()).sessionsAccepted === 0) await new Promise(setImmediate);
      const firstSession = performance.now() - begin;
      await load.reaches(load.connects + 20);
      await load.end();
      clearInterval(asking);
      samples.push({
        ready,
        firstSession,
        lostSessions: noticed.length,
        noticeMedian: noticed.length === 0 ? undefined : median(noticed),
        noticeLast: noticed.at(-1),
        failedConnects: load.failures.length,
        failures: load.failures,
        lostExchanges: load.lost.length,
        longestConnect: Math.max(...load.times),
      });
      await Promise.all(sessions.map((session) => session.close({ abort: true })));
    });
  }
  const of = (field) => median(samples.map((sample) => sample[field]).filter((value) => value !== undefined));
  return {
    readyMilliseconds: of("ready"),
    firstSessionMilliseconds: of("firstSession"),
    noticeMilliseconds: of("noticeMedian"),
    samples,
  };
}

async function withCluster(workers, use) {
  const world = await start(workers);
  try {
    return await use(world);
  } finally {
    await world.cluster.stopAll({ timeout: 0 });
  }
}

async function start(workers) {
  const cluster = ServerCluster.forEachCore(
    {
      bindHost: "127.0.0.1",
      bindPort: 0,
      cert,
      key,
      accessLog: false,
      logLevel: "error",
    },
    {
      app: new URL("servers/cluster-app.mjs", import.meta.url),
      workers,
      logLevel: "silent",
      closeTimeout: 0,
      ...(options.steering === undefined ? {} : { steering: options.steering }),
    },
  );
  await cluster.startAll();
  const { port } = cluster.getServers()[0].localAddress;
  const url = `https://127.0.0.1:${port}`;
  const open = (path) => connect(url + path, { serverCertificateHashes, maxRetries: 0 });
  return {
    cluster,
    connect: open,
    get pids() {
      return cluster.getServers().map(({ pid }) => pid);
    },
    load: async (metric) => {
      const seconds = ["--seconds", options.seconds, "--warmup", String(WARM_UP)];
      const program = new LineProcess("load", "taskset", [
        ...["--cpu-list", LOAD_CORE, LOAD, "--url", url, "--cert-hash", hash, "--metric", metric, ...seconds],
        ...["--times", "2", "--json"],
        ...cluster.getServers().flatMap(({ pid }) => ["--server-pid", String(pid)]),
      ]);
      try {
        return JSON.parse(await program.nextLine((Number(options.seconds) + WARM_UP + 60) * 1000));
      } finally {
        await program.end();
      }
    },
    connectLoad: (clients) => new ConnectLoad(open, clients),
  };
}

/** A process with all its threads on the core that the servers share. */
function pin(pid) {
  execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", SERVER_CORE, String(pid)], { stdio: "ignore" });
}

/** Figures of an addon that was built for development would be wrong ones. */
function useReleaseAddon() {
  const { build, env } = SERVERS["tswebtransport-20"];
  if (!options["no-build"]) build();
  if (!existsSync(env.TSWEBTRANSPORT_ADDON))
    throw new Error(`${env.TSWEBTRANSPORT_ADDON} is missing: run without --no-build`);
  Object.assign(process.env, env);
}

function say(text) {
  console.error(text);
}
