/**
 * One server for other stacks' clients, written on the public API alone, as a user would write it. The table of its
 * paths is in peer-app/routes.ts.
 */
import { parseArgs } from "node:util";

import { ServerMonitor, SessionError, WebTransportError, WebTransportServer } from "tswebtransport";
import type { IncomingSession, ServerConfigOptions, WebTransportSession } from "tswebtransport";

import { EventLog } from "./peer-app/event-log.ts";
import { makeRouter } from "./peer-app/routes.ts";
import { oneOf, portOf, UsageError } from "./program-options.ts";

const usage = `Usage: npm run --silent peer-app -- --cert FILE --key FILE [--port N] [--host H] [--retry MODE]

  --port N       UDP port, 0 for a free one (default 4433)
  --host H       address or name to bind (default localhost)
  --cert FILE    certificate chain, PEM
  --key FILE     private key, PEM
  --retry MODE   address validation by Retry packets: always, adaptive or never (default adaptive)
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
}

async function main(): Promise<number> {
  const options = parse();
  if (options === undefined) {
    process.stderr.write(usage);
    return 0;
  }
  const server = new WebTransportServer({ config: options.config });
  const closed = serve(server);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => void server.close({ timeout: closingTime, reason: "the server is closing" }));
  }
  await using monitor = new ServerMonitor(server);
  if (options.metricsPort !== undefined) {
    const { url } = await monitor.serve({ port: options.metricsPort });
    console.error(`metrics at ${url}metrics`);
  }
  const { host, port } = await server.listen(options);
  console.log(`listening ${host.includes(":") ? `[${host}]` : host}:${port}`);
  await closed;
  await server.close();
  return 0;
}

function parse(): Options | undefined {
  const values = parseOptions();
  if (values.help) return undefined;
  if (values.workers !== undefined) throw new UsageError("--workers is not available yet");
  if (values.cert === undefined || values.key === undefined) throw new UsageError("--cert and --key are needed");
  const config: ServerConfigOptions = {
    certfile: values.cert,
    keyfile: values.key,
    retry: oneOf("--retry", values.retry, ["always", "adaptive", "never"]),
    maxSessionsPerConnection: 64,
    logLevel: "warn",
    accessLog: false,
  };
  const metrics = values["metrics-port"];
  const metricsPort = metrics === undefined ? undefined : portOf("--metrics-port", metrics);
  return { host: values.host, port: portOf("--port", values.port), metricsPort, config };
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

/** Ends when the server has closed. */
async function serve(server: WebTransportServer): Promise<void> {
  const router = makeRouter();
  const log = new EventLog();
  const answer = async (request: IncomingSession): Promise<void> => {
    const route = router.routeRequest(request);
    const status = route === undefined ? 404 : route.refusal?.(request.url.searchParams);
    if (route === undefined || status !== undefined) {
      await request.reject(status ?? 404);
      return;
    }
    const protocol = request.protocols.find((offered) => route.protocols?.includes(offered) === true);
    const session = (await request.accept(protocol === undefined ? {} : { protocol })) as WebTransportSession;
    log.watchSession(session);
    try {
      await route.handler(session, request, { server, log });
      await session.close();
    } catch (error) {
      // A handler that was waiting for its peer when the session ended has not failed.
      if (session.isClosed || error instanceof SessionError) return;
      console.error(error);
      await session.close({ code: 1, reason: "Internal server error", abort: true });
    }
  };
  for await (const request of server.incomingSessions()) {
    // The client may go before it is answered.
    void answer(request).catch(() => undefined);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const known = error instanceof WebTransportError || error instanceof UsageError;
  console.error(known ? `Error: ${error.message}` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
