import { ServerConfig } from "../../config/server-config.ts";
import { loggerOf } from "../../config/logger.ts";
import type { ClusterApp } from "../cluster-app.ts";
import { processBus } from "../bus/cluster-bus.ts";
import { BoundedSender } from "../bus/bounded-sender.ts";
import type { LocalBus } from "../bus/local-bus.ts";
import { serverDefaults } from "../../constants/defaults.ts";
import type { SharedKeys } from "../../engine/engine.ts";
import type {
  MessageToCluster,
  MessageToWorker,
  ModuleCall,
  Neighbours,
  Question,
  StartMessage,
} from "../workers/messages.ts";
import { describeError } from "../workers/remote-error.ts";
import { drained } from "./drained.ts";
import { EventLoopWatch } from "./event-loop-watch.ts";
import { loadApp } from "./load-app.ts";
import { LoadReports } from "./load-reports.ts";
import { watchForOrphanhood } from "./orphan-watch.ts";
import { PacketRelay } from "./packet-relay.ts";
import { removeRelayTraces } from "./relay-traces.ts";
import { WorkerEngine } from "./worker-engine.ts";

/** A worker's side of its cluster: starts the app, answers, and ends the process. */
export class WorkerRuntime {
  readonly #parent: number;
  readonly #relayPath: string;
  readonly #eventLoop = new EventLoopWatch();
  readonly #bus: LocalBus = processBus();
  readonly #loadReports = new LoadReports(() => {
    if (this.#engine !== undefined) this.#send({ type: "load", load: this.#engine.load });
  });
  #start: StartMessage | undefined;
  #app: ClusterApp | undefined;
  #engine: WorkerEngine | undefined;
  #relay: PacketRelay | undefined;
  #terminations = 0;
  #isEnding = false;

  /** `parent`: process id of the cluster. `relayPath`: that of the message that starts the worker. */
  constructor(parent: number, relayPath: string) {
    this.#parent = parent;
    this.#relayPath = relayPath;
  }

  listen(): void {
    process.on("message", (message) => {
      if (typeof message === "object" && message !== null) this.#receive(message as MessageToWorker);
    });
    process.on("disconnect", () => {
      this.#orphaned();
    });
    // The cluster may have ended before this program was loaded: then the message that starts it is lost.
    if (!process.connected) this.#orphaned();
    // A terminal sends these to every process of the group: the cluster's process decides what becomes of its workers.
    process.on("SIGINT", () => {}).on("SIGHUP", () => {});
    process.on("SIGTERM", () => {
      this.#terminate();
    });
  }

  #receive(message: MessageToWorker): void {
    switch (message.type) {
      case "start":
        void this.#run(message);
        return;
      case "ping":
        this.#pong();
        return;
      case "ask":
        void this.#answer(message.number, () => this.#tell(message.question));
        return;
      case "call":
        void this.#answer(message.number, () => this.#call(message.call));
        return;
      case "bus":
        this.#bus.receive(message.channel, message.from, message.payload);
        return;
      case "neighbours":
        this.#setNeighbours(message.neighbours);
        return;
      case "spread":
        if (this.#start !== undefined) this.#setNeighbours({ ...this.#start.neighbours, ...message.spread });
        return;
      case "keys":
        this.#updateKeys(message.keys);
        return;
      case "retire":
        void this.#retire(message.drainTimeout, message.closeTimeout);
        return;
      case "stop":
        if (message.othersServe) this.#engine?.retire();
        void this.#end(message);
        return;
    }
  }

  async #run(start: StartMessage): Promise<void> {
    this.#start = start;
    try {
      const { closeTimeout, exitTimeout, relayPath } = start;
      watchForOrphanhood({ parent: this.#parent, timeout: closeTimeout + exitTimeout, relayPath });
      this.#connectBus(start);
      this.#relay = await PacketRelay.open(start.relayPath, (packet) => {
        this.#engine?.receive(packet);
      });
      const { nativeEngine } = await import("../../engine/native/native-engine.ts");
      // With what has changed since the message.
      this.#engine = new WorkerEngine(nativeEngine(), this.#start, this.#relay, this.#loadReports);
      const config = ServerConfig.create(start.config);
      const { app, listenOptions, unused } = await loadApp(start.app, config, Object.keys(start.config), this.#engine);
      if (unused.length > 0) {
        const text =
          "the app has its own configuration, so these options of the cluster's are not used: export a function of it";
        loggerOf(config.values).warn({ options: unused }, text);
      }
      this.#app = app;
      const address = await app.listen({ ...listenOptions, host: start.host, port: start.port });
      this.#send({ type: "ready", address });
    } catch (error) {
      if (this.#isEnding) return;
      this.#isEnding = true;
      await this.#sent({ type: "failed", error: describeError(error) });
      this.#exit(1);
    }
  }

  #setNeighbours(neighbours: Neighbours): void {
    this.#engine?.setNeighbours(neighbours);
    if (this.#start !== undefined) this.#start = { ...this.#start, neighbours };
  }

  #updateKeys(current: Required<SharedKeys>): void {
    this.#engine?.updateKeys(current);
    if (this.#start !== undefined)
      this.#start = { ...this.#start, keys: { current, previous: this.#start.keys.current } };
  }

  #connectBus({ id, busLimit }: StartMessage): void {
    const sender = new BoundedSender(
      busLimit,
      (channel, from, payload, taken) => {
        if (process.connected) process.send?.({ type: "bus", channel, from, payload }, undefined, {}, taken);
        else taken();
      },
      () => {
        this.#send({ type: "busOverflow" });
      },
    );
    const link = (channel: string, payload: Buffer): void => {
      sender.send(channel, String(id), payload);
    };
    this.#bus.connect(String(id), link, () => sender.stats);
  }

  #pong(): void {
    const { rss, heapUsed, external } = process.memoryUsage();
    if (this.#app === undefined || this.#engine === undefined || this.#relay === undefined) return;
    this.#send({
      type: "pong",
      load: this.#engine.load,
      stats: this.#app.server.getServerStats(),
      eventLoop: this.#eventLoop.read(),
      memory: { rss, heapUsed, external },
      forwarding: this.#relay.stats,
      bus: this.#bus.getStats(),
    });
  }

  async #answer(number: number, find: () => unknown): Promise<void> {
    try {
      await this.#sent({ type: "answer", number, value: await find() });
    } catch (error) {
      this.#send({ type: "answer", number, value: undefined, error: describeError(error) });
    }
  }

  #tell(question: Question): unknown {
    const server = this.#app?.server;
    return question === "stats" ? server?.getServerStats() : server?.diagnoseIssues();
  }

  async #call({ module, name, argument }: ModuleCall): Promise<unknown> {
    const found = ((await import(module)) as Readonly<Record<string, unknown>>)[name];
    if (typeof found !== "function") throw new TypeError(`${module} has no function ${name}`);
    return (found as (server: unknown, argument: unknown) => unknown)(this.#app?.server, argument);
  }

  async #retire(drainTimeout: number, closeTimeout: number): Promise<void> {
    this.#engine?.retire();
    const app = this.#app;
    if (app !== undefined) await drained(() => app.server.getServerStats(), drainTimeout);
    await this.#end({ timeout: closeTimeout, code: 0, reason: "" });
  }

  /** Closes the app and ends the process. A later call may shorten the time that sessions have. */
  async #end({ timeout, code, reason }: { timeout: number; code: number; reason: string }): Promise<void> {
    const isFirst = !this.#isEnding;
    this.#isEnding = true;
    try {
      await this.#app?.close({ timeout, code, reason });
    } catch (error) {
      console.error(error);
    }
    if (!isFirst) return;
    if (this.#app !== undefined) await this.#sent({ type: "ended", stats: this.#app.server.getServerStats() });
    this.#exit(0);
  }

  /** The cluster's process has ended, or has let this one go. */
  #orphaned(): void {
    this.#engine?.retire();
    void this.#end({ timeout: this.#start?.closeTimeout ?? 0, code: 0, reason: "" });
  }

  /** The first asks the cluster for a successor, which then retires this worker; a second one ends it. */
  #terminate(): void {
    this.#terminations += 1;
    if (this.#terminations === 1) {
      this.#send({ type: "leaving", now: false });
      return;
    }
    this.#send({ type: "leaving", now: true });
    void this.#end({ timeout: serverDefaults.closeTimeout, code: 0, reason: "" });
  }

  #exit(code: number): void {
    this.#relay?.close();
    // The socket may be there already while the relay is still being opened.
    if (!process.connected) removeRelayTraces(this.#relayPath);
    // What the application left running would keep the process alive.
    process.exit(code);
  }

  #send(message: MessageToCluster): void {
    void this.#sent(message);
  }

  /** Resolves when the channel has taken it; without a channel, at once. */
  async #sent(message: MessageToCluster): Promise<void> {
    if (!process.connected) return;
    await new Promise<void>((resolve) => {
      process.send?.(message, undefined, {}, () => {
        resolve();
      });
    });
  }
}
