/** A child process whose standard output is awaited line by line; ended by its own pid. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export class Program {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly #waiters = new Set<() => void>();
  readonly #exit: Promise<number | null>;
  #errors = "";

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env });
    this.#exit = once(this.child, "exit").then(([code]: unknown[]) => (typeof code === "number" ? code : null));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
      this.#wake();
    });
    if (this.child.stdout !== null) {
      createInterface({ input: this.child.stdout }).on("line", (line) => {
        this.lines.push(line);
        this.#wake();
      });
    }
    void this.#exit.then(() => {
      this.#wake();
    });
  }

  get errors(): string {
    return this.#errors;
  }

  /** The first match in any line, past or future. */
  async match(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (const line of this.lines) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      if (this.child.exitCode !== null) {
        throw new Error(
          `The program ended before it printed ${String(pattern)}:\n${this.lines.join("\n")}\n${this.#errors}`,
        );
      }
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve);
      });
    }
  }

  /** As {@link match}, in standard error. */
  async matchError(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#errors);
      if (match !== null) return match;
      if (this.child.exitCode !== null)
        throw new Error(`The program ended before ${String(pattern)}:\n${this.#errors}`);
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve);
      });
    }
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.child.exitCode === null) this.child.kill(signal);
    return await this.#exit;
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }
}
