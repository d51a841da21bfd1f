import { describe, expect, it } from "vitest";

import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { ClusterWorld, steerings, until, whoServes } from "./cluster-world.ts";

/** Clients that connect, ask, and close, one after the other, until they are told to stop. */
class Load {
  readonly failures: unknown[] = [];
  readonly versions = new Set<string>();
  connects = 0;
  #isOver = false;
  readonly #running: Promise<void>[];

  constructor(world: ClusterWorld, clients: number) {
    this.#running = Array.from({ length: clients }, () => this.#run(world));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #run(world: ClusterWorld): Promise<void> {
    while (!this.#isOver) {
      try {
        const session = await world.connect("/who");
        this.connects += 1;
        this.versions.add((await whoServes(session)).version);
        await session.close();
      } catch (error) {
        this.failures.push(error);
      }
    }
  }
}

describe.each(steerings)("restart(), steered by %s", (steering) => {
  it("replaces every worker under load: no connect fails, no session is lost, new code serves new sessions", async () => {
    await using world = await ClusterWorld.start({ workers: 2, steering });
    const old = world.workers.map(({ pid }) => pid!);
    const held = await world.connectToEach();
    const load = new Load(world, 3);
    await until(() => load.connects > 5);
    world.setVersion("2");
    const exits: number[] = [];
    world.cluster.on("worker_exited", ({ pid }) => exits.push(pid!));
    await world.cluster.restart();
    const since = load.connects;
    await until(() => load.connects > since + 10);
    await load.end();
    expect(load.failures).toEqual([]);
    expect(load.versions).toEqual(new Set(["1", "2"]));
    // Old sessions go on with the old code, new ones have the new code.
    for (const [pid, session] of held) expect(await whoServes(session)).toEqual({ pid, version: "1" });
    expect((await whoServes(await world.connect("/who"))).version).toBe("2");
    expect(world.workers.map(({ pid }) => pid!).filter((pid) => old.includes(pid))).toEqual([]);
    expect(exits).toEqual([]);
    for (const session of held.values()) await session.close();
    await until(() => exits.length === 2);
    expect(new Set(exits)).toEqual(new Set(old));
    expect((await world.cluster.getClusterStats()).workers).toHaveLength(2);
  });

  it("drains sessions that go on after the deadline", async () => {
    await using world = await ClusterWorld.start({ workers: 1, steering, drainTimeout: 100, closeTimeout: 100 });
    const session = await world.connect("/who");
    const { pid } = await whoServes(session);
    const draining = session.draining;
    const exited = world.cluster.waitFor("worker_exited");
    await world.cluster.restart();
    await draining;
    expect(await session.closed).toMatchObject({ clean: true, by: "peer", code: 0 });
    expect(await exited).toMatchObject({ pid, code: 0, wasAsked: true });
  });
});

describe("restart()", () => {
  it("rejects and leaves the old worker serving when the new one does not come up", async () => {
    await using world = await ClusterWorld.start({ workers: 2 });
    const old = world.workers.map(({ pid }) => pid);
    world.setVersion("broken");
    await expect(world.cluster.restart()).rejects.toThrow(/this version is broken/);
    expect(world.workers.map(({ pid, state }) => [pid, state])).toEqual(old.map((pid) => [pid, "active"]));
    expect((await whoServes(await world.connect("/who"))).version).toBe("1");
    world.setVersion("3");
    await world.cluster.restart();
    expect((await whoServes(await world.connect("/who"))).version).toBe("3");
  });

  it("waits for a slot when all are taken by workers that drain", async () => {
    await using world = await ClusterWorld.start({ workers: 1, slots: 2 });
    const first = await world.connect("/who");
    const { pid } = await whoServes(first);
    await world.cluster.restart();
    const again = world.cluster.restart();
    expect((await whoServes(first)).pid).toBe(pid);
    await first.close();
    await again;
    expect(world.pids.size).toBe(3);
  });

  it("does once what is asked for several times at once", async () => {
    await using world = await ClusterWorld.start({ workers: 1 });
    await Promise.all([world.cluster.restart(), world.cluster.restart(), world.cluster.restart()]);
    expect(world.pids.size).toBe(2);
  });
});

describe("scale()", () => {
  it("adds workers and takes them out again, without a lost session", async () => {
    await using world = await ClusterWorld.start({ workers: 1, slots: 4 });
    const load = new Load(world, 2);
    await until(() => load.connects > 3);
    await world.cluster.scale(3);
    expect(world.cluster.getServerCount()).toBe(3);
    const sessions: Map<number, WebTransportSession> = await world.connectToEach();
    expect(sessions.size).toBe(3);
    await world.cluster.scale(1);
    expect(world.cluster.getServerCount()).toBe(1);
    for (const [pid, session] of sessions) expect((await whoServes(session)).pid).toBe(pid);
    const stats = await world.cluster.getClusterStats();
    expect(stats.workers.map(({ state }) => state)).toEqual(["active", "draining", "draining"]);
    expect(stats).toMatchObject({ serverCount: 1, unresponsive: [] });
    expect(stats.totalSessionsActive).toBeGreaterThanOrEqual(3);
    const since = load.connects;
    await until(() => load.connects > since + 5);
    await load.end();
    expect(load.failures).toEqual([]);
    const exits = [1, 2].map((id) =>
      world.cluster.waitFor("worker_exited", { condition: (event) => event.id === id + 1 }),
    );
    for (const session of sessions.values()) await session.close();
    await Promise.all(exits);
    expect((await world.cluster.getClusterStats()).workers).toHaveLength(1);
  });

  it("refuses more workers than slots, and numbers that none can have", async () => {
    await using world = await ClusterWorld.start({ workers: 1, slots: 2 });
    await expect(world.cluster.scale(3)).rejects.toMatchObject({ name: "ConfigurationError", configKey: "workers" });
    await expect(world.cluster.scale(0)).rejects.toMatchObject({ name: "ConfigurationError", configKey: "workers" });
    await expect(world.cluster.scale(2, { host: "::1", port: 1 })).rejects.toMatchObject({ configKey: "address" });
    expect(world.cluster.getServerCount()).toBe(1);
  });
});
