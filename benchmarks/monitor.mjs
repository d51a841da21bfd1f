// What monitoring costs: rates and CPU of a server with a monitor that samples each second and is scraped each second,
// against the same server without; and how long sampling keeps the event loop while thousands of sessions are open.
// Servers and clients are processes of their own. Needs `npm run build`. See README.md.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { connect, generateSelfSignedCertificate, ServerApp, ServerMonitor } from "../dist/index.js";

const USAGE = `Usage: node benchmarks/monitor.mjs [options]
  --rounds N     of each measurement, with and without a monitor in turn (default 5)
  --seconds N    of one measurement (default 2)
  --sessions N   that are open while samples are taken (default 10000)`;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    sessions: { type: "string", default: "10000" },
    help: { type: "boolean", short: "h", default: false },
  },
});
const [rounds, seconds, sessions] = ["rounds", "seconds", "sessions"].map((name) => Number(values[name]));
const sessionsOfConnection = 100;
const clientOptions = { insecure: true, logLevel: "silent", maxRetries: 0 };

const processes = [];
process.once("exit", () => {
  for (const child of processes) child.kill();
});

if (process.send !== undefined) {
  const [job] = await once(process, "message");
  if (job.role === "server") await serve(job);
  else await drive(job);
} else if (values.help || ![rounds, seconds, sessions].every((value) => Number.isInteger(value) && value > 0)) {
  console.log(USAGE);
  process.exit(values.help ? 0 : 2);
} else {
  await compare();
  await measureSampling();
  process.exit(0);
}

async function compare() {
  const servers = { off: await start({ role: "server" }), on: await start({ role: "server", monitored: true }) };
  // What a Prometheus does.
  const scraper = setInterval(async () => (await fetch(servers.on.ready.metrics)).text(), 1000);
  const results = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const load of ["echo", "sessions"]) {
      // The first of a pair changes, so that neither has the warmer machine.
      for (const name of round % 2 === 0 ? ["off", "on"] : ["on", "off"]) {
        const { child, ready } = servers[name];
        const before = await ask(child, "cpu");
        const { child: client, ready: done } = await start({ role: "client", load, port: ready.port });
        client.kill();
        const after = await ask(child, "cpu");
        const result = (results[`${load} ${name}`] ??= { rates: [], cpu: [] });
        result.rates.push(done.count / done.seconds);
        result.cpu.push((after.cpu - before.cpu) / done.count);
      }
    }
  }
  clearInterval(scraper);
  for (const { child } of Object.values(servers)) child.kill();
  console.log(`${"".padEnd(25)} ${"without".padStart(10)}  ${"with".padStart(10)}   difference`);
  for (const load of ["echo", "sessions"]) {
    const [off, on] = [results[`${load} off`], results[`${load} on`]];
    line(`${load} a second, median`, median(off.rates), median(on.rates), 0);
    line(`${load} a second, best`, Math.max(...off.rates), Math.max(...on.rates), 0);
    line(`server CPU, µs, median`, median(off.cpu), median(on.cpu), 1);
    line(`server CPU, µs, least`, Math.min(...off.cpu), Math.min(...on.cpu), 1);
  }
}

function line(name, off, on, digits) {
  const difference = `${(((on - off) / off) * 100).toFixed(2)} %`;
  console.log(
    `${name.padEnd(25)} ${off.toFixed(digits).padStart(10)}  ${on.toFixed(digits).padStart(10)}   ${difference.padStart(10)}`,
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
  const { open, idle, during, whole } = await ask(child, "sample");
  // Time includes that of other processes on the machine; CPU does not.
  console.log(`\n${open} sessions are open; milliseconds:              time    CPU`);
  const row = (name, { time, cpu }) =>
    console.log(`  ${name.padEnd(48)} ${time.toFixed(2).padStart(6)} ${cpu.toFixed(2).padStart(6)}`);
  row("longest turn of the event loop without a sample", idle);
  row("longest turn during a sample, median of 20", medians(during));
  row("longest turn during 20 samples", {
    time: Math.max(...during.map(({ time }) => time)),
    cpu: Math.max(...during.map(({ cpu }) => cpu)),
  });
  row("from a sample's beginning to its end, median", medians(whole));
  for (const each of processes) each.kill();
}

/** A process of its own; resolves with it and its first message. */
async function start(job) {
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, NODE_NO_WARNINGS: "1" } });
  processes.push(child);
  child.send(job);
  const [ready] = await once(child, "message");
  return { child, ready };
}

async function ask(child, question) {
  child.send(question);
  const [answer] = await once(child, "message");
  return answer;
}

async function serve({ monitored }) {
  const { cert, key } = await generateSelfSignedCertificate();
  const app = new ServerApp({
    config: {
      cert,
      key,
      accessLog: false,
      logLevel: "error",
      maxSessions: 2 * sessions,
      maxSessionsPerConnection: sessionsOfConnection,
    },
  });
  app.route("/echo", async (session) => {
    for await (const stream of session.incomingBidirectionalStreams) echo(stream).catch(() => undefined);
  });
  app.route("/idle", (session) => session.closed);
  const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
  const monitor = new ServerMonitor(app, { monitoringInterval: 1000 });
  let metrics;
  if (monitored) {
    const { url } = await monitor.serve({ port: 0 });
    metrics = `${url}metrics`;
  }
  process.on("message", async (question) => {
    if (question === "cpu") {
      const { user, system } = process.cpuUsage();
      process.send({ cpu: user + system });
    } else process.send({ open: app.server.getServerStats().sessions, ...(await longestTurns(monitor)) });
  });
  process.send({ port, metrics });
}

async function echo(stream) {
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) await stream.write(chunk);
  stream.finish();
}

/** Takes 20 samples, and looks how long each turn of the event loop takes meanwhile. */
async function longestTurns(monitor) {
  let turns = 0;
  const idle = await longestTurn(() => (turns += 1) > 5000);
  const [during, whole] = [[], []];
  for (let count = 0; count < 20; count += 1) {
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
  return { idle, during, whole };
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

function medians(list) {
  return { time: median(list.map(({ time }) => time)), cpu: median(list.map(({ cpu }) => cpu)) };
}

/** One load on a server, then the count of what was done. */
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
  const once = load === "echo" ? await echoer(url("/echo")) : () => openAndClose(url("/idle"));
  for (const end = performance.now() + 300; performance.now() < end;) await once();
  let count = 0;
  const began = performance.now();
  const end = began + seconds * 1000;
  while (performance.now() < end) {
    await once();
    count += load === "echo" ? 8 : 1;
  }
  process.send({ count, seconds: (performance.now() - began) / 1000 });
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
