// What watching costs: a monitor that samples and is scraped each second, and tracing without an SDK, against the same server
// without; and how long sampling keeps the event loop while thousands of sessions are open. What is compared is turned on and
// off in one process while its clients, processes of their own, go on. Needs `npm run build`. See README.md.
import { fork } from "node:child_process";
import { once } from "node:events";
import { PerformanceObserver } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { connect, generateSelfSignedCertificate, ServerApp, ServerMonitor } from "../dist/index.js";
import { instrument } from "../dist/opentelemetry/index.js";

const USAGE = `Usage: node benchmarks/monitor.mjs [options] [monitor | tracing | sampling …]
  --pairs N       slices with and without, of each load (default 100)
  --slice N       milliseconds of a slice (default 1000)
  --sessions N    that are open while samples are taken (default 10000)
  --connections N that these sessions share (default 100)`;

const { values, positionals } = parseArgs({
  options: {
    pairs: { type: "string", default: "100" },
    slice: { type: "string", default: "1000" },
    sessions: { type: "string", default: "10000" },
    connections: { type: "string", default: "100" },
    help: { type: "boolean", short: "h", default: false },
  },
  allowPositionals: true,
});
const numbers = ["pairs", "slice", "sessions", "connections"].map((name) => Number(values[name]));
const [pairs, slice, sessions, connections] = numbers;
const parts = positionals.length > 0 ? positionals : ["monitor", "tracing", "sampling"];
/** Slices at the beginning that do not count: code is compiled, and the heap grows. */
const warmUp = 4;
/** Samples that are taken while many sessions are open. */
const samples = 105;
/** Chunks that a server has echoed. */
let echoes = 0;
const sessionsOfConnection = Math.ceil(sessions / connections);
const clientOptions = { insecure: true, logLevel: "silent", maxRetries: 0 };

const processes = [];
process.once("exit", () => {
  for (const child of processes) child.kill();
});

if (process.send !== undefined) {
  const [job] = await once(process, "message");
  if (job.role === "server") await serve(job);
  else await drive(job);
} else if (values.help || !numbers.every((value) => Number.isInteger(value) && value > 0)) {
  console.log(USAGE);
  process.exit(values.help ? 0 : 2);
} else {
  if (parts.includes("monitor")) await compare("monitor", ["echo", "sessions"]);
  if (parts.includes("tracing")) await compare("tracing", ["sessions"]);
  if (parts.includes("sampling")) await measureSampling();
  process.exit(0);
}

async function compare(what, loads) {
  for (const load of loads) {
    const { child, ready } = await start({ role: "server" });
    const { child: client } = await start({ role: "client", load, port: ready.port });
    const results = compared(child);
    child.send({ what, load });
    const { off, on } = await results;
    client.kill();
    child.kill();
    console.log(`\n${load} with ${what} on and off, ${off.length} pairs of slices of ${slice} ms`);
    row("operations a second", off, on, ({ count, time }) => (count / time) * 1000);
    row("server CPU of one, µs", off, on, ({ count, cpu }) => (cpu / count) * 1000);
  }
}

/** Its slices, when they are over; scrapes meanwhile what it serves, as a Prometheus does. */
function compared(child) {
  return new Promise((resolve) => {
    child.on("message", async (message) => {
      if (message.metrics !== undefined) await (await fetch(message.metrics)).text();
      else if (message.off !== undefined) resolve(message);
    });
  });
}

/** Medians, and that of the pairs' quotients with its confidence interval: what disturbs the machine disturbs both of a pair. */
function row(name, off, on, of) {
  const quotients = off.map((without, index) => of(on[index]) / of(without) - 1).toSorted((one, other) => one - other);
  // The ranks between which the median is with a probability of 95 %, by the normal approximation of the binomial.
  const below = Math.max(0, Math.floor((quotients.length - 1.96 * Math.sqrt(quotients.length)) / 2));
  const [low, high] = [quotients[below], quotients[quotients.length - 1 - below]];
  const percent = (share) => `${(share * 100).toFixed(2)} %`;
  console.log(
    `  ${name.padEnd(22)} off ${median(off.map(of)).toFixed(1).padStart(9)}   on ${median(on.map(of)).toFixed(1).padStart(9)}` +
      `   difference ${percent(median(quotients))} (95 %: ${percent(low)} to ${percent(high)})`,
  );
}

async function measureSampling() {
  const { child, ready } = await start({ role: "server", monitored: true });
  const clients = 4;
  await Promise.all(
    Array.from({ length: clients }, () =>
      start({ role: "client", load: "idle", port: ready.port, sessions: Math.ceil(sessions / clients) }),
    ),
  );
  const { open, idle, during, whole, collections } = await ask(child, "sample");
  // Time includes that of other processes on the machine; CPU does not, but that of all threads.
  console.log(`\n${open.sessions} sessions of ${open.connections} connections; milliseconds:   time    CPU`);
  const line = (name, { time, cpu }) =>
    console.log(`  ${name.padEnd(50)} ${time.toFixed(2).padStart(6)} ${cpu.toFixed(2).padStart(6)}`);
  line("longest turn of the event loop without a sample", idle);
  line("longest turn during the first 5 samples", worst(during.slice(0, 5)));
  line(`longest turn during a sample, median of ${samples}`, medians(during));
  line(`longest turn during ${samples - 5} samples behind the first 5`, worst(during.slice(5)));
  line("from a sample's beginning to its end, median", medians(whole));
  console.log(
    `  garbage collections during samples: ${collections.count}, the longest ${collections.longest.toFixed(2)} ms`,
  );
  for (const each of processes) each.kill();
}

/** A process of its own; resolves with it and its first message. */
async function start(job) {
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), {
    env: { ...process.env, NODE_NO_WARNINGS: "1" },
  });
  processes.push(child);
  child.once("exit", (code) => {
    if (code) process.exit(code);
  });
  child.send(job);
  const [ready] = await once(child, "message");
  return { child, ready };
}

async function ask(child, question) {
  child.send(question);
  const [answer] = await once(child, "message");
  return answer;
}

async function serve() {
  const { cert, key } = await generateSelfSignedCertificate();
  const app = new ServerApp({
    config: {
      cert,
      key,
      accessLog: false,
      logLevel: "error",
      maxSessions: 2 * sessions,
      maxConnections: 2 * connections + 100,
      maxSessionsPerConnection: sessionsOfConnection,
    },
  });
  app.route("/echo", async (session) => {
    for await (const stream of session.incomingBidirectionalStreams) echo(stream).catch(() => undefined);
  });
  app.route("/idle", (session) => session.closed);
  const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
  const monitor = new ServerMonitor(app, { monitoringInterval: 1000 });
  process.on("message", async (question) => {
    if (question === "sample") {
      // As an application has it: what belongs to a sample is compiled.
      await monitor.start();
      const { sessions: open, connections: through } = app.server.getServerStats();
      process.send({ open: { sessions: open, connections: through }, ...(await longestTurns(monitor)) });
    } else process.send(await runSlices(app, monitor, question));
  });
  process.send({ port });
}

/** Slices with and without what is compared in turn; which of a pair is the first changes. */
async function runSlices(app, monitor, { what, load }) {
  const treatments = {
    monitor: {
      begin: async () => {
        const { url } = await monitor.serve({ port: 0 });
        process.send({ metrics: `${url}metrics` });
      },
      end: () => monitor.stop(),
    },
    tracing: {
      begin: () => (treatments.instrumented = instrument(app)),
      end: () => treatments.instrumented.disable(),
    },
  };
  const { begin, end } = treatments[what];
  const operations = () => (load === "echo" ? echoes : app.server.getServerStats().sessionsAccepted);
  const results = { off: [], on: [] };
  for (let pair = -warmUp; pair < pairs; pair += 1) {
    for (const name of pair % 2 === 0 ? ["off", "on"] : ["on", "off"]) {
      const [before, count] = [now(), operations()];
      // What beginning and ending costs counts, too.
      if (name === "on") await begin();
      await new Promise((resolve) => setTimeout(resolve, slice));
      if (name === "on") await end();
      if (pair >= 0) results[name].push({ ...since(before), count: operations() - count });
    }
  }
  return results;
}

async function echo(stream) {
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
    await stream.write(chunk);
    echoes += 1;
  }
  stream.finish();
}

/** Takes samples, and looks how long each turn of the event loop takes meanwhile. */
async function longestTurns(monitor) {
  let turns = 0;
  const idle = await longestTurn(() => (turns += 1) > 5000);
  const [during, whole] = [[], []];
  // A collection comes when the heap wants it, whoever has made the garbage.
  const collections = { count: 0, longest: 0 };
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      collections.count += 1;
      collections.longest = Math.max(collections.longest, duration);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  for (let count = 0; count < samples; count += 1) {
    const began = now();
    let isOver = false;
    const sampled = monitor.read().then(() => {
      whole.push(since(began));
      isOver = true;
    });
    // What `read` does before it first gives the event loop back counts, too.
    const first = since(began);
    const others = await longestTurn(() => isOver);
    during.push({ time: Math.max(first.time, others.time), cpu: Math.max(first.cpu, others.cpu) });
    await sampled;
  }
  // Entries are delivered in a later turn.
  await new Promise((resolve) => setTimeout(resolve, 10));
  observer.disconnect();
  return { idle, during, whole, collections };
}

async function longestTurn(isOver) {
  const longest = { time: 0, cpu: 0 };
  for (let last = now(); !isOver(); last = now()) {
    await new Promise((resolve) => setImmediate(resolve));
    const turn = since(last);
    longest.time = Math.max(longest.time, turn.time);
    longest.cpu = Math.max(longest.cpu, turn.cpu);
  }
  return longest;
}

/** Milliseconds of time, and of CPU that the process has used. */
function now() {
  const { user, system } = process.cpuUsage();
  return { time: performance.now(), cpu: (user + system) / 1000 };
}

function since(before) {
  const after = now();
  return { time: after.time - before.time, cpu: after.cpu - before.cpu };
}

function worst(list) {
  return { time: Math.max(...list.map(({ time }) => time)), cpu: Math.max(...list.map(({ cpu }) => cpu)) };
}

function medians(list) {
  return { time: median(list.map(({ time }) => time)), cpu: median(list.map(({ cpu }) => cpu)) };
}

/** One load on a server, until the process is ended. */
async function drive({ load, port, sessions: share }) {
  const url = (path) => `https://127.0.0.1:${port}${path}`;
  if (load === "idle") {
    for (let open = 0; open < share;) {
      const { connection } = await connect(url("/idle"), clientOptions);
      for (open += 1; open % sessionsOfConnection !== 0 && open < share; open += 1) {
        await connection.openSession({ url: url("/idle") });
      }
    }
    process.send("ready");
    setInterval(() => {}, 1 << 30);
    return;
  }
  const operate = load === "echo" ? await echoer(url("/echo")) : () => openAndClose(url("/idle"));
  process.send("ready");
  for (;;) await operate();
}

/** Eight streams of one session, 64 bytes each there and back. */
async function echoer(url) {
  const session = await connect(url, clientOptions);
  const streams = await Promise.all(Array.from({ length: 8 }, () => session.createBidirectionalStream()));
  const bytes = new Uint8Array(64);
  return () =>
    Promise.all(
      streams.map(async (stream) => {
        await stream.write(bytes);
        await stream.readExactly(64);
      }),
    );
}

async function openAndClose(url) {
  const session = await connect(url, clientOptions);
  await session.close();
}

function median(list) {
  return list.toSorted((one, other) => one - other)[Math.floor(list.length / 2)];
}
