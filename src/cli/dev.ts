import { stat } from "node:fs/promises";
import { resolve } from "node:path";

import { createDevelopmentServer } from "../server/development/development-server.ts";
import { onAbort } from "../async/abort.ts";
import { defaultPort } from "../monitor/http/access.ts";

import { appPath } from "./apps/app-module.ts";
import { runApp } from "./apps/run-app.ts";
import { typeScriptFlags } from "./apps/typescript.ts";
import type { Arguments } from "./arguments.ts";
import { benchProtocol, benchHandler } from "./bench/bench-handler.ts";
import type { Command, CommandContext } from "./command.ts";
import { endLineAtInterrupt } from "./interruption.ts";
import { Supervisor } from "./dev/supervisor.ts";
import type { ServedMonitor } from "./monitor/serve-monitor.ts";
import { serveDevelopmentMonitor } from "./monitor/serve-monitor.ts";
import { healthCheckHandler } from "../server/handlers.ts";
import { UsageError } from "./usage-error.ts";

export const devCommand: Command = {
  usage: "[app.ts] [options]",
  description:
    "Starts a development server with a fresh certificate, and a page that a browser connects from. Without an app it echoes. " +
    "With one (a module whose default export is a ServerApp, or a function that makes it from a configuration) it runs that " +
    "app in a process of its own, again after each change of its files; the page connects again by itself.",
  positionals: { least: 0, most: 1, name: "app.ts" },
  options: {
    host: { type: "string", value: "HOST", help: "address or name to bind (default localhost)" },
    port: { type: "string", short: "p", value: "PORT", help: "UDP port, 0 for a free one (default 4433)" },
    "page-port": {
      type: "string",
      value: "PORT",
      help: "TCP port of the page on localhost (default 8080; a free one when it is in use)",
    },
    "metrics-port": {
      type: "string",
      value: "PORT",
      help: "TCP port of the monitor's dashboard on localhost (default 9464; a free one when it is in use)",
    },
    public: { type: "string", value: "DIR", help: "serve the files of this folder instead of the development page" },
    watch: {
      type: "string",
      multiple: true,
      value: "PATH",
      help: "also watched, beside the app's folder and (with Node 22.15 or newer) what it imports",
    },
  },
  examples: [
    ["", "a server that echoes, and its page"],
    ["src/app.ts", "your app; it restarts when you save a file"],
    ["src/app.ts --public public", "with your own page at http://localhost:8080/"],
  ],
  run,
};

async function run(args: Arguments, context: CommandContext): Promise<number> {
  const [app] = args.positionals;
  const options = {
    host: args.host("host") ?? "localhost",
    port: args.port("port") ?? 4433,
    pagePort: args.port("page-port") ?? 8080,
    monitorPort: args.port("metrics-port") ?? defaultPort,
    publicDirectory: await folder(args.text("public")),
  };
  if (app === undefined) {
    if (args.flag("watch")) throw new UsageError("--watch needs an app that is run again");
    return runEcho(options, context);
  }
  const path = await appPath(app);
  const supervisor = new Supervisor({
    ...options,
    path,
    flags: typeScriptFlags(path),
    watched: await Promise.all(args.list("watch").map(watchedPath)),
    terminal: context.terminal,
  });
  const { signal } = context.interruption;
  endLineAtInterrupt(context.terminal);
  process.once("exit", () => {
    supervisor.kill();
  });
  await supervisor.start();
  await new Promise<void>((done) => {
    if (signal.aborted) done();
    else onAbort(signal, done);
  });
  context.terminal.note("Closing … (Ctrl-C again ends at once)");
  await supervisor.close();
  return 0;
}

interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly pagePort: number;
  readonly monitorPort: number;
  readonly publicDirectory: string | undefined;
}

/** In this process: there is nothing that could change. */
async function runEcho(
  { publicDirectory, monitorPort, ...options }: ServerOptions,
  context: CommandContext,
): Promise<number> {
  const { terminal } = context;
  const app = createDevelopmentServer({ ...options, ...(publicDirectory !== undefined && { publicDirectory }) });
  app.route("/echo", { protocols: [benchProtocol] }, benchHandler);
  app.route("/health", healthCheckHandler);
  let monitor: ServedMonitor | undefined;
  await runApp(app, {}, context, async () => {
    monitor = await serveDevelopmentMonitor(app, monitorPort);
    terminal.print(`Page:              ${app.pageUrl ?? ""}`);
    terminal.print(`Monitor:           ${monitor.url}`);
    terminal.print(`WebTransport:      ${app.url}`);
    terminal.print(`Certificate hash:  ${app.certificateHash ?? ""}`);
    terminal.note("Open the page in a browser with WebTransport (Chrome, Edge, Firefox). Ctrl-C stops the server.");
  });
  await monitor?.stop();
  return 0;
}

async function folder(given: string | undefined): Promise<string | undefined> {
  if (given === undefined) return undefined;
  const found = await stat(given).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new UsageError(`There is no folder ${given}`);
  return resolve(given);
}

async function watchedPath(given: string): Promise<string> {
  const path = resolve(given);
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere) throw new UsageError(`--watch: there is no file or folder ${given}`);
  return path;
}
