import { rm } from "node:fs/promises";

import { ignore } from "../../async/promises.ts";
import { ServerError } from "../../errors/errors.ts";
import type { ServerConfig } from "../../config/server-config.ts";
import { bindAddresses } from "../../server/binding/bind-addresses.ts";
import { explainListenError } from "../../server/binding/bind-errors.ts";
import type { ServerCloseOptions } from "../../server/server.ts";
import type { Address } from "../../transport/types.ts";
import { checkCloseOptions } from "../call-checks.ts";
import { Caretaker } from "./caretaker.ts";
import { bindGroups } from "./bind-groups.ts";
import type { BoundGroup } from "./bind-groups.ts";
import type { ClusterContext } from "./cluster-context.ts";
import { ClusterWorker } from "./cluster-worker.ts";
import { crossingConfig } from "./config-crossing.ts";
import { inheritedArguments } from "./inherited-arguments.ts";
import { KeyRing } from "./key-ring.ts";
import { LoadBalance } from "./load-balance.ts";
import type { Neighbours, Spread } from "./messages.ts";
import { allParts, evenShares } from "./shares.ts";
import type { WorkerLoad } from "./shares.ts";
import { SlotTable } from "./slot-table.ts";
import type { WorkerHome, WorkerIdentity } from "./worker-home.ts";
import { WorkerProcess } from "./worker-process.ts";
import type { WorkerExit } from "./worker-process.ts";

export interface WorkerGroupOptions {
  readonly context: ClusterContext;
  readonly host: string;
  readonly port: number;
  readonly slots: number;
  /** Numbers the cluster's workers. */
  readonly nextId: () => number;
  /** A signal has told the worker's process to end. */
  readonly leaving: (process: WorkerProcess) => void;
  /** The last worker was taken out: closes the group. */
  readonly emptied: (group: WorkerGroup) => Promise<void>;
}

/** The workers of one UDP port: its sockets, which stay open from the start to the stop, its slots, and who is in them. */
export class WorkerGroup implements WorkerHome {
  readonly context: ClusterContext;
  readonly host: string;
  /** As configured: 0 stands for the port that was picked. */
  readonly port: number;
  readonly slots: SlotTable;
  readonly #mode: "bpf" | "shared";
  readonly #options: WorkerGroupOptions;
  readonly #keys = new KeyRing();
  readonly #processes = new Set<WorkerProcess>();
  readonly #balance: LoadBalance;
  /** Slots that take new connections, as it was told last. */
  #active: readonly number[] = [];
  /** Their order is that of their shares of new connections: a successor has its predecessor's place. */
  #workers: readonly ClusterWorker[] = [];
  /** Taken out, but their processes still drain. */
  readonly #leaving = new Set<ClusterWorker>();
  #sockets: readonly BoundGroup[] = [];
  /** By slot: they answer for processes that have crashed. */
  readonly #caretakers = new Map<number, Promise<Caretaker | undefined>>();
  #isClosed = false;

  constructor(options: WorkerGroupOptions) {
    this.context = options.context;
    this.host = options.host;
    this.port = options.port;
    this.slots = new SlotTable(options.slots);
    this.#options = options;
    this.#mode = steeringOf(options.context) === "bpf" ? "bpf" : "shared";
    this.#balance = new LoadBalance({
      loads: () => this.#loads(),
      changed: () => {
        this.#spreadAnew();
      },
    });
  }

  get workers(): readonly ClusterWorker[] {
    return this.#workers;
  }

  get allWorkers(): readonly ClusterWorker[] {
    return [...this.#workers, ...this.#leaving];
  }

  get localAddress(): Address | undefined {
    return this.#sockets[0]?.group.localAddress;
  }

  /** Binds the sockets for so many workers. Rejects with ServerError. */
  async open(workers: number): Promise<void> {
    const { host, port } = this;
    try {
      this.#sockets = await bindGroups(await bindAddresses(host), { port, slots: this.slots.count, mode: this.#mode });
    } catch (error) {
      throw explainListenError(error, host, port);
    }
    // What comes before the workers are ready waits for them in their sockets.
    this.#steer({ active: [...Array.from({ length: workers }).keys()], shares: evenShares(workers) });
  }

  /** Adds a worker and starts its process; it gets new connections after {@link WorkerGroup.changed}. Rejects with ServerError. */
  async start(config: ServerConfig): Promise<ClusterWorker> {
    const worker = new ClusterWorker(this.#options.nextId(), config, this);
    this.#workers = [...this.#workers, worker];
    try {
      await worker.start();
      return worker;
    } catch (error) {
      this.#workers = this.#workers.filter((other) => other !== worker);
      throw error;
    }
  }

  async remove(id: number, options: ServerCloseOptions): Promise<void> {
    checkCloseOptions(options);
    const worker = this.allWorkers.find((candidate) => candidate.id === id);
    if (worker === undefined) return;
    const { timeout = this.context.settings.closeTimeout, code = 0, reason = "" } = options;
    this.#takeOut(worker);
    this.changed();
    const othersServe = this.#workers.length > 0;
    await worker.stop({ type: "stop", othersServe, timeout, code, reason });
    this.#leaving.delete(worker);
    if (this.#isClosed || this.#workers.length > 0) return;
    await this.#options.emptied(this);
  }

  /** Takes the newest workers out until `count` are left; their processes end with their sessions. */
  async shrink(count: number): Promise<void> {
    const retired = this.#workers.slice(count);
    for (const worker of retired) this.#takeOut(worker);
    await Promise.all(retired.map((worker) => worker.retire()));
    for (const worker of retired) void worker.ended().then(() => this.#leaving.delete(worker));
  }

  /** Ends all processes, then closes the sockets. */
  async close(options: ServerCloseOptions): Promise<void> {
    const { timeout = this.context.settings.closeTimeout, code = 0, reason = "" } = options;
    this.#isClosed = true;
    this.#balance.stop();
    const message = { type: "stop", othersServe: false, timeout, code, reason } as const;
    await Promise.all(this.allWorkers.map((worker) => worker.stop(message)));
    this.#workers = [];
    this.#leaving.clear();
    await Promise.all([...this.#caretakers.keys()].map((slot) => this.handOver(slot)));
    for (const { group } of this.#sockets) group.close();
    this.#sockets = [];
  }

  /** New tokens, tickets and connection IDs get new keys. */
  rotateKeys(): void {
    const keys = this.#keys.rotate();
    for (const process of this.#processes) process.send({ type: "keys", keys });
    for (const caretaker of this.#caretakers.values()) void caretaker.then((opened) => opened?.updateKeys(keys));
  }

  changed(): void {
    if (this.#isClosed) return;
    const neighbours = this.#neighbours();
    this.#active = neighbours.active;
    this.#balance.setWorkers(neighbours.active.length);
    this.#steer(neighbours);
    for (const process of this.#processes) process.send({ type: "neighbours", neighbours });
    // First packets of connections wait in these slots now, and must not be read by anybody but the next process.
    for (const slot of neighbours.active) void this.handOver(slot);
  }

  shareOf(slot: number): number {
    const share = this.#balance.sharesFor(this.#active.length)[this.#active.indexOf(slot)];
    return (share ?? 0) / allParts;
  }

  async handOver(slot: number): Promise<void> {
    const caretaker = this.#caretakers.get(slot);
    this.#caretakers.delete(slot);
    await (await caretaker)?.close();
  }

  spawn(worker: WorkerIdentity, slot: number): WorkerProcess {
    const { context } = this;
    const { startTimeout, hangTimeout, replaceHung, busQueueSize, closeTimeout, exitTimeout, execArgv, env } =
      context.settings;
    const address = this.localAddress;
    if (address === undefined) throw new ServerError("The cluster was stopped");
    const about = (): { id: number; pid: number | undefined; slot: number; timestamp: number } => ({
      id: worker.id,
      pid: process.pid,
      slot,
      timestamp: Date.now(),
    });
    const process = new WorkerProcess({
      start: {
        type: "start",
        app: context.app,
        config: crossingConfig(worker.config),
        host: this.host,
        port: address.port,
        sockets: this.#sockets.map(({ host, group }) => ({ host, descriptor: group.descriptors[slot] ?? -1 })),
        id: worker.id,
        slot,
        slots: this.slots.count,
        newConnections: this.#mode === "bpf" ? "anyone" : "hash",
        neighbours: this.#neighbours(),
        keys: this.#keys.generations,
        relayPath: context.newRelayPath(),
        busLimit: busQueueSize,
        closeTimeout,
        exitTimeout,
      },
      startTimeout,
      hangTimeout,
      execArgv: execArgv ?? inheritedArguments(),
      env: env ?? globalThis.process.env,
      listener: {
        arrived: (connections) => {
          this.#balance.arrived(connections);
        },
        bus: (envelope) => {
          context.bus.receive(process, String(worker.id), envelope);
        },
        busOverflow: (at) => {
          context.logger.warn({ worker: worker.id, at }, "messages of the bus are dropped: a process is too slow");
          context.events.publish("bus_overflow", { ...about(), at });
        },
        hung: (silence) => {
          const fields = { worker: worker.id, pid: process.pid, silence: Math.round(silence) };
          context.logger.warn(fields, `a worker's event loop hangs${replaceHung ? ": it is killed and replaced" : ""}`);
          context.events.publish("worker_hung", { ...about(), silence });
          if (replaceHung) process.kill();
        },
        recovered: () => {
          context.logger.info({ worker: worker.id, pid: process.pid }, "a worker that hung answers again");
          context.events.publish("worker_recovered", about());
        },
        leaving: () => {
          this.#options.leaving(process);
        },
      },
    });
    this.#processes.add(process);
    context.bus.add(process);
    void process.exited.then(() => {
      this.#processes.delete(process);
      context.bus.remove(process);
      // A process that was killed has left its socket.
      rm(process.relayPath, { force: true }).catch(ignore);
    });
    return process;
  }

  tellReady(worker: WorkerIdentity, process: WorkerProcess): void {
    const { logger, events } = this.context;
    const { pid, slot, address } = process;
    if (address === undefined) return;
    logger.info({ worker: worker.id, pid, slot, startTime: Math.round(process.age) }, "a worker is ready");
    events.publish("worker_ready", { id: worker.id, pid, slot, address, timestamp: Date.now() });
  }

  tellExited(worker: WorkerIdentity, process: WorkerProcess, exit: WorkerExit): void {
    const { logger, events } = this.context;
    const { code, signal, wasAsked, hasClosed } = exit;
    const age = Math.round(exit.age);
    this.context.remember(process.lastStats);
    const fields = { worker: worker.id, pid: process.pid, slot: process.slot, code, signal, age };
    logger[wasAsked ? "info" : "error"](fields, wasAsked ? "a worker has ended" : "a worker has crashed");
    const about = { id: worker.id, pid: process.pid, slot: process.slot, timestamp: Date.now() };
    events.publish("worker_exited", { ...about, code, signal, age, wasAsked });
    // Its clients do not know of its end yet: so is it also with one that was killed while it drained.
    if (!hasClosed) this.careFor(process.slot);
  }

  tellFailed(worker: WorkerIdentity, error: ServerError): void {
    this.context.logger.error({ worker: worker.id, error }, "a worker is given up");
    this.context.events.publish("failed", { id: worker.id, error, timestamp: Date.now() });
  }

  /** In the mode "shared" every other worker reads the packets, and answers for a slot that nobody is in. */
  careFor(slot: number): void {
    const { active } = this.#neighbours();
    if (this.#mode === "shared" || this.#isClosed || active.includes(slot) || this.#caretakers.has(slot)) return;
    const options = { slot, slots: this.slots.count, sockets: this.#sockets, active, keys: this.#keys.generations };
    const opening = Caretaker.open(options).catch((error: unknown) => {
      this.context.logger.warn({ error, slot }, "clients of a crashed worker are told only by its replacement");
      return undefined;
    });
    this.#caretakers.set(slot, opening);
  }

  #takeOut(worker: ClusterWorker): void {
    if (!this.#workers.includes(worker)) return;
    this.#workers = this.#workers.filter((other) => other !== worker);
    this.#leaving.add(worker);
  }

  #neighbours(): Neighbours {
    const running = this.#workers.filter((worker) => worker.current !== undefined);
    // While no process takes new connections, their first packets wait for the replacements.
    const serving = running.length > 0 ? running : this.#workers;
    const active = serving.map((worker) => worker.slot).filter((slot) => slot !== undefined);
    return {
      active,
      shares: this.#balance.sharesFor(active.length),
      relays: this.#live().map((process) => [process.slot, process.relayPath] as const),
    };
  }

  /** Processes that listen. */
  #live(): WorkerProcess[] {
    return [...this.#processes].filter((process) => process.address !== undefined && !process.hasExited);
  }

  #loads(): readonly WorkerLoad[] {
    const processes = new Map(this.#live().map((process) => [process.slot, process]));
    const loads = this.#active.map((slot) => processes.get(slot)?.load).filter((load) => load !== undefined);
    return loads.length === this.#active.length ? loads : [];
  }

  #spreadAnew(): void {
    if (this.#isClosed) return;
    const active = this.#active;
    const spread: Spread = { active, shares: this.#balance.sharesFor(active.length) };
    this.#steer(spread);
    for (const process of this.#processes) process.send({ type: "spread", spread });
  }

  #steer({ active, shares }: Spread): void {
    if (active.length === 0) return;
    const reading = [...active, ...this.slots.in("draining")];
    try {
      for (const { group } of this.#sockets) group.steer(active, reading, shares);
    } catch (error) {
      // Packets go on to the slots of before: connections live on, and new ones may reach a worker that refuses them.
      this.context.logger.error({ error, active }, "the packets of the UDP port could not be steered anew");
    }
  }
}

function steeringOf({ settings }: ClusterContext): "bpf" | "forward" {
  return settings.steering ?? (process.platform === "linux" ? "bpf" : "forward");
}
