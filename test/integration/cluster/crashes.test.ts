import { describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { certificate, ClusterWorld, endOf, steerings, until, whoServes } from "./cluster-world.ts";

describe.each(steerings)("a worker that is killed, steered by %s", (steering) => {
  it("loses its own sessions only, tells their clients at once, and is replaced in its slot", async () => {
    await using world = await ClusterWorld.start({ workers: 2, steering });
    const sessions = await world.connectToEach();
    const victim = world.workers[0]!;
    const [pid, slot] = [victim.pid!, victim.slot];
    const [lost, kept] = [sessions.get(pid)!, sessions.get(world.workers[1]!.pid!)!];
    const exited = world.cluster.waitFor("worker_exited");
    const replaced = world.cluster.waitFor("worker_ready");
    const killedAt = performance.now();
    process.kill(pid, "SIGKILL");
    const noticed = endOf(lost).then(() => performance.now() - killedAt);
    expect(await exited).toMatchObject({ id: victim.id, pid, slot, signal: "SIGKILL", wasAsked: false });
    expect(await replaced).toMatchObject({ id: victim.id, slot });
    // Far sooner than any time-out of QUIC's: the idle one is 60 s here.
    expect(await noticed).toBeLessThan(10_000);
    expect(victim.pid).not.toBe(pid);
    expect(victim.restarts).toBe(1);
    expect((await whoServes(kept)).pid).toBe(world.workers[1]!.pid);
    expect([...(await world.connectToEach()).keys()]).toContain(victim.pid);
  });
});

describe.each(steerings)("clients that connect to a worker when it is killed, steered by %s", (steering) => {
  it("reach another one by their first packet, sent again", async () => {
    await using world = await ClusterWorld.start({ workers: 2, steering });
    const { pid } = world.workers[0]!;
    // It answers no packet any more. That none of 20 clients is its own has a chance of one in a million.
    process.kill(pid!, "SIGSTOP");
    const connecting = Array.from({ length: 20 }, () => world.connect("/who"));
    await Promise.any(connecting);
    process.kill(pid!, "SIGKILL");
    for (const session of await Promise.all(connecting)) expect((await whoServes(session)).pid).not.toBe(pid);
  });

  it("try again when it was to answer their request", async () => {
    await using world = await ClusterWorld.start({ workers: 2, steering });
    // On one connection, so that the client has something to send while it waits for the answer.
    const open = async (path: string): Promise<WebTransportSession> =>
      connect(`https://127.0.0.1:${world.port}${path}`, {
        ca: certificate.cert,
        serverName: "localhost",
        allowPooling: true,
        maxRetries: 1,
        retryDelay: 10,
      });
    const first = await open("/who");
    const { pid } = await whoServes(first);
    const connecting = open("/late?until=2");
    const requests = async (): Promise<number | undefined> =>
      (await world.cluster.getClusterStats()).workers.find((worker) => worker.pid === pid)?.stats?.requests;
    await expect.poll(requests).toBe(1);
    process.kill(pid, "SIGKILL");
    world.setVersion("2");
    const asking = setInterval(() => first.datagrams.trySend("is anybody there?"), 10);
    const session = await connecting;
    clearInterval(asking);
    expect((await whoServes(session)).pid).not.toBe(pid);
    expect(first.isClosed).toBe(true);
    await session.close();
  });
});

describe.each(steerings)("a worker that is replaced later, steered by %s", (steering) => {
  it("has its clients told at once all the same, and its slot serves again afterwards", async () => {
    await using world = await ClusterWorld.start({ workers: 2, steering, restartDelay: 3_600_000, maxCrashes: 10 });
    const [victim, other] = world.workers;
    const ready = world.cluster.waitFor("worker_ready");
    process.kill(victim!.pid!, "SIGKILL");
    await ready;
    const session = (await world.connectToEach()).get(victim!.pid!)!;
    const exited = world.cluster.waitFor("worker_exited");
    process.kill(victim!.pid!, "SIGKILL");
    await exited;
    expect((await endOf(session)).error.message).toContain("stateless reset");
    // For an hour.
    expect(victim).toMatchObject({ state: "crashed", pid: undefined });
    for (let count = 0; count < 4; count += 1) {
      expect((await whoServes(await world.connect("/who"))).pid).toBe(other!.pid);
    }
    const { slot } = victim!;
    await world.cluster.restart();
    expect(victim!.slot).toBe(slot);
    const sessions = await world.connectToEach();
    for (let round = 0; round < 20; round += 1) {
      for (const [pid, each] of sessions) expect((await whoServes(each)).pid).toBe(pid);
    }
  });
});

describe.each(steerings)("a worker that is given up, steered by %s", (steering) => {
  it("has its clients told at once", async () => {
    await using world = await ClusterWorld.start({ workers: 2, steering, maxCrashes: 1 });
    const [victim] = world.workers;
    const session = (await world.connectToEach()).get(victim!.pid!)!;
    const failed = world.cluster.waitFor("failed");
    process.kill(victim!.pid!, "SIGKILL");
    await failed;
    expect((await endOf(session)).error.message).toContain("stateless reset");
    expect(victim!.state).toBe("failed");
  });
});

describe("a cluster with workers that crash", () => {
  it("tells the clients of the last worker that it gives up, and serves again after a restart", async () => {
    await using world = await ClusterWorld.start({ workers: 1, steering: "bpf", maxCrashes: 1 });
    const { port } = world;
    const session = await world.connect("/who");
    const failed = world.cluster.waitFor("failed");
    process.kill(world.workers[0]!.pid!, "SIGKILL");
    await failed;
    expect((await endOf(session)).error.message).toContain("stateless reset");
    await world.cluster.restart();
    for (let count = 0; count < 4; count += 1) {
      expect((await whoServes(await world.connect("/who", { port }))).pid).toBe(world.workers[0]!.pid);
    }
  });

  it("lets clients wait for the replacement where there is no other worker", async () => {
    await using world = await ClusterWorld.start({ workers: 1 });
    const before = world.workers[0]!.pid!;
    const exited = world.cluster.waitFor("worker_exited");
    process.kill(before, "SIGKILL");
    await exited;
    const session = await world.connect("/who");
    expect((await whoServes(session)).pid).not.toBe(before);
  });

  it("replaces a worker whose application throws", async () => {
    await using world = await ClusterWorld.start({ workers: 1 });
    const replaced = world.cluster.waitFor("worker_ready");
    await world.connect("/crash");
    await replaced;
    expect(world.workers[0]).toMatchObject({ restarts: 1, state: "active" });
  });

  it("gives a worker up that keeps crashing, says so, and serves on with the others", async () => {
    await using world = await ClusterWorld.start({ workers: 2, maxCrashes: 3, restartDelay: 1 });
    const [victim, other] = world.workers;
    world.setVersion("broken");
    const failed = world.cluster.waitFor("failed");
    process.kill(victim!.pid!, "SIGKILL");
    const { id, error } = await failed;
    expect(id).toBe(victim!.id);
    expect(error.message).toMatch(/has crashed 3 times in a row and is given up/);
    expect((error.cause as Error).message).toContain("this version is broken");
    expect(victim).toMatchObject({ state: "failed", isServing: false, pid: undefined });
    expect(await victim!.diagnoseIssues()).toEqual([`Worker ${id} has no process: it is failed.`]);
    for (let count = 0; count < 4; count += 1) {
      expect((await whoServes(await world.connect("/who"))).pid).toBe(other!.pid);
    }
    // Once it is repaired, a restart gives it another chance.
    world.setVersion("2");
    await world.cluster.restart();
    expect(victim).toMatchObject({ state: "active", isServing: true });
  });

  it("rejects run() when a worker is given up, and leaves nothing behind", async () => {
    await using world = new ClusterWorld({ workers: 2, maxCrashes: 2, restartDelay: 1 });
    const running = world.cluster.run();
    await until(() => world.cluster.isRunning);
    world.setVersion("broken");
    process.kill(world.workers[0]!.pid!, "SIGKILL");
    await expect(running).rejects.toThrow(/is given up/);
    expect(world.cluster.isRunning).toBe(false);
    expect(process.listenerCount("SIGHUP")).toBe(0);
  });

  it("can be stopped while it waits to replace one", async () => {
    await using world = await ClusterWorld.start({ workers: 1, restartDelay: 3_600_000, maxCrashes: 10 });
    for (let crash = 0; crash < 2; crash += 1) {
      const exited = world.cluster.waitFor("worker_exited");
      const ready = crash === 0 ? world.cluster.waitFor("worker_ready") : undefined;
      process.kill(world.workers[0]!.pid!, "SIGKILL");
      await exited;
      await ready;
    }
    expect(world.workers[0]!.state).toBe("crashed");
    await world.cluster.stopAll();
    expect(world.cluster.isRunning).toBe(false);
  });

  it("takes a signal to a worker for the wish to replace it: no session is lost", async () => {
    await using world = await ClusterWorld.start({ workers: 2 });
    const sessions = await world.connectToEach();
    const worker = world.workers[0]!;
    const { pid } = worker;
    const ready = world.cluster.waitFor("worker_ready");
    process.kill(pid!, "SIGTERM");
    await ready;
    expect(worker.pid).not.toBe(pid);
    const session = sessions.get(pid!)!;
    expect((await whoServes(session)).pid).toBe(pid);
    const exited = world.cluster.waitFor("worker_exited", { condition: (event) => event.pid === pid });
    await session.close();
    expect(await exited).toMatchObject({ wasAsked: true, code: 0 });
    expect(worker.restarts).toBe(0);
  });
});
