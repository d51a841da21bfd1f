/** The end-to-end tests' server in a process of its own, so that its memory can be read and its peers killed. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface ServerReport {
  readonly stats: { readonly connections: number; readonly sessions: number; readonly streams: number };
  readonly residentBytes: number;
}

export class ServerProcess {
  readonly port: number;
  readonly certificateHash: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number, certificateHash: string) {
    this.#child = child;
    this.port = port;
    this.certificateHash = certificateHash;
  }

  static async start(): Promise<ServerProcess> {
    const child = fork(program("server.mjs"), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const [{ port, hash }] = (await once(child, "message")) as [{ port: number; hash: string }];
    return new ServerProcess(child, port, hash);
  }

  get certificateHashes(): { algorithm: "sha-256"; value: Uint8Array<ArrayBuffer> }[] {
    return [{ algorithm: "sha-256", value: Uint8Array.from(Buffer.from(this.certificateHash, "hex")) }];
  }

  async report(): Promise<ServerReport> {
    const answer = once(this.#child, "message");
    this.#child.send("stats");
    const [report] = (await answer) as [ServerReport];
    return report;
  }

  resumePausedReader(): void {
    this.#child.send("resume");
  }

  /** Polls by asking: each answer is a turn of the server's loop, so this ends as soon as the condition holds. */
  async until(condition: (report: ServerReport) => boolean): Promise<ServerReport> {
    for (;;) {
      const report = await this.report();
      if (condition(report)) return report;
    }
  }

  async close(): Promise<number | null> {
    const exit = once(this.#child, "exit") as Promise<[number | null]>;
    this.#child.send("close");
    return (await exit)[0];
  }
}

export function startClientProcess(server: ServerProcess): ChildProcess {
  return fork(program("client.mjs"), [String(server.port), server.certificateHash], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

function program(name: string): string {
  return fileURLToPath(new URL(`programs/${name}`, import.meta.url));
}
