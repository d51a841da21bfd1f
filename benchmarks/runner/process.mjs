// Child processes: every one that is started here is ended here, by its own handle and no other way.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const children = new Set();

/** A program that prints lines; `nextLine()` rejects when it ends or says nothing for too long. */
export class LineProcess {
  #child;
  #lines;
  #stderr = "";
  #name;
  #exited;

  constructor(name, command, args, { env } = {}) {
    this.#name = name;
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    children.add(this.#child);
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        children.delete(this.#child);
        resolve({ code: -1, error });
      });
      this.#child.once("close", (code, signal) => {
        children.delete(this.#child);
        resolve({ code: code ?? -1, signal });
      });
    });
    // The last words only: a server may log for hours.
    this.#child.stderr.on("data", (chunk) => (this.#stderr = (this.#stderr + chunk).slice(-2000)));
    this.#child.stdin.on("error", () => undefined);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  get pid() {
    return this.#child.pid;
  }

  get isRunning() {
    return children.has(this.#child);
  }

  async nextLine(timeout) {
    const { promise: late, clear } = deadline(timeout, () => new Error(`${this.#name} was silent for ${timeout} ms`));
    try {
      const { value, done } = await Promise.race([this.#lines.next(), late]);
      if (!done) return value;
    } finally {
      clear();
    }
    const { code, error } = await this.#exited;
    throw new Error(`${this.#name} ended with ${error?.message ?? code}: ${this.#stderr.trim()}`);
  }

  writeLine(line = "") {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Asks the process to end, and after a grace period makes it. */
  async end() {
    if (!this.isRunning) return;
    this.#child.stdin.end();
    this.#child.kill("SIGTERM");
    const insist = setTimeout(() => this.#child.kill("SIGKILL"), 3000);
    await this.#exited;
    clearTimeout(insist);
  }
}

/** For the runner's own end by a signal or an error. */
export function endAllChildren() {
  for (const child of children) child.kill("SIGKILL");
}

/** Resident memory of a process in kilobytes (1,000 bytes). */
export function residentKilobytes(pid) {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (match === null) throw new Error(`process ${pid} has no resident memory`);
  return (Number(match[1]) * 1024) / 1000;
}

function deadline(milliseconds, makeError) {
  let timer;
  const promise = new Promise((_, reject) => {
    timer = setTimeout(() => reject(makeError()), milliseconds);
  });
  return { promise, clear: () => clearTimeout(timer) };
}
