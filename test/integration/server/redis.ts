/** A Redis (or Valkey) of a test's own: no port, a socket in a directory that goes with it. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export class RedisProcess {
  readonly socket: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder;
    this.socket = join(folder, "socket");
    this.#child = child;
  }

  /** Resolves when it accepts connections. */
  static async start(): Promise<RedisProcess> {
    const program = process.env["TSWEBTRANSPORT_REDIS_SERVER"];
    if (program === undefined) throw new Error("No redis-server: `node scripts/find-redis.mjs` says what to do");
    const folder = await mkdtemp(join(tmpdir(), "redis-"));
    const settings = { port: "0", unixsocket: join(folder, "socket"), dir: folder, save: "", appendonly: "no" };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    const redis = new RedisProcess(folder, child);
    let log = "";
    for await (const line of createInterface({ input: child.stdout })) {
      log += `${line}\n`;
      if (!/ready to accept connections/i.test(line)) continue;
      child.stdout.resume();
      return redis;
    }
    await redis.end();
    throw new Error(`The Redis server has ended before it was ready:\n${log}`);
  }

  /** It keeps its connections and answers nothing. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  async end(): Promise<void> {
    const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
    if (!hasEnded) {
      const exit = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await exit;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
