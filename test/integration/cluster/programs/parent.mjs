// A process that runs a cluster, for tests that end it. Prints a line of JSON for each event.
import { generateSelfSignedCertificate, ServerCluster } from "tswebtransport";

const [, , app, workers = "2"] = process.argv;
// A test that was cut off leaves nothing behind.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(1), 500).unref();
const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
const cluster = ServerCluster.forEachCore(
  { bindHost: "127.0.0.1", bindPort: 0, cert, key, logLevel: "silent", accessLog: false },
  { app, workers: Number(workers), logLevel: "silent", closeTimeout: 500, exitTimeout: 1000, hangTimeout: 500 },
);
const tell = (event, payload) => console.log(JSON.stringify({ event, ...payload }));
for (const event of ["worker_ready", "worker_exited", "worker_hung"])
  cluster.on(event, (payload) => tell(event, payload));
const running = cluster.run();
await cluster.waitFor("worker_ready", { condition: () => cluster.getServers().every(({ isServing }) => isServing) });
await new Promise(setImmediate);
const { port } = cluster.getServers()[0].localAddress;
tell("running", {
  port,
  hash: Buffer.from(certificateHash.value).toString("hex"),
  pids: cluster.getServers().map(({ pid }) => pid),
});
await running;
tell("stopped", {});
