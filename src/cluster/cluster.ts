import { availableParallelism } from "node:os";

import { ignore, rejected } from "../async/promises.ts";
import { loggerOf } from "../config/logger.ts";
import type { Logger } from "../config/logger.ts";
import { refused } from "../config/option-table.ts";
import { ServerConfig } from "../config/server-config.ts";
import type { ServerConfigOptions } from "../config/server-config.ts";
import { ConfigurationError, ServerError } from "../errors/errors.ts";
import { TypedEmitter } from "../events/emitter.ts";
import type { WaitForOptions } from "../events/emitter.ts";
import type { ServerCloseOptions, WebTransportServer } from "../server/server.ts";

import { processBus } from "./bus/cluster-bus.ts";
import { BusHub } from "./bus/bus-hub.ts";
import { LocalBus } from "./bus/local-bus.ts";
import type { BusListener } from "./bus/message-bus.ts";
import { checkAddress, checkCloseOptions, checkWorkers } from "./call-checks.ts";
import type { ClusterBackend, ServerAddress } from "./cluster-backend.ts";
import { isClusterEvent } from "./cluster-events.ts";
import type { ClusterEventMap, ClusterEventName } from "./cluster-events.ts";
import { ClusterLife } from "./cluster-life.ts";
import { clusterSettings } from "./cluster-options.ts";
import type { AppModule, ClusterOptions, ClusterSettings } from "./cluster-options.ts";
import type { ClusterInspection } from "./inspection.ts";
import { DeferredBackend } from "./deferred-backend.ts";
import { LocalMembers } from "./local-members.ts";
import { Operations } from "./operations.ts";
import { ClusterSignals } from "./cluster-signals.ts";
import type { ClusterStats } from "./stats/cluster-stats.ts";
import { appModuleUrl } from "./workers/app-module.ts";
import { checkConfigs } from "./workers/check-configs.ts";
import type { ClusterWorker } from "./workers/cluster-worker.ts";

/** Worker processes with `app`, servers of this process without. */
export type MemberOf<App> = App extends undefined ? WebTransportServer : ClusterWorker;

export interface ForEachCoreOptions<App extends AppModule = AppModule> extends ClusterOptions<App> {
  readonly app: App;
  /** 1 to 256. Default: as many as this process may use cores. */
  readonly workers?: number;
}

/** Of any event of a cluster. */
type EventListener = (payload: unknown) => void;

export interface ClusterRunOptions {
  /** Stops the cluster. */
  readonly signal?: AbortSignal;
}

/** No method of the cluster: an application has no use for it. */
export let inspectCluster: (cluster: ServerCluster<AppModule | undefined>) => ClusterInspection;

/**
 * Several servers as one: with `app` each in a process of its own, so that all cores work, and those with the same
 * `bindHost` and `bindPort` behind one UDP port; without it all in this process, on different ports.
 *
 * ```ts
 * const cluster = ServerCluster.forEachCore({ bindPort: 4433, certfile, keyfile }, { app: new URL("./app.js", import.meta.url) });
 * await cluster.run();
 * ```
 */
export class ServerCluster<App extends AppModule | undefined = undefined> {
  readonly #settings: ClusterSettings;
  readonly #logger: Logger;
  readonly #events = new TypedEmitter<ClusterEventMap>();
  readonly #bus: LocalBus;
  readonly #backend: ClusterBackend;
  readonly #operations = new Operations();
  readonly #signals: ClusterSignals;
  #configs: readonly ServerConfig[];
  readonly #life: ClusterLife;
  /** Restarts that wait for their turn: one is enough, whatever was asked for meanwhile. */
  #nextRestart: Promise<void> | undefined;

  static {
    inspectCluster = (cluster) => ({
      ...cluster.#backend.inspect(),
      logger: cluster.#logger,
      isRunning: cluster.#life.isRunning,
      isStopping: cluster.#life.isStopping,
      answerTimeout: cluster.#settings.statsTimeout,
    });
  }

  /** Nothing starts yet. Throws ConfigurationError. */
  constructor(configs: readonly (ServerConfig | ServerConfigOptions)[] = [], options: ClusterOptions<App> = {}) {
    this.#settings = clusterSettings(options);
    if (!Array.isArray(configs)) throw refused("configs", configs, "must be an array of configurations");
    this.#configs = (configs as readonly (ServerConfig | ServerConfigOptions)[]).map((config) =>
      ServerConfig.create(config),
    );
    this.#logger = loggerOf({ ...this.#settings, debug: false });
    // Servers of this process are on the bus of this process.
    this.#bus = this.#settings.app === undefined ? processBus() : new LocalBus();
    this.#backend = this.#makeBackend();
    this.#signals = new ClusterSignals({
      stop: (isForced) => void this.stopAll(isForced ? { timeout: 0 } : {}),
      restart: () => {
        this.restart().catch((error: unknown) => {
          if (this.#life.isStopping) return;
          this.#logger.error({ error }, "the cluster could not be restarted; what ran before runs on");
        });
      },
    });
    this.#life = new ClusterLife({
      start: () => this.#backend.start(this.#configs),
      stop: (closeOptions) => this.#backend.stop(closeOptions),
      idle: () => this.#operations.idle(),
      began: () => {
        if (this.#settings.handleSignals) this.#signals.listen();
      },
      ended: () => {
        if (this.#settings.handleSignals) this.#signals.ignore();
      },
    });
  }

  /** A cluster with `workers` processes that share the configuration's UDP port. Throws ConfigurationError. */
  static forEachCore<App extends AppModule>(
    config: ServerConfig | ServerConfigOptions,
    forEachCoreOptions: ForEachCoreOptions<App>,
  ): ServerCluster<App> {
    // Callers without types may leave them out.
    const given = (forEachCoreOptions as ForEachCoreOptions<App> | undefined) ?? ({} as ForEachCoreOptions<App>);
    const { workers = Math.min(256, availableParallelism()), ...options } = given;
    checkWorkers(workers);
    if ((options.app as unknown) === undefined)
      throw refused("app", undefined, "is needed: the workers are processes of it");
    const shared = ServerConfig.create(config);
    return new ServerCluster<App>(
      Array.from({ length: workers }, () => shared),
      options,
    );
  }

  /** Started and not stopped. */
  get isRunning(): boolean {
    return this.#life.isRunning;
  }

  /**
   * Starts all servers at once. When one cannot start, those that have are stopped, and it rejects with an AggregateError of
   * every cause. Running already: nothing happens.
   */
  startAll(): Promise<void> {
    return this.#life.start().started;
  }

  /**
   * Stops all servers at once: each drains and closes as `WebTransportServer.close` does. What fails on the way is logged
   * only. Not running: nothing happens. Another call with `timeout: 0` ends the waiting. `startAll` works again afterwards.
   */
  stopAll(options: ServerCloseOptions = {}): Promise<void> {
    try {
      checkCloseOptions(options);
    } catch (error) {
      return rejected(error);
    }
    return this.#life.stop(options);
  }

  /**
   * Starts all and resolves when the cluster was stopped: by `stopAll`, the signal, SIGTERM or SIGINT (a second one ends the
   * waiting); SIGHUP restarts the workers. Rejects as `startAll`, and with ServerError when a worker was given up: everything
   * is stopped then, so that whoever supervises this process starts it anew.
   */
  async run({ signal }: ClusterRunOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    let failure: ServerError | undefined;
    const onFailed = ({ error }: { readonly error: ServerError }): void => {
      failure ??= error;
      void this.stopAll();
    };
    const onAbort = (): void => void this.stopAll();
    this.#signals.listen();
    this.#events.on("failed", onFailed);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const run = this.#life.start();
      await run.started.catch((error: unknown) => {
        // Stopping during the start is not an error.
        if (!run.isCancelled) throw error;
      });
      await run.ended;
    } finally {
      this.#signals.ignore();
      this.#events.off("failed", onFailed);
      signal?.removeEventListener("abort", onAbort);
    }
    if (failure !== undefined) throw failure;
  }

  /**
   * Starts another server and returns it, after a start that is under way. While the cluster does not run, the configuration is kept for the next start
   * instead. Rejects when the server cannot start. Throws ConfigurationError.
   */
  async addServer(config: ServerConfig | ServerConfigOptions): Promise<MemberOf<App> | undefined> {
    const created = ServerConfig.create(config);
    // That start has its configurations already.
    if (this.#life.starting !== undefined) await this.#life.starting.catch(ignore);
    if (!this.#life.isRunning) {
      this.#check([...this.#configs, created]);
      this.#configs = [...this.#configs, created];
      return undefined;
    }
    return this.#operations.run(async () => {
      this.#assertRunning("add a server");
      return (await this.#backend.add(created)) as MemberOf<App>;
    });
  }

  /** Closes whatever listens at this address, as bound ("127.0.0.1", not "localhost"), and tells whether something did. */
  async removeServer(address: ServerAddress): Promise<boolean> {
    checkAddress(address);
    return this.#operations.run(async () => this.#life.isRunning && (await this.#backend.remove(address)));
  }

  /** In the order of their start. */
  getServers(): readonly MemberOf<App>[] {
    return this.#backend.members as readonly MemberOf<App>[];
  }

  getServerCount(): number {
    return this.#backend.members.length;
  }

  /** The sums of all servers, and each by itself. Waits no longer than `statsTimeout` for any of them. */
  async getClusterStats(): Promise<ClusterStats> {
    return { ...(await this.#backend.stats()), bus: this.#bus.getStats() };
  }

  /**
   * Replaces the worker processes, one after the other: a new one takes the new connections over when it is ready, the one
   * before keeps its sessions until they end or `drainTimeout` has passed. Resolves when all have been replaced; those before
   * may still drain. Rejects, and leaves the workers that are not replaced yet, when a new one cannot be started.
   */
  restart(): Promise<void> {
    this.#nextRestart ??= this.#operations.run(async () => {
      this.#nextRestart = undefined;
      this.#assertRunning("restart");
      await this.#backend.restart();
    });
    return this.#nextRestart;
  }

  /**
   * Starts more workers, or takes the newest ones out, whose sessions end as those of a restart do. `address` names the UDP
   * port where the cluster has several. Resolves when so many take new connections. Throws ConfigurationError.
   */
  async scale(workers: number, address?: ServerAddress): Promise<void> {
    checkWorkers(workers);
    if (address !== undefined) checkAddress(address);
    await this.#operations.run(async () => {
      this.#assertRunning("scale");
      await this.#backend.scale(workers, address);
    });
  }

  /**
   * Sends to every listener of the channel in every worker and in this process. Throws TypeError for what cannot be cloned,
   * RangeError for a message of more than 4 MiB, ConfigurationError for the name of one of the cluster's events.
   */
  broadcast(channel: string, data: unknown): void {
    if (isClusterEvent(channel)) {
      throw new ConfigurationError(`Cannot broadcast on "${channel}": it is an event of the cluster`, {
        configKey: "channel",
        configValue: channel,
      });
    }
    this.#bus.broadcast(channel, data);
  }

  /** Listens to an event of the cluster, or to a channel of the bus. */
  on<Name extends ClusterEventName>(event: Name, listener: (payload: ClusterEventMap[Name]) => unknown): this;
  on<Data = unknown>(channel: string, listener: BusListener<Data>): this;
  on(name: string, listener: (...args: never[]) => unknown): this {
    if (isClusterEvent(name)) this.#events.on(name, listener as EventListener);
    else this.#bus.on(name, listener as BusListener<never>);
    return this;
  }

  off<Name extends ClusterEventName>(event: Name, listener: (payload: ClusterEventMap[Name]) => unknown): this;
  off<Data = unknown>(channel: string, listener: BusListener<Data>): this;
  off(name: string, listener: (...args: never[]) => unknown): this {
    if (isClusterEvent(name)) this.#events.off(name, listener as EventListener);
    else this.#bus.off(name, listener as BusListener<never>);
    return this;
  }

  /** The next such event of the cluster. Rejects with TimeoutError or the signal's reason. */
  waitFor<Name extends ClusterEventName>(
    event: Name,
    options: WaitForOptions<ClusterEventMap[Name]> = {},
  ): Promise<ClusterEventMap[Name]> {
    return this.#events.waitFor(event, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAll();
  }

  #makeBackend(): ClusterBackend {
    const { app, execArgv } = this.#settings;
    if (app === undefined) return new LocalMembers(this.#logger);
    this.#check(this.#configs);
    const [url, hub] = [appModuleUrl(app, execArgv), new BusHub(this.#bus)];
    return new DeferredBackend(async () => {
      const { WorkerCluster } = await import("./workers/worker-cluster.ts");
      return new WorkerCluster({
        settings: this.#settings,
        app: url,
        logger: this.#logger,
        events: this.#events,
        bus: hub,
        enqueue: (call) => {
          this.#operations.run(call).catch((error: unknown) => {
            // Everything ends then, that worker, too.
            if (this.#life.isStopping) return;
            this.#logger.error({ error }, "a worker that was told to end could not be replaced");
          });
        },
      });
    });
  }

  #check(configs: readonly ServerConfig[]): void {
    if (this.#settings.app !== undefined) checkConfigs(configs, this.#settings.slots);
  }

  #assertRunning(what: string): void {
    if (!this.#life.isRunning || this.#life.isStopping)
      throw new ServerError(`Cannot ${what}: the cluster does not run`);
  }
}
