// What `getServerStats()` costs while a server has thousands of sessions, and beside it `debugState()` and
// `diagnoseIssues()`, which look at each of them. The clients are processes of their own. Needs `npm run build`. See README.md.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { connect, generateSelfSignedCertificate, ServerApp } from "../dist/index.js";

const USAGE = `Usage: node benchmarks/server-stats.mjs [options]
  --connections N   of all clients, 1 to 10000 (default 100)
  --sessions N      of each connection, 1 to 1024 (default 100)
  --clients N       processes that open them (default 4)
  --calls N         of getServerStats() that are measured (default 2000)`;

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "100" },
    sessions: { type: "string", default: "100" },
    clients: { type: "string", default: "4" },
    calls: { type: "string", default: "2000" },
    help: { type: "boolean", short: "h", default: false },
  },
});
const [connections, sessions, clients, calls] = ["connections", "sessions", "clients", "calls"].map((name) =>
  Number(values[name]),
);
const isValid = [connections, sessions, clients, calls].every((value) => Number.isInteger(value) && value > 0);

if (process.send !== undefined) await client();
else if (values.help || !isValid) {
  console.log(USAGE);
  process.exit(values.help ? 0 : 2);
} else await measure();

async function measure() {
  const { cert, key } = await generateSelfSignedCertificate();
  const app = new ServerApp({
    config: {
      cert,
      key,
      accessLog: false,
      logLevel: "warn",
      maxConnections: connections + 1,
      maxSessions: connections * sessions + 1,
      maxSessionsPerConnection: sessions,
    },
  });
  app.route("/", (session) => session.closed);
  const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
  const children = Array.from({ length: clients }, (_, index) => {
    const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, NODE_NO_WARNINGS: "1" } });
    const share = Math.floor(connections / clients) + (index < connections % clients ? 1 : 0);
    child.send({ port, connections: share, sessions });
    return child;
  });
  process.once("exit", () => {
    for (const child of children) child.kill();
  });
  await Promise.all(children.map((child) => once(child, "message")));
  const { server } = app;
  const stats = server.getServerStats();
  if (stats.sessions !== connections * sessions || stats.connections !== connections) {
    throw new Error(`There are ${stats.sessions} sessions on ${stats.connections} connections`);
  }
  console.log(`${stats.sessions} sessions on ${stats.connections} connections; milliseconds a call:`);
  await report("getServerStats()", calls, () => server.getServerStats());
  await report("debugState()", 5, () => server.debugState());
  await report("diagnoseIssues()", 5, () => server.diagnoseIssues());
  process.exit(0);
}

async function report(name, count, call) {
  const times = [];
  for (let index = 0; index < count; index += 1) {
    const before = performance.now();
    await call();
    times.push(performance.now() - before);
  }
  times.sort((one, other) => one - other);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(3);
  console.log(`  ${name.padEnd(18)} median ${at(0.5)}  p99 ${at(0.99)}  longest ${times.at(-1).toFixed(3)}`);
}

/** Opens its share of the connections, one after the other, and holds them until it is ended. */
async function client() {
  const [{ port, connections: share, sessions: each }] = await once(process, "message");
  const options = { insecure: true, logLevel: "silent", maxRetries: 0 };
  const url = `https://127.0.0.1:${port}/`;
  for (let count = 0; count < share; count += 1) {
    const { connection } = await connect(url, options);
    for (let more = 1; more < each; more += 1) await connection.openSession({ url });
  }
  process.send("ready");
  await new Promise(() => setInterval(() => {}, 1 << 30));
}
