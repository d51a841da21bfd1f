import { describe, expect, it } from "vitest";

import { ServerCluster } from "../../../dist/index.js";

import { ClusterWorld, fixture, isAlive, serverConfig, steerings, whoServes } from "./cluster-world.ts";

describe.each(steerings)("a cluster with processes, steered by %s", (steering) => {
  it("serves one port by every worker, and leaves no process behind", async () => {
    await using world = await ClusterWorld.start({ workers: 3, steering });
    expect(world.cluster.getServerCount()).toBe(3);
    expect(new Set(world.workers.map(({ localAddress }) => localAddress?.port)).size).toBe(1);
    const pids = world.workers.map(({ pid }) => pid!);
    expect(new Set(pids).size).toBe(3);
    expect(pids).not.toContain(process.pid);
    const sessions = await world.connectToEach();
    expect(new Set(sessions.keys())).toEqual(new Set(pids));
    // Each session stays with its worker.
    for (const [pid, session] of sessions) {
      for (let round = 0; round < 5; round += 1) expect((await whoServes(session)).pid).toBe(pid);
    }
    const ends = [...sessions.values()].map((session) => session.closed);
    await world.cluster.stopAll({ timeout: 0, code: 7, reason: "over" });
    expect(pids.filter(isAlive)).toEqual([]);
    for (const end of ends) expect(await end).toMatchObject({ by: "peer" });
    expect([world.cluster.isRunning, world.cluster.getServerCount()]).toEqual([false, 0]);
  });

  it("starts again after a stop", async () => {
    await using world = await ClusterWorld.start({ workers: 1, steering });
    await world.cluster.stopAll();
    await world.cluster.startAll();
    const session = await world.connect("/who");
    expect((await whoServes(session)).pid).toBe(world.workers[0]!.pid);
  });

  it("keeps a second deployment off its port, and lets it in after its end", async () => {
    await using world = await ClusterWorld.start({ workers: 1, steering });
    const bindPort = world.port;
    await using second = new ClusterWorld({ workers: 2, steering, config: { bindPort } });
    const error = (await second.cluster.startAll().catch((reason: unknown) => reason)) as AggregateError;
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.errors).toHaveLength(1);
    expect(error.errors[0]).toMatchObject({ name: "ServerError", code: "ERR_WT_ADDRESS_IN_USE" });
    expect(second.pids.size).toBe(0);
    expect((await whoServes(await world.connect("/who"))).pid).toBe(world.workers[0]!.pid);
    await world.cluster.stopAll({ timeout: 0 });
    await second.cluster.startAll();
    expect(second.port).toBe(bindPort);
  });
});

describe("a cluster with processes", () => {
  it("has a UDP port for each host and port of its configurations, `localhost` with both of its addresses", async () => {
    await using cluster = new ServerCluster(
      [serverConfig, { ...serverConfig, bindHost: "localhost" }, { ...serverConfig, bindHost: "localhost" }],
      { app: fixture("app.mjs"), execArgv: [], logLevel: "silent" },
    );
    await cluster.startAll();
    const [alone, ...together] = cluster.getServers().map(({ localAddress }) => localAddress?.port);
    expect(new Set(together).size).toBe(1);
    expect(together).not.toContain(alone);
    const pids = cluster.getServers().map(({ pid }) => pid!);
    const address = { host: "127.0.0.1", port: together[0]! };
    expect(await cluster.removeServer(address)).toBe(true);
    expect(await cluster.removeServer(address)).toBe(false);
    expect(pids.map(isAlive)).toEqual([true, false, false]);
    expect(cluster.getServerCount()).toBe(1);
  });

  it("adds a worker to a port that is in use by it, and removes one by close()", async () => {
    await using world = await ClusterWorld.start({ workers: 1 });
    const added = (await world.cluster.addServer(serverConfig))!;
    expect(added.localAddress).toEqual(world.workers[0]!.localAddress);
    expect([...(await world.connectToEach()).keys()]).toContain(added.pid);
    const { pid } = added;
    await added.close({ timeout: 0 });
    expect([isAlive(pid!), added.isServing, world.cluster.getServerCount()]).toEqual([false, false, 1]);
    for (let count = 0; count < 5; count += 1) {
      expect((await whoServes(await world.connect("/who"))).pid).toBe(world.workers[0]!.pid);
    }
  });

  it("hands the module's own app its address and certificate", async () => {
    await using world = await ClusterWorld.start({ workers: 2, app: fixture("app-object.mjs") });
    expect((await whoServes(await world.connect("/who"))).version).toBe("object");
  });
});
