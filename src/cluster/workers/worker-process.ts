import type { ChildProcess } from "node:child_process";

import { Deferred } from "../../async/promises.ts";
import { ServerError, TimeoutError } from "../../errors/errors.ts";
import type { ServerStats } from "../../server/server-stats.ts";
import type { Address } from "../../transport/types.ts";
import { BoundedSender } from "../bus/bounded-sender.ts";
import type { LinkStats } from "../bus/local-bus.ts";
import { Heartbeat } from "./heartbeat.ts";
import type {
  Answers,
  BusEnvelope,
  EngineLoad,
  MessageToCluster,
  MessageToWorker,
  PongMessage,
  Question,
} from "./messages.ts";
import type { ModuleCall, RetireMessage, StartMessage, StopMessage } from "./messages.ts";
import { revivedError } from "./remote-error.ts";
import type { WorkerLoad } from "./shares.ts";
import { workerProgram } from "./worker-program.ts";

/** Beside standard input, output, error and the IPC channel. */
const firstDescriptor = 4;

/** Milliseconds that a signal to kill takes at most, before a process counts as gone. */
const longestTimer = 2 ** 31 - 1;

export interface WorkerProcessOptions {
  /** `descriptors` of its sockets are the cluster's; the message that the worker gets names its own. */
  readonly start: StartMessage;
  readonly startTimeout: number;
  readonly hangTimeout: number;
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly listener: WorkerProcessListener;
}

export interface WorkerProcessListener {
  /** So many clients have begun a handshake since it was told last. */
  arrived(connections: number): void;
  bus(envelope: BusEnvelope): void;
  busOverflow(at: "cluster" | "worker"): void;
  hung(silence: number): void;
  recovered(): void;
  /** A signal has told it to end: it serves on until it is retired. */
  leaving(): void;
}

/** How a process has ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Milliseconds that it lived. */
  readonly age: number;
  /** It was told to end, by the cluster or by a signal of an operator. */
  readonly wasAsked: boolean;
  /** It has closed its connections before. */
  readonly hasClosed: boolean;
}

/** The cluster's side of one worker process: from its start to its end. */
export class WorkerProcess {
  readonly slot: number;
  readonly relayPath: string;
  readonly startedAt = performance.now();
  readonly exited: Promise<WorkerExit>;
  readonly #child: ChildProcess;
  readonly #ready = new Deferred<Address>();
  readonly #exited = new Deferred<WorkerExit>();
  readonly #heartbeat: Heartbeat;
  readonly #bus: BoundedSender;
  readonly #questions = new Map<number, Deferred<unknown>>();
  readonly #listener: WorkerProcessListener;
  #questionCount = 0;
  #address: Address | undefined;
  #wasAsked = false;
  #hasExited = false;
  #failure: Error | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  /** As of this process's clock. */
  #killAt = Infinity;
  #lastPong: PongMessage | undefined;
  #load: EngineLoad = { connections: 0, accepted: 0 };
  #finalStats: ServerStats | undefined;

  constructor({ start, startTimeout, hangTimeout, execArgv, env, listener }: WorkerProcessOptions) {
    this.slot = start.slot;
    this.relayPath = start.relayPath;
    this.exited = this.#exited.promise;
    this.#listener = listener;
    this.#heartbeat = new Heartbeat(hangTimeout, {
      ping: () => {
        this.send({ type: "ping" });
      },
      hung: (silence) => {
        listener.hung(silence);
      },
      recovered: () => {
        listener.recovered();
      },
    });
    this.#bus = new BoundedSender(
      start.busLimit,
      (channel, from, payload, taken) => {
        this.#child.send({ type: "bus", channel, from, payload } satisfies MessageToWorker, taken);
      },
      () => {
        listener.busOverflow("cluster");
      },
    );
    const { fork } = process.getBuiltinModule("node:child_process");
    this.#child = fork(workerProgram(), [String(process.pid), start.relayPath], {
      execArgv: [...execArgv],
      env: { ...env },
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit", "ipc", ...start.sockets.map(({ descriptor }) => descriptor)],
    });
    this.#child.on("message", (message: unknown) => {
      // An application may use the channel, too: for other programs that run it.
      if (typeof message === "object" && message !== null) this.#receive(message as MessageToCluster);
    });
    this.#child.on("error", (error) => {
      this.#failure ??= error;
      if (this.#child.pid === undefined) this.#ended(null, null);
    });
    this.#child.on("exit", (code, signal) => {
      this.#ended(code, signal);
    });
    const sockets = start.sockets.map(({ host }, index) => ({ host, descriptor: firstDescriptor + index }));
    this.send({ ...start, sockets });
    this.#limitStart(startTimeout);
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Milliseconds since it was started. */
  get age(): number {
    return performance.now() - this.startedAt;
  }

  get address(): Address | undefined {
    return this.#address;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  get isHung(): boolean {
    return this.#heartbeat.isHung;
  }

  /** A process that does not answer may hang: its connections are of before. */
  get load(): WorkerLoad {
    return { connections: this.#load.connections, isSilent: this.#heartbeat.isSilent };
  }

  /** What it has told last by itself; undefined before its first heartbeat. */
  get lastPong(): PongMessage | undefined {
    return this.#lastPong;
  }

  /** Of a process that has ended: its last account, or of one that was killed, the last that it gave. */
  get lastStats(): ServerStats | undefined {
    return this.#finalStats ?? this.#lastPong?.stats;
  }

  /** Of the bus, on the way to it. */
  get busStats(): LinkStats {
    return this.#bus.stats;
  }

  /** Resolves when its server listens. Rejects with ServerError: the app's own error is the cause. The process ends then. */
  get ready(): Promise<Address> {
    return this.#ready.promise;
  }

  send(message: MessageToWorker): void {
    // A process that has just ended takes no message: its end is told by its own event.
    if (this.#child.connected) this.#child.send(message, ignoreError);
  }

  sendBus(channel: string, from: string, payload: Buffer): void {
    if (this.#child.connected && this.#address !== undefined) this.#bus.send(channel, from, payload);
  }

  /** Rejects with TimeoutError when there is no answer, ServerError when the process has ended. */
  async ask<Name extends Question>(question: Name, timeout: number): Promise<Answers[Name]> {
    const answer = await this.#request(question, (number) => ({ type: "ask", number, question }), timeout);
    return answer as Answers[Name];
  }

  /** The result of a function that the process runs. Rejects as {@link WorkerProcess.ask}, and as the function does. */
  call(call: ModuleCall, timeout: number): Promise<unknown> {
    return this.#request(call.name, (number) => ({ type: "call", number, call }), timeout);
  }

  async #request(operation: string, message: (number: number) => MessageToWorker, timeout: number): Promise<unknown> {
    if (this.#hasExited) throw new ServerError(`Cannot ask worker process ${this.pid ?? "?"}: it has ended`);
    this.#questionCount += 1;
    const number = this.#questionCount;
    const answer = new Deferred<unknown>();
    this.#questions.set(number, answer);
    const timer = setTimeout(() => {
      const text = `Worker process ${this.pid ?? "?"} has not answered within ${timeout} ms`;
      answer.reject(new TimeoutError(text, { operation, timeoutDuration: timeout }));
    }, timeout);
    try {
      this.send(message(number));
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#questions.delete(number);
    }
  }

  /** It keeps its sessions, and ends by itself. Killed when it has not ended `exitTimeout` after its time. */
  retire(message: RetireMessage, exitTimeout: number): void {
    this.#wasAsked = true;
    this.send(message);
    this.#killAfter(message.drainTimeout + message.closeTimeout + exitTimeout);
  }

  /** Closes its server, and resolves when the process has ended: killed, when that takes `exitTimeout` longer than allowed. */
  async stop(message: StopMessage, exitTimeout: number): Promise<void> {
    this.#wasAsked = true;
    this.send(message);
    this.#killAfter(message.timeout + exitTimeout);
    await this.exited;
  }

  /** At once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #limitStart(startTimeout: number): void {
    const timer = setTimeout(() => {
      this.#failure ??= new TimeoutError(`The server does not listen after ${startTimeout} ms (startTimeout)`, {
        operation: "start of a worker process",
        timeoutDuration: startTimeout,
      });
      this.kill();
    }, startTimeout);
    const end = (): void => {
      clearTimeout(timer);
    };
    this.ready.then(end, end);
  }

  #killAfter(milliseconds: number): void {
    // A later call may shorten its time only.
    const killAt = performance.now() + milliseconds;
    if (this.#hasExited || killAt >= this.#killAt) return;
    this.#killAt = killAt;
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(
      () => {
        this.kill();
      },
      Math.min(milliseconds, longestTimer),
    );
  }

  #receive(message: MessageToCluster): void {
    this.#heartbeat.heard();
    switch (message.type) {
      case "ready":
        this.#address = message.address;
        this.#heartbeat.start();
        this.#ready.resolve(message.address);
        return;
      case "failed":
        this.#failure ??= revivedError(message.error);
        return;
      case "pong":
        this.#lastPong = message;
        this.#setLoad(message.load);
        return;
      case "load":
        this.#setLoad(message.load);
        return;
      case "bus":
        this.#listener.bus(message);
        return;
      case "answer": {
        const answer = this.#questions.get(message.number);
        if (message.error === undefined) answer?.resolve(message.value);
        else answer?.reject(revivedError(message.error));
        return;
      }
      case "leaving":
        if (message.now) this.#wasAsked = true;
        else this.#listener.leaving();
        return;
      case "ended":
        this.#finalStats = message.stats;
        return;
      case "busOverflow":
        this.#listener.busOverflow("worker");
        return;
    }
  }

  #setLoad(load: EngineLoad): void {
    const arrived = load.accepted - this.#load.accepted;
    this.#load = load;
    this.#listener.arrived(arrived);
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    clearTimeout(this.#killTimer);
    this.#heartbeat.stop();
    const how = signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`;
    const gone = new ServerError(`Worker process ${this.pid ?? "?"} has ended (${how})`);
    for (const answer of this.#questions.values()) answer.reject(gone);
    const reason = this.#failure === undefined ? `its process has ended (${how})` : this.#failure.message;
    this.#ready.reject(
      new ServerError(`Cannot start a worker: ${reason}`, {
        ...(this.#failure === undefined ? {} : { cause: this.#failure }),
      }),
    );
    this.#exited.resolve({
      code,
      signal,
      age: this.age,
      wasAsked: this.#wasAsked,
      hasClosed: this.#finalStats !== undefined,
    });
  }
}

function ignoreError(): void {
  // The channel has closed: the process has ended, which its own event tells.
}
