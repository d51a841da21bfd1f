import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import { Program } from "../../support/program.ts";

import { fixture, isAlive, until, whoServes } from "./cluster-world.ts";

interface Running {
  readonly port: number;
  readonly hash: string;
  readonly pids: readonly number[];
}

class ClusterProgram {
  readonly program: Program;
  readonly running: Running;
  readonly #workers: Set<number>;

  private constructor(program: Program, running: Running) {
    this.program = program;
    this.running = running;
    this.#workers = new Set(running.pids);
  }

  static async start(app = "app.mjs"): Promise<ClusterProgram> {
    const path = fileURLToPath(new URL("programs/parent.mjs", import.meta.url));
    const program = new Program([path, fixture(app), "2"]);
    const [line] = await program.match(/^.*"event":"running".*$/);
    return new ClusterProgram(program, JSON.parse(line) as Running);
  }

  /** Of the workers that were ever ready. */
  get pids(): readonly number[] {
    for (const line of this.program.lines) {
      const { event, pid } = JSON.parse(line) as { event: string; pid: number };
      if (event === "worker_ready") this.#workers.add(pid);
    }
    return [...this.#workers];
  }

  connect(path: string): Promise<WebTransportSession> {
    const value = Uint8Array.from(Buffer.from(this.running.hash, "hex"));
    return connect(`https://127.0.0.1:${this.running.port}${path}`, {
      serverCertificateHashes: [{ algorithm: "sha-256", value }],
      maxRetries: 0,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.end("SIGKILL");
    await until(() => !this.pids.some(isAlive));
  }
}

const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("tswt-"));

describe("the process that has a cluster", () => {
  it("takes its workers with it when it is killed: each drains, then ends, and no folder is left", async () => {
    const before = new Set(folders());
    await using cluster = await ClusterProgram.start();
    const session = await cluster.connect("/who");
    const drained = session.draining;
    expect(folders().filter((name) => !before.has(name))).toHaveLength(1);
    cluster.program.child.kill("SIGKILL");
    await drained;
    expect(await session.closed).toMatchObject({ by: "peer", clean: true });
    await until(() => !cluster.pids.some(isAlive));
    expect(folders().filter((name) => !before.has(name))).toEqual([]);
  });

  it("takes a worker with it whose event loop hangs, too", async () => {
    const before = new Set(folders());
    await using cluster = await ClusterProgram.start();
    void cluster.connect("/hang?until=never").catch(() => {});
    await cluster.program.match(/"event":"worker_hung"/);
    cluster.program.child.kill("SIGKILL");
    await until(() => !cluster.pids.some(isAlive));
    expect(folders().filter((name) => !before.has(name))).toEqual([]);
  });

  it("drains all with SIGTERM and ends with code 0", async () => {
    await using cluster = await ClusterProgram.start();
    const session = await cluster.connect("/who");
    const drained = session.draining;
    expect(await cluster.program.end("SIGTERM")).toBe(0);
    await drained;
    expect(await session.closed).toMatchObject({ by: "peer", clean: true });
    expect(cluster.program.lines.at(-1)).toBe('{"event":"stopped"}');
    expect(cluster.pids.filter(isAlive)).toEqual([]);
    expect(cluster.program.errors).toBe("");
  });

  it("does not wait for sessions after a second signal", async () => {
    await using cluster = await ClusterProgram.start("patient-app.mjs");
    const session = await cluster.connect("/stay");
    const drained = session.draining;
    cluster.program.child.kill("SIGINT");
    await drained;
    expect(await cluster.program.end("SIGINT")).toBe(0);
    expect(cluster.pids.filter(isAlive)).toEqual([]);
  });

  it("restarts its workers with SIGHUP", async () => {
    await using cluster = await ClusterProgram.start();
    const { pids } = cluster.running;
    const session = await cluster.connect("/who");
    const { pid } = await whoServes(session);
    cluster.program.child.kill("SIGHUP");
    await until(() => cluster.pids.length === 4);
    expect((await whoServes(session)).pid).toBe(pid);
    await session.close();
    await until(() => !pids.some(isAlive));
    expect((await whoServes(await cluster.connect("/who"))).pid).toBeOneOf(
      cluster.pids.filter((id) => !pids.includes(id)),
    );
    expect(await cluster.program.end("SIGTERM")).toBe(0);
  });
});
