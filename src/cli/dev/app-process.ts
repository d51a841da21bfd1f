import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

import type { ListeningMessage, StartMessage, SupervisorMessage, WorkerMessage } from "./messages.ts";

/** Milliseconds that the app has to end; then its process is killed. */
const stopTimeout = 3000;

export interface AppProcessOptions {
  readonly path: string;
  /** Of Node. */
  readonly flags: readonly string[];
  readonly start: StartMessage;
  readonly listener: {
    listening(message: ListeningMessage): void;
    imported(path: string): void;
    failed(message: string): void;
    /** It has ended without being asked to. */
    ended(code: number | null): void;
  };
}

/** The process that runs the app once. */
export class AppProcess {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #isStopping = false;

  constructor({ path, flags, start, listener }: AppProcessOptions) {
    // The program itself, wherever it was installed.
    const program = process.argv[1] ?? "";
    this.#child = fork(program, ["dev-worker", path], {
      execArgv: [...flags],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#exit = once(this.#child, "exit");
    this.#child.on("message", (message: WorkerMessage) => {
      if (message.type === "ready") this.#tell(start);
      else if (message.type === "listening") listener.listening(message);
      else if (message.type === "imported") listener.imported(message.path);
      else listener.failed(message.message);
    });
    this.#child.on("exit", (code) => {
      if (!this.#isStopping) listener.ended(code);
    });
  }

  /** Resolves when the process has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#tell({ type: "stop" });
    const kill = setTimeout(() => this.#child.kill("SIGKILL"), stopTimeout);
    await this.#exit;
    clearTimeout(kill);
  }

  /** At once. */
  kill(): void {
    this.#isStopping = true;
    this.#child.kill("SIGKILL");
  }

  #tell(message: SupervisorMessage): void {
    // A process that ends meanwhile tells by its end.
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}
