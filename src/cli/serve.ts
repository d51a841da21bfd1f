import { spawn } from "node:child_process";
import { once } from "node:events";

import { hostAndPort } from "../base/host-and-port.ts";
import { readPem } from "../certificates/faults.ts";
import type { CertificateAndKey, ServerConfigOptions } from "../config/server-config.ts";
import { WebTransportError } from "../errors/errors.ts";
import type { ServerMonitor } from "../monitor/index.ts";
import type { ServerApp } from "../server/app.ts";

import { appPath, loadApp } from "./apps/app-module.ts";
import { runApp } from "./apps/run-app.ts";
import { typeScriptFlags } from "./apps/typescript.ts";
import type { Arguments } from "./arguments.ts";
import type { Command, CommandContext } from "./command.ts";
import { HintedError } from "./hinted-error.ts";
import { serveMetrics } from "./serve/metrics.ts";
import type { MetricsOptions } from "./serve/metrics.ts";
import { runWorkers } from "./serve/workers.ts";

export const serveCommand: Command = {
  usage: "app.ts [options]",
  description:
    "Serves an app: a module whose default export is a ServerApp, or a function that makes one from a ServerConfig. What is " +
    "given here goes before the app's own configuration. Ctrl-C and SIGTERM let sessions come to their end, a second one ends " +
    "at once; SIGHUP reads the certificate again, and with --workers replaces the processes one after the other.",
  positionals: { least: 1, most: 1, name: "app.ts" },
  options: {
    host: {
      type: "string",
      value: "HOST",
      help: "address or name to bind (default: the app's; with --workers localhost); :: for every address",
    },
    port: { type: "string", short: "p", value: "PORT", help: "UDP port (default: the app's; with --workers 4433)" },
    cert: { type: "string", value: "FILE", help: "certificate chain, PEM; needs --key" },
    key: { type: "string", value: "FILE", help: "its key, PEM" },
    workers: {
      type: "string",
      short: "w",
      value: "N",
      help: "processes that share the port, 1 to 256, or auto: one a core",
    },
    "metrics-port": {
      type: "string",
      value: "PORT",
      help: "TCP port of /metrics, /healthz, /readyz and the dashboard",
    },
    "metrics-host": {
      type: "string",
      value: "HOST",
      help: "its address (default localhost); other ones need a token in TSWEBTRANSPORT_METRICS_TOKEN",
    },
  },
  examples: [
    ["dist/app.js --cert fullchain.pem --key privkey.pem", "on the app's own address"],
    ["src/app.ts --host :: --port 443", "TypeScript, where Node runs it"],
    ["dist/app.js --workers auto", "on all cores"],
    ["dist/app.js --workers auto --metrics-port 9464", "with metrics for Prometheus, and a dashboard"],
  ],
  run,
};

async function run(args: Arguments, context: CommandContext): Promise<number> {
  args.requireTogether("cert", "key");
  const path = await appPath(args.positionals[0] ?? "");
  const flags = typeScriptFlags(path);
  const workers = workersOf(args);
  const metrics = metricsOf(args);
  const config = configOf(args);
  if (flags.length > 0) return runAgain(flags, context);
  try {
    if (workers === undefined) return await serveHere(path, certificateOf(args), { config, metrics }, context);
    const count = workers === "auto" ? undefined : workers;
    await runWorkers({ path, workers: count, config, metrics }, context);
    return 0;
  } catch (error) {
    if (!isWithoutCertificate(error)) throw error;
    throw new HintedError(
      error,
      args.flag("cert") ? makingHint : `With this command: --cert FILE and --key FILE. ${makingHint}`,
    );
  }
}

const makingHint = "For development: `npx tswebtransport cert` makes cert.pem and key.pem";

/** The app's own, too, may name a file that is not there. */
function isWithoutCertificate(error: unknown): error is Error {
  if (error instanceof AggregateError) return error.errors.some(isWithoutCertificate);
  if (!(error instanceof WebTransportError)) return false;
  const { code } = (error.cause ?? error) as { code?: unknown };
  return [error.code, code].includes("ERR_WT_CERTIFICATE_NOT_FOUND");
}

function workersOf(args: Arguments): number | "auto" | undefined {
  return args.integerOr("workers", "auto", { least: 1, most: 256 });
}

function metricsOf(args: Arguments): MetricsOptions | undefined {
  const port = args.port("metrics-port");
  if (port === undefined) {
    args.requireBeside("metrics-host", "metrics-port");
    return undefined;
  }
  // From the environment: a command line can be read by every user of the machine.
  const token = process.env["TSWEBTRANSPORT_METRICS_TOKEN"];
  return {
    port,
    host: args.host("metrics-host", { mayHaveZone: true }) ?? "localhost",
    token: token === "" ? undefined : token,
  };
}

/** In a process whose Node runs TypeScript. Signals reach it through this one alone, so that Ctrl-C counts once. */
async function runAgain(flags: readonly string[], { interruption }: CommandContext): Promise<number> {
  interruption.stopListening();
  const child = spawn(process.execPath, [...flags, ...process.argv.slice(1)], { stdio: "inherit", detached: true });
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  const kill = (): void => {
    child.kill("SIGKILL");
  };
  for (const signal of forwarded) process.on(signal, forward);
  process.once("exit", kill);
  const [code] = (await once(child, "exit")) as [number | null];
  process.off("exit", kill);
  for (const signal of forwarded) process.off(signal, forward);
  return code ?? 1;
}

const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

type CertificateSource = () => Promise<CertificateAndKey>;

async function serveHere(
  path: string,
  certificate: CertificateSource | undefined,
  { config, metrics }: { readonly config: ServerConfigOptions; readonly metrics: MetricsOptions | undefined },
  context: CommandContext,
): Promise<number> {
  const { terminal } = context;
  const { bindHost: host, bindPort: port } = config;
  let serving: ServerApp | undefined;
  const reload = (): void => {
    // An app that starts reads the certificate anyway.
    const renewed = certificate !== undefined && serving !== undefined ? renew(serving, certificate) : undefined;
    renewed?.catch((error: unknown) => {
      terminal.note(`The certificate is not renewed: ${error instanceof Error ? error.message : String(error)}`);
    });
  };
  const options = {
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(certificate !== undefined && { certificate }),
  };
  let monitor: ServerMonitor | undefined;
  // Before the app is loaded: without a listener the signal would end the process.
  process.on("SIGHUP", reload);
  context.hasApp = true;
  try {
    const app = await loadApp(path, config);
    await runApp(app, options, context, async (address) => {
      serving = app;
      if (metrics !== undefined) monitor = await serveMetrics(app, metrics, terminal);
      terminal.note(`Serving on UDP ${hostAndPort(address.host, address.port)}`);
    });
  } finally {
    process.off("SIGHUP", reload);
    await monitor?.stop();
  }
  return 0;
}

async function renew(app: ServerApp, certificate: CertificateSource): Promise<void> {
  app.server.updateCertificate(await certificate());
}

/** What is given here, for an app that is made from a configuration. */
function configOf(args: Arguments): ServerConfigOptions {
  const [bindHost, bindPort, certfile, keyfile] = [
    args.host("host", { mayHaveZone: true }),
    args.port("port"),
    args.text("cert"),
    args.text("key"),
  ];
  return {
    ...(bindHost !== undefined && { bindHost }),
    ...(bindPort !== undefined && { bindPort }),
    ...(certfile !== undefined && { certfile }),
    ...(keyfile !== undefined && { keyfile }),
  };
}

function certificateOf(args: Arguments): CertificateSource | undefined {
  const [certfile, keyfile] = [args.text("cert"), args.text("key")];
  if (certfile === undefined || keyfile === undefined) return undefined;
  return async () => ({
    cert: await readPem(certfile, "certificate"),
    key: await readPem(keyfile, "certificate's key"),
  });
}
