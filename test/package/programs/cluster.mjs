// Worker processes out of the installed package: their programs are files of their own in it. The argument names their app.
import assert from "node:assert/strict";

import { connect, generateSelfSignedCertificate, ServerCluster, ServerMonitor } from "tswebtransport";

const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
const cluster = ServerCluster.forEachCore(
  { bindHost: "127.0.0.1", bindPort: 0, cert, key, logLevel: "warn" },
  { app: new URL(process.argv[2] ?? "cluster-app.mjs", import.meta.url), workers: 2 },
);
await cluster.startAll();
const pids = cluster.getServers().map((server) => server.pid);
assert.equal(new Set([...pids, process.pid]).size, 3);
const { port } = cluster.getServers()[0].localAddress;
const session = await connect(`https://127.0.0.1:${port}/pid`, { serverCertificateHashes: [certificateHash] });
const answer = await session.datagrams.receive();
assert.ok(pids.includes(Number(new TextDecoder().decode(answer))));

const monitor = new ServerMonitor(cluster);
await monitor.start();
assert.match(await monitor.toPrometheus(), /^tswebtransport_/m);
await monitor.stop();

await session.close();
await cluster.stopAll();
console.log("cluster ok");
