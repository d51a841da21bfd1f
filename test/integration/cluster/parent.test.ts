import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  /** For temporary files: other programs have theirs elsewhere. */
  readonly #temporary: string;

  private constructor(program: Program, running: Running, temporary: string) {
    this.program = program;
    this.running = running;
    this.#workers = new Set(running.pids);
    this.#temporary = temporary;
  }

  static async start(app = "app.mjs"): Promise<ClusterProgram> {
    const path = fileURLToPath(new URL("programs/parent.mjs", import.meta.url));
    const temporary = mkdtempSync(join(tmpdir(), "parent-"));
    const program = new Program([path, fixture(app), "2"], { ...process.env, TMPDIR: temporary });
    const [line] = await program.match(/^.*"event":"running".*$/);
    return new ClusterProgram(program, JSON.parse(line) as Running, temporary);
  }

  get folders(): string[] {
    return readdirSync(this.#temporary).filter((name) => name.startsWith("tswt-"));
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
    rmSync(this.#temporary, { recursive: true, force: true });
  }
}

describe("the process that has a cluster", () => {
  it("takes its workers with it when it is killed: each drains, then ends, and no folder is left", async () => {
    await using cluster = await ClusterProgram.start();
    const session = await cluster.connect("/who");
    const drained = session.draining;
    expect(cluster.folders).toHaveLength(1);
    cluster.program.child.kill("SIGKILL");
    await drained;
    expect(await session.closed).toMatchObject({ by: "peer", clean: true });
    await until(() => !cluster.pids.some(isAlive));
    expect(cluster.folders).toEqual([]);
  });

  it("takes a worker with it whose event loop hangs, too", async () => {
    await using cluster = await ClusterProgram.start();
    void cluster.connect("/hang?until=never").catch(() => {});
    await cluster.program.match(/"event":"worker_hung"/);
    cluster.program.child.kill("SIGKILL");
    await until(() => !cluster.pids.some(isAlive));
    expect(cluster.folders).toEqual([]);
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
