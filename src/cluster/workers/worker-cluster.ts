import { ConfigurationError, ServerError } from "../../errors/errors.ts";
import { refused } from "../../config/option-table.ts";
import type { ServerConfig } from "../../config/server-config.ts";
import type { ServerCloseOptions } from "../../server/server.ts";

import type { ClusterBackend, ServerAddress } from "../cluster-backend.ts";
import type { BackendInspection, InspectedProcess } from "../inspection.ts";
import type { ClusterStats, WorkerStats } from "../stats/cluster-stats.ts";
import { clusterStats } from "../stats/gather-stats.ts";
import { checkPorts, slotsFor } from "./check-configs.ts";
import { ClusterContext } from "./cluster-context.ts";
import type { ContextParts } from "./cluster-context.ts";
import type { ClusterWorker } from "./cluster-worker.ts";
import { crossingConfig } from "./config-crossing.ts";
import { WorkerGroup } from "./worker-group.ts";
import type { WorkerProcess } from "./worker-process.ts";
import { requireWorkerProgram } from "./worker-program.ts";

export interface WorkerClusterOptions extends ContextParts {
  /** Runs a call when those before it have ended. */
  readonly enqueue: (call: () => Promise<void>) => void;
}

/** Servers in processes of their own: a group of workers for each UDP port. */
export class WorkerCluster implements ClusterBackend {
  readonly #options: WorkerClusterOptions;
  #context: ClusterContext | undefined;
  #groups: readonly WorkerGroup[] = [];
  /** Taken out, but they still close: a stop waits for them, too. */
  readonly #leaving = new Set<WorkerGroup>();
  #rotation: NodeJS.Timeout | undefined;
  #workerCount = 0;
  #isStopped = true;

  constructor(options: WorkerClusterOptions) {
    this.#options = options;
  }

  get members(): readonly ClusterWorker[] {
    return this.#groups.flatMap(({ workers }) => workers);
  }

  async start(configs: readonly ServerConfig[]): Promise<void> {
    this.#isStopped = false;
    const shares = sharesOf(configs);
    try {
      this.#context = newContext(this.#options);
      const results = await Promise.allSettled(shares.map((share) => this.#startGroup(share)));
      const causes = results.flatMap((result) => (result.status === "rejected" ? causesOf(result.reason) : []));
      if (causes.length > 0) {
        throw new AggregateError(causes, `${causes.length} of ${configs.length} servers could not start`);
      }
      this.#assertRunning();
    } catch (error) {
      await this.#close({ timeout: 0 });
      throw error;
    }
    for (const group of this.#groups) group.changed();
    this.#rotation = setInterval(() => {
      for (const group of this.#groups) group.rotateKeys();
      this.#options.events.publish("keys_rotated", { timestamp: Date.now() });
    }, this.#context.settings.keyRotationInterval);
    this.#rotation.unref();
  }

  async stop(options: ServerCloseOptions): Promise<void> {
    this.#isStopped = true;
    await this.#close(options);
  }

  async add(config: ServerConfig): Promise<ClusterWorker> {
    crossingConfig(config);
    const { bindHost, bindPort } = config.values;
    const known = this.#groups.find(({ host, port }) => host === bindHost && port === bindPort);
    if (known === undefined) {
      checkPorts([...this.members.map((member) => member.config), config]);
      const group = await this.#startGroup({ host: bindHost, port: bindPort, configs: [config] });
      group.changed();
      return group.workers[0] ?? this.#gone();
    }
    checkSlots(known, known.workers.length + 1);
    const worker = await known.start(config).catch(async (error: unknown) => {
      // The others were closed meanwhile: nobody needs the port any more.
      if (known.workers.length === 0) await this.#closeGroup(known);
      throw error;
    });
    this.#assertRunning();
    known.changed();
    return worker;
  }

  async remove({ host, port }: ServerAddress): Promise<boolean> {
    const group = this.#at({ host, port });
    if (group === undefined) return false;
    await this.#closeGroup(group);
    return true;
  }

  async restart(): Promise<void> {
    for (const worker of this.members) {
      this.#assertRunning();
      await this.#replace(worker);
    }
  }

  /** One that is closed meanwhile needs no successor. */
  async #replace(worker: ClusterWorker): Promise<void> {
    if (!this.members.includes(worker)) return;
    try {
      await worker.replace();
    } catch (error) {
      this.#assertRunning();
      if (this.members.includes(worker)) throw error;
    }
  }

  async scale(workers: number, address: ServerAddress | undefined): Promise<void> {
    const group = this.#groupFor(address);
    checkSlots(group, workers);
    const { config } = group.workers.at(-1) ?? this.#gone();
    if (workers < group.workers.length) await group.shrink(workers);
    const starts = Array.from({ length: workers - group.workers.length }, () => group.start(config));
    const results = await Promise.allSettled(starts);
    this.#assertRunning();
    group.changed();
    const causes = results.filter((result) => result.status === "rejected").map(({ reason }): unknown => reason);
    if (causes.length > 0)
      throw new AggregateError(causes, `${causes.length} of ${starts.length} workers could not start`);
  }

  async stats(): Promise<Omit<ClusterStats, "bus">> {
    const workers = this.#groups.flatMap(({ allWorkers }) => allWorkers);
    const answers = await Promise.all(workers.flatMap((worker) => this.#statsOf(worker)));
    return clusterStats({
      serverCount: this.members.length,
      workers: answers,
      past: this.#context?.past ?? [],
      restarts: this.#context?.restarts ?? 0,
    });
  }

  inspect(): BackendInspection {
    const workers = this.#groups.flatMap(({ allWorkers }) => allWorkers);
    return { servers: undefined, processes: workers.flatMap((worker) => this.#inspected(worker)) };
  }

  async #startGroup({ host, port, configs }: Share): Promise<WorkerGroup> {
    requireWorkerProgram();
    const context = this.#context ?? this.#gone();
    const group = new WorkerGroup({
      context,
      host,
      port,
      slots: context.settings.slots ?? slotsFor(configs.length),
      nextId: () => {
        this.#workerCount += 1;
        return this.#workerCount;
      },
      leaving: (process) => {
        this.#options.enqueue(async () => {
          // One that drains leaves already, and one that starts is not needed yet.
          const worker = this.members.find(({ current }) => current === process);
          if (worker !== undefined) await this.#replace(worker);
        });
      },
      emptied: (empty) => this.#closeGroup(empty),
    });
    await group.open(configs.length);
    this.#groups = [...this.#groups, group];
    if (this.#isStopped) await group.close({ timeout: 0 });
    const results = await Promise.allSettled(configs.map((config) => group.start(config)));
    const causes = results.filter((result) => result.status === "rejected").map(({ reason }): unknown => reason);
    if (causes.length === 0) return group;
    this.#groups = this.#groups.filter((other) => other !== group);
    await group.close({ timeout: 0 });
    throw causes.length === 1 && configs.length === 1 ? causes[0] : new AggregateError(causes);
  }

  async #closeGroup(group: WorkerGroup, options: ServerCloseOptions = {}): Promise<void> {
    this.#groups = this.#groups.filter((other) => other !== group);
    this.#leaving.add(group);
    try {
      await group.close(options);
    } finally {
      this.#leaving.delete(group);
    }
  }

  async #close(options: ServerCloseOptions): Promise<void> {
    clearInterval(this.#rotation);
    const groups = [...this.#groups, ...this.#leaving];
    const results = await Promise.allSettled(groups.map((group) => group.close(options)));
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      const error: unknown = result.reason;
      this.#options.logger.error({ error }, "workers could not be stopped");
    }
    this.#groups = this.#groups.filter((group) => !groups.includes(group));
    await this.#context?.close();
  }

  #at({ host, port }: ServerAddress): WorkerGroup | undefined {
    return this.#groups.find(({ localAddress }) => localAddress?.host === host && localAddress.port === port);
  }

  #groupFor(address: ServerAddress | undefined): WorkerGroup {
    if (address !== undefined) {
      const group = this.#at(address);
      if (group === undefined) throw refused("address", address, "is none of the cluster's");
      return group;
    }
    const [group, other] = this.#groups;
    if (group === undefined) throw new ServerError("Cannot scale a cluster without servers: add one first");
    if (other !== undefined) {
      throw new ConfigurationError("Cannot scale: the cluster has several UDP ports; give the address of one");
    }
    return group;
  }

  #assertRunning(): void {
    if (this.#isStopped) throw new ServerError("The cluster was stopped meanwhile");
  }

  #gone(): never {
    throw new ServerError("The cluster was stopped meanwhile");
  }

  /** One for each of its processes; a worker that has none is told, too, unless it was taken out. */
  #statsOf(worker: ClusterWorker): Promise<WorkerStats>[] {
    const stats = processesOf(worker).map((process) => this.#statsOfProcess(worker, process));
    if (this.#isWithoutProcess(worker)) stats.unshift(Promise.resolve(withoutProcess(worker)));
    return stats;
  }

  #inspected(worker: ClusterWorker): InspectedProcess[] {
    const { id, slot, state, restarts, localAddress } = worker;
    const ofWorker = { id, port: localAddress?.port, restarts };
    const inspected = processesOf(worker).map((process): InspectedProcess => ({
      ...ofWorker,
      slot: process.slot,
      pid: process.pid,
      state: process === worker.current ? "active" : "draining",
      isHung: process.isHung,
      call: (call, timeout) => process.call(call, timeout),
    }));
    if (this.#isWithoutProcess(worker)) {
      inspected.unshift({ ...ofWorker, slot, pid: undefined, state, isHung: false, call: undefined });
    }
    return inspected;
  }

  /** One that was taken out is meant to have none. */
  #isWithoutProcess(worker: ClusterWorker): boolean {
    return worker.current === undefined && this.members.includes(worker);
  }

  async #statsOfProcess(worker: ClusterWorker, process: WorkerProcess): Promise<WorkerStats> {
    const timeout = this.#options.settings.statsTimeout;
    // Of the same moment as the others': they may have changed when the last worker has answered.
    const share = process === worker.current ? worker.share : 0;
    // A process that hangs is not asked: what it does not read would pile up.
    const stats = process.isHung ? undefined : await process.ask("stats", timeout).catch(() => undefined);
    return {
      ...withoutProcess(worker),
      pid: process.pid,
      slot: process.slot,
      state: process === worker.current ? "active" : "draining",
      isHung: process.isHung,
      share,
      address: process.address,
      age: process.age,
      stats,
      eventLoop: process.lastPong?.eventLoop,
      memory: process.lastPong?.memory,
      forwarding: process.lastPong?.forwarding,
      bus: process.lastPong?.bus,
    };
  }
}

/** Throws AggregateError. */
function newContext(parts: ContextParts): ClusterContext {
  try {
    return new ClusterContext(parts);
  } catch (error) {
    throw new AggregateError([error], "the cluster could not start", { cause: error });
  }
}

/** That which takes new connections first. */
function processesOf({ current, draining }: ClusterWorker): readonly WorkerProcess[] {
  return current === undefined ? draining : [current, ...draining];
}

/** The workers of one UDP port. */
interface Share extends ServerAddress {
  readonly configs: readonly ServerConfig[];
}

/** Configurations with the same host and port share one UDP port, port 0 included. */
function sharesOf(configs: readonly ServerConfig[]): Share[] {
  const shares = new Map<string, Share & { readonly configs: ServerConfig[] }>();
  for (const config of configs) {
    const { bindHost: host, bindPort: port } = config.values;
    const key = `${port} ${host}`;
    const share = shares.get(key) ?? { host, port, configs: [] };
    share.configs.push(config);
    shares.set(key, share);
  }
  return [...shares.values()];
}

function causesOf(reason: unknown): unknown[] {
  return reason instanceof AggregateError ? (reason.errors as unknown[]) : [reason];
}

function checkSlots(group: WorkerGroup, workers: number): void {
  if (workers <= group.slots.count) return;
  throw refused(
    "workers",
    workers,
    `must be at most ${group.slots.count}, the number of slots: give the option \`slots\``,
  );
}

function withoutProcess(worker: ClusterWorker): WorkerStats {
  return {
    id: worker.id,
    pid: undefined,
    slot: worker.slot,
    state: worker.state,
    isHung: false,
    share: 0,
    address: worker.localAddress,
    age: 0,
    restarts: worker.restarts,
    stats: undefined,
    eventLoop: undefined,
    memory: undefined,
    forwarding: undefined,
    bus: undefined,
  };
}
