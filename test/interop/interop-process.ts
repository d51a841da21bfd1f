/** The interop programs as processes, for their tests. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { generateSelfSignedCertificate } from "../../src/certificates/self-signed.ts";

export interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly folder: string;
  readonly serverCertificateHashes: { algorithm: string; value: Uint8Array<ArrayBuffer> }[];
}

/** A folder of its own with `cert.pem` and `priv.key`. */
export async function makeIdentity(): Promise<Identity> {
  const folder = await mkdtemp(join(tmpdir(), "interop-test-"));
  const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
  const [certfile, keyfile] = [join(folder, "cert.pem"), join(folder, "priv.key")];
  await writeFile(certfile, cert);
  await writeFile(keyfile, key, { mode: 0o600 });
  const value = Uint8Array.from(certificateHash.value);
  return { cert: certfile, key: keyfile, folder, serverCertificateHashes: [{ algorithm: "sha-256", value }] };
}

export class Program {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  /** Lines of standard output. */
  readonly lines: string[] = [];
  errors = "";
  readonly #ready: Promise<string>;

  /** `command` is "npm" or the name of a program of this folder. */
  constructor(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const isNpm = command === "npm";
    const launcher = fileURLToPath(new URL("run-program.mjs", import.meta.url));
    this.child = spawn(isNpm ? "npm" : process.execPath, isNpm ? args : [launcher, command, ...args], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.exited = once(this.child, "close").then(([code]) => code as number | null);
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.errors += text));
    const { stdout } = this.child;
    if (stdout === null) throw new Error("no standard output");
    this.#ready = new Promise((resolve) => {
      createInterface({ input: stdout }).on("line", (line) => {
        this.lines.push(line);
        const address = /^listening (\S+)$/.exec(line)?.[1];
        if (address !== undefined) resolve(address);
      });
    });
  }

  /** HOST:PORT, once the program has said it. */
  async address(): Promise<string> {
    const failed = this.exited.then((code) => {
      throw new Error(`the program ended with ${String(code)}: ${this.errors}`);
    });
    return await Promise.race([this.#ready, failed]);
  }

  async stop(): Promise<number | null> {
    this.child.kill("SIGTERM");
    return await this.exited;
  }
}
