import { consoleLogger, LogLevel } from "../config/logger.ts";
import type { Logger } from "../config/logger.ts";
import { functionOrObject, listOf, optional, text } from "../config/option-checks.ts";
import type { Check } from "../config/option-checks.ts";
import { choiceOption, flagOption, numberOption, OptionTable } from "../config/option-table.ts";
import type { Option } from "../config/option-table.ts";
import { clusterDefaults as defaults } from "./defaults.ts";

/** Where the application's module is: a URL, or a path from the working directory. */
export type AppModule = string | URL;

/** Durations in milliseconds. All but `logger`, `logLevel`, `statsTimeout` and `handleSignals` need `app`. */
export interface ClusterOptions<App extends AppModule | undefined = AppModule | undefined> {
  /**
   * The module whose default export is a ServerApp, or a function that makes one of a ServerConfig: each server runs in a
   * process of its own. Without it the servers run in this process, and `incomingSessions()` of each gives their sessions.
   */
  readonly app?: App;
  /**
   * How a packet reaches the worker that has its connection. "bpf": a filter in Linux's kernel chooses. "forward": the
   * worker that receives it hands it on. Default: "bpf" on Linux, "forward" elsewhere.
   */
  readonly steering?: "bpf" | "forward";
  /**
   * Places for worker processes on each UDP port, 1 to 256: workers, and those that are replaced while they still drain.
   * Default: twice the workers, and at least two more.
   */
  readonly slots?: number;
  /** How long a process may take until its server listens, 1 to 3600000. Default 30000. */
  readonly startTimeout?: number;
  /** How long sessions of a replaced worker may go on before it drains. Default 60000. */
  readonly drainTimeout?: number;
  /** How long sessions have to end once a server drains, and those of a cluster whose process is gone. Default 5000. */
  readonly closeTimeout?: number;
  /** How long a process has to end after `closeTimeout` until it is killed: the app's hooks run meanwhile. Default 10000. */
  readonly exitTimeout?: number;
  /** How long a worker's event loop may be silent before it counts as hung; 0: no matter how long. Default 10000. */
  readonly hangTimeout?: number;
  /** Kill and replace a hung worker. Default false: it is told in the log, the stats and by `worker_hung`. */
  readonly replaceHung?: boolean;
  /** Wait before a worker is replaced that crashes again; the first is replaced at once. Doubles each time. Default 250. */
  readonly restartDelay?: number;
  /** The longest such wait. Default 30000. */
  readonly maxRestartDelay?: number;
  /** A worker that crashes so many times in a row, each time within `stableAge`, is given up; 1 to 1000. Default 5. */
  readonly maxCrashes?: number;
  /** A process that has lived so long counts as healthy. Default 10000. */
  readonly stableAge?: number;
  /** How long `getClusterStats()` waits for a worker. Default 1000. */
  readonly statsTimeout?: number;
  /** After so long new tokens, TLS tickets and connection IDs get new keys; those before stay good once more. Default 12 hours. */
  readonly keyRotationInterval?: number;
  /** Bytes of messages of the bus that may wait for one worker, 65536 to 2^30; what is more is dropped. Default 16 MiB. */
  readonly busQueueSize?: number;
  /** SIGTERM and SIGINT stop the cluster (a second one at once), SIGHUP restarts it, while it runs. Default false. */
  readonly handleSignals?: boolean;
  /** Node's own options of the worker processes. Default: this process's. */
  readonly execArgv?: readonly string[];
  /** Environment of the worker processes. Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Gets what the cluster itself has to tell; the servers log by their own configuration. Default: lines on standard error. */
  readonly logger?: Logger;
  /** Default "info". */
  readonly logLevel?: LogLevel;
}

type WithoutDefault = "app" | "slots" | "steering" | "execArgv" | "env";

export type ClusterSettings = Required<Omit<ClusterOptions, WithoutDefault>> & {
  readonly [Name in WithoutDefault]: ClusterOptions[Name] | undefined;
};

const longest = 2 ** 31 - 1;

const isModule: Check = (value) =>
  value instanceof URL || (typeof value === "string" && value !== "") ? undefined : "must be a URL or a path";

const anObject: Check = (value) => (typeof value === "object" && value !== null ? undefined : "must be an object");

const optionalNumber = (minimum: number, maximum: number): Option => {
  const { check } = numberOption(minimum, minimum, maximum);
  return { initial: undefined, check: optional(check) };
};

const table = new OptionTable<ClusterOptions>("ServerCluster", {
  app: { initial: undefined, check: optional(isModule) },
  steering: { initial: undefined, check: optional(choiceOption("bpf", "bpf", "forward").check) },
  slots: optionalNumber(1, 256),
  startTimeout: numberOption(defaults.startTimeout, 1, 3_600_000),
  drainTimeout: numberOption(defaults.drainTimeout, 0, longest),
  closeTimeout: numberOption(defaults.closeTimeout, 0, longest),
  exitTimeout: numberOption(defaults.exitTimeout, 0, longest),
  hangTimeout: numberOption(defaults.hangTimeout, 0, longest),
  replaceHung: flagOption(false),
  restartDelay: numberOption(defaults.restartDelay, 0, longest),
  maxRestartDelay: numberOption(defaults.maxRestartDelay, 0, longest),
  maxCrashes: numberOption(defaults.maxCrashes, 1, 1000),
  stableAge: numberOption(defaults.stableAge, 0, longest),
  statsTimeout: numberOption(defaults.statsTimeout, 1, longest),
  keyRotationInterval: numberOption(defaults.keyRotationInterval, 1000, longest),
  busQueueSize: numberOption(defaults.busQueueSize, 65_536, 2 ** 30),
  handleSignals: flagOption(false),
  execArgv: { initial: undefined, check: optional(listOf(text)) },
  env: { initial: undefined, check: optional(anObject), secret: true },
  logger: { initial: consoleLogger, check: functionOrObject, live: true },
  logLevel: choiceOption("info", ...Object.values(LogLevel)),
});

/** Every option with its value or default. Throws ConfigurationError naming option, value and what is allowed. */
export function clusterSettings(options: ClusterOptions): ClusterSettings {
  return Object.freeze(table.complete(options)) as unknown as ClusterSettings;
}
