import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { ClusterWorld, endOf, fixture, isAlive, steerings, until, whoServes } from "./cluster-world.ts";

describe.each(steerings)("a worker that is killed while it drains, steered by %s", (steering) => {
  it("has its clients told at once", async () => {
    await using world = await ClusterWorld.start({ workers: 1, steering, slots: 3 });
    const session = await world.connect("/who");
    const { pid } = await whoServes(session);
    await world.cluster.restart();
    expect((await whoServes(session)).pid).toBe(pid);
    const exited = world.cluster.waitFor("worker_exited");
    process.kill(pid, "SIGKILL");
    expect(await exited).toMatchObject({ pid, signal: "SIGKILL", wasAsked: true });
    expect((await endOf(session)).error.message).toContain("stateless reset");
    // Nobody is missing: the slot is free, and can be taken again.
    expect(world.workers[0]).toMatchObject({ restarts: 0, state: "active" });
    await world.cluster.scale(3);
    expect([...(await world.connectToEach()).keys()]).toHaveLength(3);
  });
});

describe("a cluster in hard times", () => {
  it("does not replace a worker because one that drains is told to end", async () => {
    await using world = await ClusterWorld.start({ workers: 1 });
    const session = await world.connect("/who");
    const { pid } = await whoServes(session);
    await world.cluster.restart();
    const exited = world.cluster.waitFor("worker_exited", { condition: (event) => event.pid === pid });
    process.kill(pid, "SIGTERM");
    // It answers in order: the signal has been heard before, and what it has led to stands before this call.
    expect((await whoServes(session)).pid).toBe(pid);
    await world.cluster.getClusterStats();
    await world.cluster.scale(1);
    expect(world.pids.size).toBe(2);
    process.kill(pid, "SIGTERM");
    expect(await exited).toMatchObject({ wasAsked: true, code: 0 });
    expect(world.pids.size).toBe(2);
  });

  it("rejects a restart for which there can be no slot, and does what is asked for next", async () => {
    await using world = await ClusterWorld.start({ workers: 1, slots: 1 });
    await expect(world.cluster.restart()).rejects.toThrow(
      /all 1 slots are taken by workers that serve: give the option/,
    );
    await world.cluster.scale(1);
    expect((await whoServes(await world.connect("/who"))).pid).toBe(world.workers[0]!.pid);
  });

  it("goes on with a restart when a worker is closed meanwhile", async () => {
    await using world = await ClusterWorld.start({ workers: 3 });
    const [first, second, third] = world.workers;
    const { pid } = third!;
    const restarting = world.cluster.restart();
    // The first one's successor is starting then.
    await new Promise(setImmediate);
    await Promise.all([first!.close({ timeout: 0 }), second!.close({ timeout: 0 })]);
    await restarting;
    expect(world.workers).toEqual([third]);
    expect(third!.pid).not.toBe(pid);
  });

  it("waits, when it stops, for servers that are being removed", async () => {
    await using world = await ClusterWorld.start({ workers: 1, app: fixture("patient-app.mjs") });
    const { localAddress, pid } = world.workers[0]!;
    const session = await world.connect("/stay");
    const draining = session.draining;
    const removing = world.cluster.removeServer(localAddress!);
    await draining;
    expect(isAlive(pid!)).toBe(true);
    await world.cluster.stopAll({ timeout: 0 });
    expect(isAlive(pid!)).toBe(false);
    expect(await removing).toBe(true);
  });

  it("serves on after what cleans temporary files has taken its folder away", async () => {
    const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("tswt-"));
    const before = new Set(folders());
    await using world = await ClusterWorld.start({ workers: 1 });
    const path = world.workers[0]!.current!.relayPath;
    expect(before).not.toContain(path);
    rmSync(join(path, ".."), { recursive: true });
    await world.cluster.restart();
    const ready = world.cluster.waitFor("worker_ready");
    process.kill(world.workers[0]!.pid!, "SIGKILL");
    await ready;
    expect((await whoServes(await world.connect("/who"))).pid).toBe(world.workers[0]!.pid);
  });

  it("is not disturbed by what an application sends to its parent", async () => {
    await using world = await ClusterWorld.start({ workers: 1, app: fixture("chatty-app.mjs") });
    await world.connect("/stay");
    expect((await world.cluster.getClusterStats()).totalSessionsActive).toBe(1);
  });

  it("asks a worker that hangs for nothing", async () => {
    await using world = await ClusterWorld.start({ workers: 1, hangTimeout: 100, statsTimeout: 2 ** 31 - 1 });
    const hung = world.cluster.waitFor("worker_hung");
    const [worker] = world.workers;
    process.kill(worker!.pid!, "SIGSTOP");
    await hung;
    // It would wait for weeks.
    expect((await world.cluster.getClusterStats()).unresponsive).toEqual([worker!.id]);
    const recovered = world.cluster.waitFor("worker_recovered");
    process.kill(worker!.pid!, "SIGCONT");
    await recovered;
    expect((await world.cluster.getClusterStats()).unresponsive).toEqual([]);
  });

  it("stops in every state of a restart and of a crash", async () => {
    await using world = new ClusterWorld({ workers: 2, closeTimeout: 0 });
    for (let round = 0; round < 6; round += 1) {
      await world.cluster.startAll();
      const others: Promise<unknown>[] = [];
      if (round % 2 === 0) others.push(Promise.allSettled([world.cluster.restart(), world.cluster.scale(3)]));
      if (round > 1) process.kill(world.workers[0]!.pid!, "SIGKILL");
      if (round > 3) await world.cluster.waitFor("worker_exited");
      others.push(world.cluster.removeServer(world.workers[0]!.localAddress!));
      await world.cluster.stopAll();
      await Promise.all(others);
      expect([world.cluster.isRunning, world.cluster.getServerCount()]).toEqual([false, 0]);
      await until(() => ![...world.pids].some(isAlive));
    }
  });
});

describe("a worker process", () => {
  it("ends when its cluster has gone before it was there to hear it", async () => {
    const program = fileURLToPath(new URL("../../../dist/cluster/worker/worker-main.js", import.meta.url));
    // All of it is there before the program is loaded. What it is to start would never end.
    const app = "data:text/javascript,setInterval(()=>{},1000);await new Promise(()=>{})";
    const folder = mkdtempSync(join(tmpdir(), "worker-test-"));
    const relayPath = join(folder, "1");
    const child = fork(program, [String(process.pid), relayPath], { execArgv: [], serialization: "advanced" });
    child.send({ type: "start", app, relayPath, closeTimeout: 0, exitTimeout: 0 });
    child.disconnect();
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(existsSync(folder)).toBe(false);
  });
});
