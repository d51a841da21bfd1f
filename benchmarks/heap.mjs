// What an idle session costs in live JavaScript: the server's heap before and after some thousand sessions, each time
// after a full collection, and which objects the difference is made of. See README.md.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { inBenchmarks, LOAD } from "./runner/paths.mjs";
import { endAllChildren, LineProcess } from "./runner/process.mjs";
import { addTree, buildWorkspace, SERVERS } from "./runner/servers.mjs";

const USAGE = `Usage: node benchmarks/heap.mjs [options]
  --server NAME   tswebtransport (the newer Node) or tswebtransport-20 (the Node that runs this; default)
  --tree DIR      measures another checkout of this project, on the Node that runs this
  --thousands N   of sessions, 1 to 10 (default 3)
  --rows N        of the table (default 30)
  --no-build      takes what was built before`;

/** Until the last session's handler waits. */
const SETTLE = 1000;
const START_TIMEOUT = 20_000;
/** Writing and reading a snapshot of some hundred megabytes. */
const SNAPSHOT_TIMEOUT = 300_000;
/** Sessions of one load generator, beside the few that it opens first. */
const SESSIONS = 1000;

const { values } = parseArgs({
  options: {
    server: { type: "string", default: "tswebtransport-20" },
    tree: { type: "string" },
    thousands: { type: "string", default: "3" },
    rows: { type: "string", default: "30" },
    "no-build": { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
const generators = Number(values.thousands);
const ours = ["tswebtransport", "tswebtransport-20"];
if (values.help || !ours.includes(values.server) || !(generators >= 1 && generators <= 10)) {
  console.log(USAGE);
  process.exit(values.help ? 0 : 2);
}
if (values.tree !== undefined) addTree("tree", values.tree);
const name = values.tree === undefined ? values.server : "tree";

const directory = mkdtempSync(join(tmpdir(), "tswebtransport-heap-"));
process.once("exit", () => {
  endAllChildren();
  rmSync(directory, { recursive: true, force: true });
});
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

if (!values["no-build"]) {
  buildWorkspace();
  SERVERS[name].build();
}
const { before, after, sessions } = await measure();
report(before, after, sessions);
process.exit(0);

async function measure() {
  const hash = execFileSync(LOAD, ["make-cert", directory], { encoding: "utf8" }).trim();
  const { command, env, check } = SERVERS[name];
  const [node, programAndArgs] = command();
  const pem = ["--cert", join(directory, "cert.pem"), "--key", join(directory, "key.pem")];
  const hook = inBenchmarks("servers/heap-hook.mjs");
  const server = new LineProcess(
    name,
    node,
    ["--expose-gc", "--import", hook, ...programAndArgs, "--port", "0", ...pem],
    {
      env,
    },
  );
  const address = /^listening (\S+)$/.exec(await server.nextLine(START_TIMEOUT))?.[1];
  check(server.pid);
  const args = ["--url", `https://${address}/`, "--cert-hash", hash, "--metric", "idle-1000", "--json"];
  const loads = Array.from({ length: generators }, () => new LineProcess("load", LOAD, args));
  const ready = async () => {
    let count = 0;
    for (const load of loads) count += JSON.parse(await load.nextLine(120_000)).ready;
    await sleep(SETTLE);
    return count;
  };
  const snapshot = async (label) => {
    const path = join(directory, `${label}.heapsnapshot`);
    server.writeLine(path);
    return { ...JSON.parse(await server.nextLine(SNAPSHOT_TIMEOUT)), kinds: kindsOf(path) };
  };
  await ready();
  const before = await snapshot("before");
  for (const load of loads) load.writeLine();
  await ready();
  const after = await snapshot("after");
  for (const load of loads) await load.end();
  await server.end();
  return { before, after, sessions: generators * SESSIONS };
}

/** Objects and their own bytes by kind. */
function kindsOf(path) {
  const { snapshot, nodes, strings } = JSON.parse(readFileSync(path, "utf8"));
  rmSync(path);
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [typeAt, nameAt, sizeAt] = ["type", "name", "self_size"].map((field) => fields.indexOf(field));
  const kinds = new Map();
  for (let node = 0; node < nodes.length; node += fields.length) {
    const type = types[typeAt][nodes[node + typeAt]];
    // The texts of strings and numbers differ, what they are does not.
    const named = ["object", "closure", "hidden", "array", "native", "object shape"].includes(type);
    const kind = named ? `${type} ${strings[nodes[node + nameAt]].slice(0, 60)}` : type;
    const entry = kinds.get(kind) ?? { count: 0, bytes: 0 };
    entry.count += 1;
    entry.bytes += nodes[node + sizeAt];
    kinds.set(kind, entry);
  }
  return kinds;
}

function report(before, after, sessions) {
  const each = (bytes) => (bytes / sessions).toFixed(0);
  console.log(`${sessions} sessions of ${SERVERS[name].version()}, for each of them:\n`);
  console.log(`live JavaScript   ${each(after.heapUsed - before.heapUsed)} bytes`);
  console.log(`array buffers     ${each(after.arrayBuffers - before.arrayBuffers)} bytes`);
  console.log(`resident          ${each(after.rss - before.rss)} bytes (the snapshot itself takes some)\n`);
  const rows = [...after.kinds]
    .map(([kind, { count, bytes }]) => {
      const earlier = before.kinds.get(kind) ?? { count: 0, bytes: 0 };
      return { kind, count: (count - earlier.count) / sessions, bytes: (bytes - earlier.bytes) / sessions };
    })
    .filter(({ bytes }) => bytes >= 1)
    .sort((a, b) => b.bytes - a.bytes);
  console.log("| kind | objects | bytes |\n| --- | ---: | ---: |");
  for (const { kind, count, bytes } of rows.slice(0, Number(values.rows))) {
    console.log(`| ${kind} | ${count.toFixed(1)} | ${bytes.toFixed(0)} |`);
  }
}
