import { describe, expect, it } from "vitest";

import { ClusterWorld, until, whoServes } from "./cluster-world.ts";

describe("a worker whose event loop hangs", () => {
  it("is told, stands in the stats, and is told again when it is back", async () => {
    await using world = await ClusterWorld.start({ workers: 2, hangTimeout: 1000, statsTimeout: 600_000 });
    const hung = world.cluster.waitFor("worker_hung");
    const recovered = world.cluster.waitFor("worker_recovered");
    const hanging = await world.connect("/hang?until=go on");
    const { id, silence, pid } = await hung;
    expect(silence).toBeGreaterThan(1000);
    // It is known to hang: nobody waits for it, however long others may take.
    const stats = await world.cluster.getClusterStats();
    expect(stats.unresponsive).toEqual([id]);
    expect(stats.serverCount).toBe(2);
    const entry = stats.workers.find((worker) => worker.id === id);
    expect(entry).toMatchObject({ pid, isHung: true, stats: undefined });
    const worker = world.workers.find((candidate) => candidate.id === id)!;
    expect((await worker.diagnoseIssues())[0]).toMatch(/does not answer: its event loop hangs/);
    world.setVersion("go on");
    expect(await recovered).toMatchObject({ id });
    expect((await hanging.closed).clean).toBe(true);
    expect((await world.cluster.getClusterStats()).unresponsive).toEqual([]);
    expect(worker).toMatchObject({ pid, restarts: 0 });
  });

  it("is replaced with `replaceHung`", async () => {
    await using world = await ClusterWorld.start({ workers: 1, hangTimeout: 1000, replaceHung: true });
    const before = world.workers[0]!.pid!;
    const exited = world.cluster.waitFor("worker_exited");
    const ready = world.cluster.waitFor("worker_ready");
    void world.connect("/hang?until=never").catch(() => {});
    expect(await exited).toMatchObject({ pid: before, signal: "SIGKILL", wasAsked: false });
    await ready;
    expect((await whoServes(await world.connect("/who"))).pid).toBe(world.workers[0]!.pid);
  });
});

describe("getClusterStats()", () => {
  it("has the sums of every figure, and each worker's own with its process", async () => {
    await using world = await ClusterWorld.start({ workers: 2 });
    const sessions = await world.connectToEach();
    // A heartbeat has come by then.
    for (const worker of world.workers) await until(() => worker.current?.lastPong !== undefined);
    const stats = await world.cluster.getClusterStats();
    expect(stats).toMatchObject({ serverCount: 2, restarts: 0, unresponsive: [] });
    expect(stats.totalSessionsActive).toBe(sessions.size);
    const each = stats.workers.map((worker) => worker.stats!);
    expect(stats.totals.sessionsAccepted).toBe(each[0]!.sessionsAccepted + each[1]!.sessionsAccepted);
    expect(stats.totals.sessionStats.maxSessions).toBe(20_000);
    for (const [index, worker] of stats.workers.entries()) {
      expect(worker).toMatchObject({
        id: index + 1,
        pid: world.workers[index]!.pid,
        slot: index,
        state: "active",
        isHung: false,
        restarts: 0,
        address: { host: "127.0.0.1", port: world.port },
      });
      expect(worker.age).toBeGreaterThan(0);
      expect(worker.memory!.rss).toBeGreaterThan(10_000_000);
      expect(worker.eventLoop!.utilization).toBeGreaterThanOrEqual(0);
      expect(worker.eventLoop!.utilization).toBeLessThanOrEqual(1);
      expect(worker.eventLoop!.delayP99).toBeGreaterThanOrEqual(worker.eventLoop!.delayP50);
    }
    expect(await world.workers[0]!.getServerStats()).toMatchObject({ isServing: true });
    expect(await world.workers[0]!.diagnoseIssues()).toBeInstanceOf(Array);
  });

  it("keeps the counts of processes that have ended", async () => {
    await using world = await ClusterWorld.start({ workers: 1 });
    for (let count = 0; count < 3; count += 1) await (await world.connect("/who")).close();
    const exited = world.cluster.waitFor("worker_exited");
    await world.cluster.restart();
    await exited;
    const stats = await world.cluster.getClusterStats();
    expect(stats.totals).toMatchObject({ sessionsAccepted: 3, sessions: 0, ended: { sessions: 3 } });
    expect(stats.totalConnectionsAccepted).toBe(3);
  });
});
