/** A cluster of the built package, with real processes over real UDP; whatever a test does, no process is left behind. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "vitest";

import { ServerCluster } from "../../../dist/index.js";
import type { ClusterOptions, ClusterWorker, ServerConfigOptions } from "../../../dist/index.js";
import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { connect } from "../../../src/client/connect.ts";
import type { ClientOptions } from "../../../src/client/connect.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

export const certificate = await generateSelfSignedCertificate({ hostname: "localhost" });

export const steerings = ["bpf", "forward"] as const;

export function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
}

export const serverConfig: ServerConfigOptions = {
  bindHost: "127.0.0.1",
  bindPort: 0,
  cert: certificate.cert,
  key: certificate.key,
  logLevel: "silent",
  accessLog: false,
};

export interface WorldOptions extends Omit<ClusterOptions, "app"> {
  readonly workers?: number;
  readonly app?: string;
  readonly config?: ServerConfigOptions;
}

export class ClusterWorld {
  readonly cluster: ServerCluster<string>;
  /** Of every worker process that was ever ready. */
  readonly pids = new Set<number>();
  readonly #folder = mkdtempSync(join(tmpdir(), "cluster-test-"));
  readonly #sessions = new Set<WebTransportSession>();

  /** Not started yet. */
  constructor({ workers = 2, app = fixture("app.mjs"), config = {}, ...options }: WorldOptions = {}) {
    this.setVersion("1");
    this.cluster = ServerCluster.forEachCore(
      { ...serverConfig, ...config },
      {
        app,
        workers,
        logLevel: "silent",
        execArgv: [],
        env: { ...process.env, CLUSTER_TEST_VERSION: this.#versionFile },
        ...options,
      },
    );
    this.cluster.on("worker_ready", ({ pid }) => this.pids.add(pid!));
  }

  static async start(options: WorldOptions = {}): Promise<ClusterWorld> {
    const world = new ClusterWorld(options);
    await world.cluster.startAll();
    return world;
  }

  get workers(): readonly ClusterWorker[] {
    return this.cluster.getServers();
  }

  get port(): number {
    return this.workers[0]!.localAddress!.port;
  }

  /** Of the application that workers load from now on. */
  setVersion(version: string): void {
    writeFileSync(this.#versionFile, version);
  }

  async connect(path: string, options: ClientOptions & { readonly port?: number } = {}): Promise<WebTransportSession> {
    const { port = this.port, ...clientOptions } = options;
    const session = await connect(`https://127.0.0.1:${port}${path}`, {
      serverCertificateHashes: [certificate.certificateHash],
      maxRetries: 0,
      ...clientOptions,
    });
    this.#sessions.add(session);
    void session.closed.then(() => this.#sessions.delete(session));
    return session;
  }

  /** Sessions of "/who", at least one with each worker that serves. */
  async connectToEach(): Promise<Map<number, WebTransportSession>> {
    const found = new Map<number, WebTransportSession>();
    const wanted = this.workers.map(({ pid }) => pid!);
    while (wanted.some((pid) => !found.has(pid))) {
      const session = await this.connect("/who");
      const { pid } = await whoServes(session);
      if (found.has(pid)) await session.close();
      else found.set(pid, session);
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) void session.close({ abort: true });
    await this.cluster.stopAll({ timeout: 0 });
    rmSync(this.#folder, { recursive: true, force: true });
    // What has been stopped has ended: no process is left, not even for a moment.
    expect([...this.pids].filter(isAlive)).toEqual([]);
  }

  get #versionFile(): string {
    return join(this.#folder, "version");
  }
}

export async function whoServes(session: WebTransportSession): Promise<{ pid: number; version: string }> {
  const stream = await session.createBidirectionalStream();
  await stream.writeAll("who?");
  return JSON.parse(new TextDecoder().decode(await stream.readAll())) as { pid: number; version: string };
}

/** How a session ends whose worker is gone: the client sends something, and a stateless reset answers it. */
export async function endOf(session: WebTransportSession): Promise<{ error: Error }> {
  const asking = setInterval(() => session.datagrams.trySend("is anybody there?"), 10);
  const end = await session.closed;
  clearInterval(asking);
  expect(end).toMatchObject({ clean: false, by: "transport" });
  return end as unknown as { error: Error };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // An orphan that has ended may wait for an init process that is in no hurry to collect it.
  return process.platform !== "linux" || !/^State:\s+Z/m.test(statusOf(pid));
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "State:\tZ (gone meanwhile)";
  }
}

/** Looks again after each turn of the event loop; the test's time-out ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
