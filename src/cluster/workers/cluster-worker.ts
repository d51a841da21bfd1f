import { quiet } from "../../async/promises.ts";
import { ServerError } from "../../errors/errors.ts";
import type { ServerConfig } from "../../config/server-config.ts";
import type { ServerCloseOptions } from "../../server/server.ts";
import type { ServerStats } from "../../server/server-stats.ts";
import type { Address } from "../../transport/types.ts";
import type { ClusterMember } from "../cluster-member.ts";
import type { WorkerState } from "../stats/cluster-stats.ts";
import { BackOff } from "./back-off.ts";
import type { StopMessage } from "./messages.ts";
import { waitFor } from "./wait-for.ts";
import type { WorkerHome } from "./worker-home.ts";
import type { WorkerExit, WorkerProcess } from "./worker-process.ts";

/**
 * A server of a cluster with processes: one process that serves, replaced when it crashes or is restarted, and those before
 * it that still drain. Every transition of its state stands in this file.
 */
export class ClusterWorker implements ClusterMember {
  /** 1 and up, in the order in which the cluster's workers were made. */
  readonly id: number;
  readonly config: ServerConfig;
  readonly #group: WorkerHome;
  readonly #backOff: BackOff;
  readonly #closing = new AbortController();
  readonly #draining = new Set<WorkerProcess>();
  #state: WorkerState = "starting";
  #current: WorkerProcess | undefined;
  /** Not ready yet; it is killed when the worker is closed. */
  #starting: WorkerProcess | undefined;
  /** Of a process that has crashed: its successor takes the same slot. */
  #crashedSlot: number | undefined;
  #isReplacing = false;
  #recovery: { readonly abort: AbortController; readonly ended: Promise<void> } | undefined;
  #restarts = 0;

  /** Made by the cluster. */
  constructor(id: number, config: ServerConfig, group: WorkerHome) {
    this.id = id;
    this.config = config;
    this.#group = group;
    const { restartDelay, maxRestartDelay, maxCrashes, stableAge } = group.context.settings;
    this.#backOff = new BackOff({ initial: restartDelay, limit: maxRestartDelay, maxCrashes, stableAge });
  }

  get state(): WorkerState {
    return this.#state;
  }

  get isServing(): boolean {
    return this.#current !== undefined && !this.#closing.signal.aborted;
  }

  get localAddress(): Address | undefined {
    return this.#group.localAddress;
  }

  /** Of the process that takes new connections; undefined while there is none. */
  get pid(): number | undefined {
    return this.#current?.pid;
  }

  /** As of {@link ClusterWorker.pid}, or the slot in which a crashed process is replaced. */
  get slot(): number | undefined {
    return this.#current?.slot ?? this.#crashedSlot ?? this.#starting?.slot;
  }

  /** How often it was replaced after a crash. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * Takes new connections; undefined while it has crashed.
   *
   * @internal
   */
  get current(): WorkerProcess | undefined {
    return this.#current;
  }

  /**
   * The part of the port's new connections that it gets, 0 to 1.
   *
   * @internal
   */
  get share(): number {
    return this.#current === undefined ? 0 : this.#group.shareOf(this.#current.slot);
  }

  /**
   * Successors take their new connections. For the cluster.
   *
   * @internal
   */
  get draining(): readonly WorkerProcess[] {
    return [...this.#draining];
  }

  /** Rejects with ServerError while the worker has no process, TimeoutError when it does not answer. */
  async getServerStats(): Promise<ServerStats> {
    return this.#serving("ask").ask("stats", this.#group.context.settings.statsTimeout);
  }

  async diagnoseIssues(): Promise<string[]> {
    if (this.#current === undefined) return [`Worker ${this.id} has no process: it is ${this.#state}.`];
    if (this.#current.isHung)
      return [`Worker ${this.id} (process ${this.pid ?? "?"}) does not answer: its event loop hangs.`];
    return this.#current.ask("issues", this.#group.context.settings.statsTimeout);
  }

  /** Ends the worker's processes and takes it out of the cluster. As {@link WebTransportServer.close}. */
  async close(options: ServerCloseOptions = {}): Promise<void> {
    await this.#group.remove(this.id, options);
  }

  /**
   * The first process. Rejects with ServerError.
   *
   * @internal
   */
  async start(): Promise<void> {
    const slot = this.#group.slots.take();
    if (slot === undefined)
      throw new ServerError(`Cannot start worker ${this.id}: all ${this.#group.slots.count} slots are taken`);
    this.#adopt(await this.#launch(slot, "free", this.#closing.signal));
  }

  /**
   * Starts another process, which takes over the new connections when it is ready; the present one keeps its sessions and
   * ends with them. Rejects with ServerError, and changes nothing, when the new one cannot be started.
   */
  async replace(): Promise<void> {
    await this.#endRecovery();
    this.#closing.signal.throwIfAborted();
    this.#isReplacing = true;
    try {
      const slot = this.#crashedSlot ?? (await this.#freeSlot());
      this.#crashedSlot = undefined;
      const next = await this.#launch(slot, "free", this.#closing.signal);
      const before = this.#current;
      this.#backOff.reset();
      if (before !== undefined) this.#drain(before);
      this.#adopt(next);
      this.#group.changed();
      if (before !== undefined) this.#retire(before);
    } finally {
      this.#isReplacing = false;
      if (this.#current === undefined && !this.#closing.signal.aborted) this.#recoverSoon();
    }
  }

  /**
   * Takes no new connections any more; its processes end with their sessions. The cluster has taken it out before.
   *
   * @internal
   */
  async retire(): Promise<void> {
    this.#closing.abort(closed(this.id));
    await this.#endRecovery();
    this.#starting?.kill();
    const { current } = this;
    if (current !== undefined) {
      this.#drain(current);
      this.#current = undefined;
      this.#group.changed();
      this.#retire(current);
    }
    this.#freeCrashedSlot();
  }

  /**
   * Resolves when all its processes have ended. The cluster has taken it out before.
   *
   * @internal
   */
  async stop(message: StopMessage): Promise<void> {
    this.#closing.abort(closed(this.id));
    this.#starting?.kill();
    await this.#endRecovery();
    const { exitTimeout } = this.#group.context.settings;
    const processes = [this.#current, this.#starting, ...this.#draining].filter((process) => process !== undefined);
    await Promise.all(processes.map((process) => process.stop(message, exitTimeout)));
    this.#freeCrashedSlot();
  }

  /** Resolves when none of its processes lives any more. */
  async ended(): Promise<void> {
    const processes = [this.#current, ...this.#draining].filter((process) => process !== undefined);
    await Promise.all(processes.map((process) => process.exited));
  }

  /** Waits until a process that drains has ended, when all slots are taken. */
  async #freeSlot(): Promise<number> {
    const { slots } = this.#group;
    if (slots.in("free", "draining").length > 0) return slots.takeWhenFree(this.#closing.signal);
    const text = `all ${slots.count} slots are taken by workers that serve: give the option \`slots\``;
    throw new ServerError(`Cannot replace worker ${this.id}: ${text}`);
  }

  #serving(what: string): WorkerProcess {
    if (this.#current === undefined) throw new ServerError(`Cannot ${what} worker ${this.id}: it is ${this.#state}`);
    return this.#current;
  }

  /** Resolves when the process is ready. When it fails or `signal` aborts, its slot is `otherwise`. */
  async #launch(slot: number, otherwise: "free" | "crashed", signal: AbortSignal): Promise<WorkerProcess> {
    try {
      const process = this.#group.spawn(this, slot);
      this.#starting = process;
      await process.ready;
      await this.#group.handOver(slot);
      signal.throwIfAborted();
      return process;
    } catch (error) {
      this.#starting?.kill();
      await this.#starting?.exited;
      this.#group.slots.set(slot, otherwise);
      throw error;
    } finally {
      this.#starting = undefined;
    }
  }

  #adopt(process: WorkerProcess): void {
    this.#current = process;
    this.#state = "active";
    this.#group.slots.set(process.slot, "active");
    this.#group.tellReady(this, process);
    void process.exited.then((exit) => {
      this.#exited(process, exit);
    });
  }

  #drain(process: WorkerProcess): void {
    this.#draining.add(process);
    this.#group.slots.set(process.slot, "draining");
  }

  #retire(process: WorkerProcess): void {
    const { drainTimeout, closeTimeout, exitTimeout } = this.#group.context.settings;
    process.retire({ type: "retire", drainTimeout, closeTimeout }, exitTimeout);
  }

  #exited(process: WorkerProcess, exit: WorkerExit): void {
    const { slot } = process;
    if (this.#draining.delete(process)) {
      this.#group.slots.set(slot, "free");
    } else {
      this.#current = undefined;
      this.#state = "crashed";
      const isEnd = this.#closing.signal.aborted || this.#isReplacing;
      this.#group.slots.set(slot, isEnd ? "free" : "crashed");
      if (!isEnd) this.#crashedSlot = slot;
    }
    this.#group.tellExited(this, process, exit);
    this.#group.changed();
    if (this.#crashedSlot === slot && this.#state === "crashed")
      this.#recover(exit.wasAsked ? 0 : this.#backOff.next(exit.age));
  }

  /** A successor could not be started while the process before it has ended by itself. */
  #recoverSoon(): void {
    const slot = this.#group.slots.take();
    if (slot === undefined) {
      this.#giveUp(new ServerError(`Cannot replace worker ${this.id}: no slot is free`));
      return;
    }
    this.#group.slots.set(slot, "crashed");
    this.#crashedSlot = slot;
    this.#state = "crashed";
    this.#recover(this.#backOff.next(0));
  }

  /** Starts a process in the slot of the crashed one, after `delay` milliseconds; undefined: it has crashed too often. */
  #recover(delay: number | undefined): void {
    const abort = new AbortController();
    this.#recovery = { abort, ended: quiet(this.#runRecovery(delay, abort.signal)) };
  }

  async #runRecovery(first: number | undefined, signal: AbortSignal): Promise<void> {
    const slot = this.#crashedSlot;
    if (slot === undefined) return;
    const isOver = (): boolean => signal.aborted;
    let cause: unknown;
    for (let delay = first; ;) {
      if (delay === undefined) {
        this.#giveUp(
          new ServerError(
            `Worker ${this.id} has crashed ${this.#backOff.crashes} times in a row and is given up: repair the application, ` +
              "then restart the cluster",
            cause === undefined ? {} : { cause },
          ),
        );
        return;
      }
      this.#group.context.logger.info({ worker: this.id, slot, delay }, "a worker is replaced");
      await waitFor(delay, signal);
      if (isOver()) return;
      try {
        this.#group.slots.set(slot, "starting");
        const process = await this.#launch(slot, "crashed", signal);
        this.#crashedSlot = undefined;
        this.#restarts += 1;
        this.#group.context.countRestart();
        this.#adopt(process);
        this.#group.changed();
        return;
      } catch (error) {
        if (isOver()) return;
        cause = error;
        this.#group.context.logger.error(
          { worker: this.id, slot, error },
          "a worker's replacement could not be started",
        );
        delay = this.#backOff.next(0);
      }
    }
  }

  async #endRecovery(): Promise<void> {
    const recovery = this.#recovery;
    this.#recovery = undefined;
    if (recovery === undefined) return;
    recovery.abort.abort();
    this.#starting?.kill();
    await recovery.ended;
  }

  #giveUp(error: ServerError): void {
    const slot = this.#crashedSlot;
    this.#state = "failed";
    this.#freeCrashedSlot();
    this.#group.changed();
    if (slot !== undefined) this.#group.careFor(slot);
    this.#group.tellFailed(this, error);
  }

  #freeCrashedSlot(): void {
    if (this.#crashedSlot !== undefined) this.#group.slots.set(this.#crashedSlot, "free");
    this.#crashedSlot = undefined;
  }
}

function closed(id: number): ServerError {
  return new ServerError(`Worker ${id} was closed`);
}
