// Programs that the runner starts; each is ended by its own handle.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const running = new Set();

/** A server that prints `listening HOST:PORT`, then lines that `events` collects. */
export class ServerProgram {
  events = [];
  #child;
  #exited;

  static async start(command, args, timeout = 30_000) {
    const program = new ServerProgram();
    await program.#start(command, args, timeout);
    return program;
  }

  async #start(command, args, timeout) {
    this.#child = start(command, args);
    this.#exited = once(this.#child, "exit");
    let errors = "";
    this.#child.stderr.setEncoding("utf8").on("data", (text) => (errors = (errors + text).slice(-2000)));
    const ready = new Promise((resolve) => {
      createInterface({ input: this.#child.stdout }).on("line", (line) => {
        const address = /^listening (\S+)$/.exec(line)?.[1];
        if (address === undefined) this.events.push(line);
        else resolve(`https://${address}`);
      });
    });
    const failed = this.#exited.then(([code]) => {
      throw new Error(`${command} ended with ${code}: ${errors}`);
    });
    failed.catch(() => {});
    this.url = await within(timeout, Promise.race([ready, failed]), `${command} is not ready`);
  }

  /** Its exit code. */
  async end() {
    this.#child.kill("SIGTERM");
    const insist = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    const [code] = await this.#exited;
    clearTimeout(insist);
    return code;
  }
}

/** A client that prints one JSON line per case. */
export async function runClientProgram(command, args, report, timeout = 300_000) {
  const child = start(command, args);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (errors = (errors + text).slice(-2000)));
  createInterface({ input: child.stdout }).on("line", (line) => {
    // Libraries print, too.
    if (line.startsWith("{")) report(JSON.parse(line));
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), timeout);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${errors.trim()}`);
}

/** For the runner's own end. */
export function endAll() {
  for (const child of running) child.kill("SIGKILL");
}

function start(command, args) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

function within(milliseconds, promise, text) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${text} within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
