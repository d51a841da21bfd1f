import { describe, expect, it } from "vitest";

import { ClusterWorld, steerings, whoServes } from "./cluster-world.ts";

async function connectMany(world: ClusterWorld, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => world.connect("/who")));
}

async function spreadOf(world: ClusterWorld): Promise<{ sessions: number[]; shares: number[]; worst: number }> {
  const { workers } = await world.cluster.getClusterStats();
  const active = workers.filter(({ state }) => state === "active");
  const sessions = active.map(({ stats }) => stats!.sessions);
  const mean = sessions.reduce((sum, count) => sum + count) / sessions.length;
  const worst = Math.max(...sessions.map((count) => Math.abs(count / mean - 1)));
  return { sessions, shares: active.map(({ share }) => share!), worst };
}

describe.each(steerings)("new connections, steered by %s", (steering) => {
  it("go to the emptier workers until all have as many", async () => {
    await using world = await ClusterWorld.start({ workers: 1, steering });
    await connectMany(world, 60);
    await world.cluster.scale(3);
    const before = await spreadOf(world);
    expect(before.sessions).toEqual([60, 0, 0]);
    for (const share of before.shares) expect(share).toBeCloseTo(1 / 3, 4);
    // The first ones show the cluster that it matters.
    await connectMany(world, 10);
    await expect.poll(async () => (await spreadOf(world)).shares[0], { timeout: 10_000 }).toBeLessThan(0.1);
    const [full] = (await spreadOf(world)).sessions;
    await connectMany(world, 90);
    const { sessions, shares } = await spreadOf(world);
    // An even part would be 30; a fourth of it is 7 or 8.
    expect(sessions[0]! - full!).toBeLessThan(22);
    expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 6);
    while ((await spreadOf(world)).worst > 0.15) await connectMany(world, 10);
  });

  it("are spread over eight workers, which can be taken away and added again", async () => {
    await using world = await ClusterWorld.start({ workers: 8, steering });
    expect((await world.connectToEach()).size).toBe(8);
    for (let group = 0; group < 24; group += 1) await connectMany(world, 20);
    const spread = await spreadOf(world);
    expect(spread.sessions).toHaveLength(8);
    expect(spread.worst, spread.sessions.join()).toBeLessThan(0.25);
    await world.cluster.scale(1);
    const [left] = world.workers;
    for (let count = 0; count < 8; count += 1) {
      expect((await whoServes(await world.connect("/who"))).pid).toBe(left!.pid);
    }
    // Those that drain have no part of the new connections, but keep what they have.
    const { workers, totalSessionsActive } = await world.cluster.getClusterStats();
    expect(workers.map(({ share }) => share)).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
    expect(totalSessionsActive).toBeGreaterThanOrEqual(480 + 8 + 8);
    await world.cluster.scale(8);
    expect((await world.connectToEach()).size).toBe(8);
  });
});

describe("a worker that does not answer", () => {
  it("gets no new connections, until it answers again", async () => {
    await using world = await ClusterWorld.start({ workers: 2, statsTimeout: 100 });
    const [hung, other] = [...(await world.connectToEach()).keys()].map((pid) =>
      world.workers.findIndex((worker) => worker.pid === pid),
    );
    const busy = world.workers[hung!]!;
    process.kill(busy.pid!, "SIGSTOP");
    const share = async (index: number): Promise<number> => {
      // Some wait in the socket of the worker that stands still.
      void world.connect("/who").catch(() => {});
      return (await world.cluster.getClusterStats()).workers[index]!.share!;
    };
    await expect.poll(() => share(other!), { timeout: 20_000, interval: 50 }).toBeGreaterThan(0.99);
    process.kill(busy.pid!, "SIGCONT");
    await expect.poll(() => share(hung!), { timeout: 20_000, interval: 50 }).toBeGreaterThan(0.4);
  });
});
