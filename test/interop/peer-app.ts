/**
 * One server for other stacks' clients, written on the public API alone, as a user would write it. The table of its
 * paths is in peer-app/routes.ts.
 */
import { parseArgs } from "node:util";

import { ServerCluster, ServerMonitor, WebTransportError } from "tswebtransport";
import type { Address, Monitored, ServerCloseOptions, ServerConfigOptions } from "tswebtransport";

import { PeerServer } from "./peer-app/peer-server.ts";
import { oneOf, portOf, UsageError } from "./program-options.ts";

const usage = `Usage: npm run --silent peer-app -- --cert FILE --key FILE [--port N] [--host H] [--retry MODE]
                                                [--workers N] [--metrics-port N]

  --port N       UDP port, 0 for a free one (default 4433)
  --host H       address or name to bind (default localhost)
  --cert FILE    certificate chain, PEM
  --key FILE     private key, PEM
  --retry MODE   address validation by Retry packets: always, adaptive or never (default adaptive)
  --workers N    that many processes on the one port, 1 to 256 (default: this process alone)
  --metrics-port N  TCP port of localhost that serves /metrics, /healthz and /readyz, 0 for a free one (default: none)
  --help         this text

Prints "listening HOST:PORT" when it is ready; where the metrics are, it says on standard error. SIGTERM and SIGINT close it gracefully.
`;

/** Milliseconds that sessions get to end by themselves after a signal. */
const closingTime = 1000;

interface Options {
  readonly host: string;
  readonly port: number;
  readonly metricsPort: number | undefined;
  readonly config: ServerConfigOptions;
  readonly workers: number | undefined;
}

/** What was started, in this process or in others. */
interface Started {
  readonly watched: Monitored;
  readonly address: Address;
  readonly closed: Promise<void>;
  close(options: ServerCloseOptions): Promise<void>;
}

async function main(): Promise<number> {
  const options = parse();
  if (options === undefined) {
    process.stderr.write(usage);
    return 0;
  }
  const started = await (options.workers === undefined ? startServer(options) : startCluster(options, options.workers));
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => void started.close({ timeout: closingTime, reason: "the server is closing" }));
  }
  await using monitor = new ServerMonitor(started.watched);
  if (options.metricsPort !== undefined) {
    const { url } = await monitor.serve({ port: options.metricsPort });
    console.error(`metrics at ${url}metrics`);
  }
  const { host, port } = started.address;
  console.log(`listening ${host.includes(":") ? `[${host}]` : host}:${port}`);
  await started.closed;
  return 0;
}

async function startServer(options: Options): Promise<Started> {
  const peer = new PeerServer(options.config);
  const address = await peer.listen({ host: options.host, port: options.port });
  return { watched: peer, address, closed: peer.closed(), close: (closing) => peer.close(closing) };
}

async function startCluster({ config, host, port }: Options, workers: number): Promise<Started> {
  // This program is compiled before it runs, and so is the module.
  const app = new URL("./fixtures/peer-worker.js", import.meta.url);
  const cluster = ServerCluster.forEachCore(
    { ...config, bindHost: host, bindPort: port },
    { app, workers, closeTimeout: closingTime, logLevel: "warn" },
  );
  await cluster.startAll();
  const address = cluster.getServers()[0]?.localAddress;
  if (address === undefined) throw new Error("the cluster does not listen");
  return { watched: cluster, address, closed: cluster.run(), close: (closing) => cluster.stopAll(closing) };
}

function parse(): Options | undefined {
  const values = parseOptions();
  if (values.help) return undefined;
  if (values.cert === undefined || values.key === undefined) throw new UsageError("--cert and --key are needed");
  const config: ServerConfigOptions = {
    certfile: values.cert,
    keyfile: values.key,
    retry: oneOf("--retry", values.retry, ["always", "adaptive", "never"]),
    maxSessionsPerConnection: 64,
    logLevel: "warn",
    accessLog: false,
  };
  const { host, port, workers, "metrics-port": metrics } = values;
  return {
    host,
    port: portOf("--port", port),
    metricsPort: metrics === undefined ? undefined : portOf("--metrics-port", metrics),
    config,
    workers: workers === undefined ? undefined : countOf(workers),
  };
}

function countOf(workers: string): number {
  const count = /^\d{1,3}$/.test(workers) ? Number(workers) : 0;
  if (count >= 1 && count <= 256) return count;
  throw new UsageError(`--workers must be 1 to 256, not "${workers}"`);
}

function parseOptions() {
  try {
    return parseArgs({
      options: {
        host: { type: "string", default: "localhost" },
        port: { type: "string", default: "4433" },
        cert: { type: "string" },
        key: { type: "string" },
        retry: { type: "string", default: "adaptive" },
        workers: { type: "string" },
        "metrics-port": { type: "string" },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  // A cluster's workers mostly fail for one and the same reason.
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const known = cause instanceof WebTransportError || cause instanceof UsageError;
  console.error(known ? `Error: ${cause.message}` : cause);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
