import { execFile, spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const manifest = fileURLToPath(new URL("../../../native/Cargo.toml", import.meta.url));

/** How a handshake went. */
export interface Handshake {
  /** The server's slot, as its connection ID says. */
  readonly worker: number;
  readonly resumed: boolean;
  /** The slot of the server that had issued the ticket which was offered. */
  readonly issuer: number | undefined;
}

/** The client of `native/core/examples/resuming_client.rs`: our own keeps no tickets. */
export class ResumingClient implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  /** Of each ticket that is left, who has issued it. */
  readonly #issuers: number[] = [];

  constructor(program: string, port: number) {
    this.#child = spawn(program, [String(port)], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Compiles it, and resolves with the path of the program. */
  static async build(): Promise<string> {
    // The whole workspace, so that its dependencies are compiled once: as those of the other tests.
    const args = ["build", "--locked", "--quiet", "--workspace", "--examples", "--message-format=json"];
    const { stdout } = await promisify(execFile)("cargo", [...args, "--manifest-path", manifest], {
      maxBuffer: 64 * 1024 * 1024,
    });
    for (const line of stdout.split("\n")) {
      const artifact = JSON.parse(line || "{}") as { target?: { name: string }; executable?: string | null };
      if (artifact.target?.name === "resuming_client" && artifact.executable) return artifact.executable;
    }
    throw new Error("cargo has not told where resuming_client is");
  }

  /** Connects without a ticket, and keeps the tickets that come. */
  async collect(): Promise<Handshake> {
    return this.#connect("collect");
  }

  /** Connects with the oldest ticket, which is used up by it. */
  async resume(): Promise<Handshake> {
    return this.#connect("resume");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  async #connect(command: "collect" | "resume"): Promise<Handshake> {
    this.#child.stdin.write(`${command}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error("the client has ended");
    const { worker, resumed, tickets } = JSON.parse(line.value) as Handshake & { readonly tickets: number };
    const issuer = command === "resume" ? this.#issuers.shift() : undefined;
    while (this.#issuers.length < tickets) this.#issuers.push(worker);
    return { worker, resumed, issuer };
  }
}
