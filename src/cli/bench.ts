import { connect } from "../client/connect.ts";
import type { ClientOptions } from "../client/connect.ts";
import { SessionError } from "../errors/errors.ts";
import type { WebTransportSession } from "../transport/session/session.ts";

import type { Arguments } from "./arguments.ts";
import { benchProtocol } from "./bench/bench-handler.ts";
import { LiveTable } from "./bench/bench-table.ts";
import type { BenchRow } from "./bench/bench-table.ts";
import type { Outcome } from "./bench/measurement.ts";
import { measurements } from "./bench/measurements.ts";
import { startOwnServer } from "./bench/own-server.ts";
import { clientOptions, clientOptionsOf, connectShown, requireNoClientOptions, urlOf } from "./client-options.ts";
import type { Command, CommandContext } from "./command.ts";
import { interruptedCode } from "./interruption.ts";
import { withProgress } from "./terminal/progress.ts";
import { UsageError } from "./usage-error.ts";

/** Milliseconds beyond its time after which a measurement is given up. */
const patience = 5000;

export const benchCommand: Command = {
  usage: "[URL] [options]",
  description:
    "Measures sessions, round trips, streams, datagrams and throughput, a few seconds each. Upload and download need a server " +
    "of `tswebtransport echo` or `dev`; with any other one that echoes, what comes back is measured. Without a URL it starts a " +
    "server of its own on loopback.",
  positionals: { least: 0, most: 1, name: "URL" },
  options: {
    duration: { type: "string", short: "d", value: "S", help: "seconds of each measurement, 1 to 60 (default 3)" },
    only: {
      type: "string",
      multiple: true,
      value: "NAME",
      help: `only these: ${Object.keys(measurements).join(", ")}`,
    },
    json: { type: "boolean", help: "print the result as JSON" },
    ...clientOptions,
  },
  examples: [
    ["", "what this machine can do"],
    ["https://localhost:4433/echo --hash 3f1c…", "a server"],
    ["example.com/echo --only latency --duration 10 --json", "one figure, for a script"],
  ],
  run,
};

async function run(args: Arguments, context: CommandContext): Promise<number> {
  const duration = (args.integer("duration", { least: 1, most: 60 }) ?? 3) * 1000;
  const only = onlyOf(args);
  const [given] = args.positionals;
  const url = given === undefined ? undefined : urlOf(given);
  if (url === undefined) requireNoClientOptions(args, ["timeout"]);
  const options = await clientOptionsOf(args);
  const own = url === undefined ? await startOwnServer() : undefined;
  const target = {
    url: url ?? urlOf(own?.url ?? ""),
    options: {
      ...options,
      protocols: [...args.list("protocol"), benchProtocol],
      ...(own && { serverCertificateHashes: [{ algorithm: "sha-256", value: own.sha256 }] }),
    },
  };
  try {
    const first = await connectShown(target.url, target.options, context);
    const isBenchServer = first.protocol === benchProtocol;
    await first.close({ abort: true });
    const names = only ?? Object.keys(measurements).filter((name) => isMeasured(name, isBenchServer));
    return await measure(names, target, { duration, isJson: args.flag("json"), context });
  } finally {
    await own?.close();
  }
}

interface Target {
  readonly url: URL;
  readonly options: ClientOptions;
}

function onlyOf(args: Arguments): readonly string[] | undefined {
  // Each once, in the order in which they are named.
  const only = [...new Set(args.list("only").flatMap((text) => text.split(",")))];
  const unknown = only.find((name) => !Object.hasOwn(measurements, name));
  if (unknown !== undefined) {
    throw new UsageError(`--only takes ${Object.keys(measurements).join(", ")}, not "${unknown}"`);
  }
  return only.length === 0 ? undefined : only;
}

/** Both ways at once say little where each can be measured alone. */
function isMeasured(name: string, isBenchServer: boolean): boolean {
  if (name === "up" || name === "down") return isBenchServer;
  return name !== "echo" || !isBenchServer;
}

async function measure(
  names: readonly string[],
  target: Target,
  { duration, isJson, context }: { duration: number; isJson: boolean; context: CommandContext },
): Promise<number> {
  const { terminal, interruption } = context;
  const rows = names.flatMap((name): BenchRow[] => {
    const measurement = measurements[name];
    return measurement === undefined ? [] : [{ measurement }];
  });
  const table = isJson ? undefined : new LiveTable(terminal, () => rows);
  for (const [index, row] of rows.entries()) {
    if (interruption.isInterrupted) break;
    const report = (outcome: Outcome): void => {
      rows[index] = { ...row, outcome, isRunning: true };
    };
    rows[index] = { ...row, isRunning: true };
    const work = (): Promise<BenchRow> => runRow(row, target, { duration, report, context });
    rows[index] =
      table?.isLive === true ? await work() : await withProgress(terminal, `Measuring ${row.measurement.title}`, work);
  }
  table?.end();
  if (isJson) terminal.printJson(jsonOf(target.url, duration, names, rows));
  if (interruption.isInterrupted) return interruptedCode;
  return rows.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

/** Never rejects: what goes wrong is the row's failure. */
async function runRow(
  row: BenchRow,
  { url, options }: Target,
  { duration, report, context }: { duration: number; report: (outcome: Outcome) => void; context: CommandContext },
): Promise<BenchRow> {
  const { signal } = context.interruption;
  const sessions = new Set<WebTransportSession>();
  const limit = setTimeout(() => {
    for (const session of sessions) void session.close({ abort: true });
  }, duration + patience);
  const connectOnce = async (): Promise<WebTransportSession> => {
    const session = await connect(url, { ...options, signal });
    sessions.add(session);
    void session.closed.then(() => sessions.delete(session));
    return session;
  };
  try {
    const outcome = await row.measurement.run({
      connect: connectOnce,
      duration,
      now: () => performance.now(),
      signal,
      report,
    });
    if (outcome.count === 0 && !signal.aborted) return { ...row, failure: "nothing came back: does this route echo?" };
    return { ...row, outcome };
  } catch (error) {
    if (signal.aborted) return row;
    return { ...row, failure: failureOf(error) };
  } finally {
    clearTimeout(limit);
    await Promise.all([...sessions].map((session) => session.close({ abort: true })));
  }
}

function failureOf(error: unknown): string {
  if (error instanceof SessionError) return "no answer: does this route echo?";
  return error instanceof Error ? error.message : String(error);
}

function jsonOf(url: URL, duration: number, names: readonly string[], rows: readonly BenchRow[]): object {
  const results: Record<string, object> = {};
  for (const [index, name] of names.entries()) results[name] = resultOf(rows[index]);
  return { url: url.href, duration, results };
}

function resultOf({ measurement, outcome, failure }: Partial<BenchRow> = {}): object {
  if (outcome === undefined) return { failure: failure ?? "not measured" };
  const { count, seconds, latency, sent } = outcome;
  return {
    unit: measurement?.unit,
    count,
    seconds,
    perSecond: seconds > 0 ? count / seconds : 0,
    ...(sent !== undefined && { sent }),
    ...(latency && { latency }),
  };
}
