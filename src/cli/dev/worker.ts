import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";

import { onAbort } from "../../async/abort.ts";
import type { ServerApp } from "../../server/app.ts";

import { loadApp } from "../apps/app-module.ts";
import type { Arguments } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { serveDevelopmentMonitor } from "../monitor/serve-monitor.ts";
import type { ServedMonitor } from "../monitor/serve-monitor.ts";
import { UsageError } from "../usage-error.ts";
import type { StartMessage, SupervisorMessage, WorkerMessage } from "./messages.ts";

/** Milliseconds that sessions have when the app is restarted. */
const closeTimeout = 500;

export const devWorkerCommand: Command = {
  usage: "app.ts",
  description: "Runs the app of `tswebtransport dev`, which starts this process.",
  positionals: { least: 1, most: 1 },
  options: {},
  examples: [["app.ts", "what dev does"]],
  run,
};

async function run(args: Arguments, context: CommandContext): Promise<number> {
  if (process.send === undefined) throw new UsageError("dev-worker is started by `tswebtransport dev`");
  const path = args.positionals[0] ?? "";
  const stopped = new Promise<void>((resolve) => {
    onAbort(context.interruption.signal, resolve);
    process.on("message", (message: SupervisorMessage) => {
      if (message.type === "stop") resolve();
    });
    process.once("disconnect", resolve);
  });
  const start = await startMessage();
  reportImports(path);
  try {
    const { app, monitor } = await listening(path, start);
    await stopped;
    await app.close({ timeout: closeTimeout });
    await monitor.stop();
    // Not before: a failure has to reach the supervisor first.
    context.hasApp = true;
    return 0;
  } catch (error) {
    tell({ type: "failed", message: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
    throw error;
  } finally {
    // Otherwise the channel keeps the process alive.
    if (process.connected) process.disconnect();
  }
}

async function listening(
  path: string,
  { host, port, monitorPort, cert, key }: StartMessage,
): Promise<{ readonly app: ServerApp; readonly monitor: ServedMonitor }> {
  const app = await loadApp(path, { cert, key, bindHost: host, bindPort: port, logLevel: "debug" });
  const address = await app.listen({ host, port, certificate: () => Promise.resolve({ cert, key }) });
  const paths = app.routes().flatMap((route) => (route.path === undefined ? [] : [route.path]));
  const monitor = await serveDevelopmentMonitor(app, monitorPort);
  tell({ type: "listening", port: address.port, paths, monitorUrl: monitor.url });
  return { app, monitor };
}

function startMessage(): Promise<StartMessage> {
  return new Promise((resolve) => {
    process.on("message", (message: SupervisorMessage) => {
      if (message.type === "start") resolve(message);
    });
    tell({ type: "ready" });
  });
}

function tell(message: WorkerMessage): void {
  if (process.connected) process.send?.(message);
}

/** Where Node has hooks for it, so that files beside the app's folder are watched, too. */
function reportImports(path: string): void {
  const { registerHooks } = nodeModule as { registerHooks?: (hooks: { load: LoadHook }) => void };
  tell({ type: "imported", path });
  registerHooks?.({
    load: (url, context, nextLoad) => {
      if (url.startsWith("file:") && !url.includes("/node_modules/")) {
        tell({ type: "imported", path: fileURLToPath(url) });
      }
      return nextLoad(url, context);
    },
  });
}

type LoadHook = (url: string, context: unknown, nextLoad: (url: string, context: unknown) => unknown) => unknown;
