import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { connect } from "../../../src/client/connect.ts";
import type { ServerStats } from "../../../src/server/server-stats.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

export interface ServerReport {
  readonly stats: ServerStats;
  readonly residentBytes: number;
}

/** The built package's server in a process of its own, so that its memory is nobody else's. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #certificateHash: Uint8Array<ArrayBuffer>;

  private constructor(child: ChildProcess, port: number, certificateHash: Uint8Array<ArrayBuffer>) {
    this.#child = child;
    this.#port = port;
    this.#certificateHash = certificateHash;
  }

  static async start(): Promise<ServerProcess> {
    const child = forkProgram("server.mjs");
    const [{ port, hash }] = (await once(child, "message")) as [{ port: number; hash: string }];
    return new ServerProcess(child, port, Uint8Array.from(Buffer.from(hash, "hex")));
  }

  connect(path: string): Promise<WebTransportSession> {
    return connect(`https://127.0.0.1:${this.#port}${path}`, {
      serverCertificateHashes: [{ algorithm: "sha-256", value: this.#certificateHash }],
    });
  }

  async report(): Promise<ServerReport> {
    const answer = once(this.#child, "message") as Promise<[ServerReport]>;
    this.#child.send("report");
    return (await answer)[0];
  }

  /** Closes the server and resolves with the exit code of its process, which ends by itself. */
  async close(): Promise<number | null> {
    const exit = once(this.#child, "exit") as Promise<[number | null]>;
    this.#child.send("close");
    return (await exit)[0];
  }
}

export function forkProgram(name: string, ...args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(`programs/${name}`, import.meta.url)), args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}
