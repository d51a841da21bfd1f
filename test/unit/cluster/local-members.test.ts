import { afterEach, describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import { ServerCluster } from "../../../src/cluster/cluster.ts";
import { CertificateError, ServerError } from "../../../src/errors/errors.ts";

import { certificateHash, config } from "./local-config.ts";

let cluster = new ServerCluster();
afterEach(async () => {
  await cluster.stopAll({ timeout: 0 });
});

describe("a cluster without `app`", () => {
  it("starts all, tells their addresses in order, and starts again after a stop", async () => {
    cluster = new ServerCluster([config, config]);
    expect([cluster.isRunning, cluster.getServerCount()]).toEqual([false, 0]);
    for (let round = 0; round < 2; round += 1) {
      await cluster.startAll();
      await cluster.startAll();
      const servers = cluster.getServers();
      expect([cluster.isRunning, cluster.getServerCount(), servers.length]).toEqual([true, 2, 2]);
      expect(servers.map(({ isServing }) => isServing)).toEqual([true, true]);
      expect(new Set(servers.map(({ localAddress }) => localAddress?.port)).size).toBe(2);
      await cluster.stopAll({ timeout: 0 });
      await cluster.stopAll();
      expect([cluster.isRunning, cluster.getServerCount()]).toEqual([false, 0]);
      expect(servers.map(({ isServing }) => isServing)).toEqual([false, false]);
    }
  });

  it("stops what had started when one cannot, and tells every cause", async () => {
    await using other = new ServerCluster([config]);
    await other.startAll();
    const bindPort = other.getServers()[0]!.localAddress!.port;
    cluster = new ServerCluster([
      config,
      { ...config, bindPort },
      { bindHost: "127.0.0.1", bindPort: 0, logLevel: "silent" },
    ]);
    const error = await cluster.startAll().then(
      () => undefined,
      (reason: unknown) => reason as AggregateError,
    );
    expect(error).toBeInstanceOf(AggregateError);
    expect(error?.errors).toHaveLength(2);
    expect(error?.errors[0]).toMatchObject({ code: "ERR_WT_ADDRESS_IN_USE" });
    expect(error?.errors[1]).toBeInstanceOf(CertificateError);
    expect([cluster.isRunning, cluster.getServerCount()]).toEqual([false, 0]);
  });

  it("adds and removes servers while it runs, and before", async () => {
    cluster = new ServerCluster();
    expect(await cluster.addServer(config)).toBeUndefined();
    expect(cluster.getServerCount()).toBe(0);
    await cluster.startAll();
    expect(cluster.getServerCount()).toBe(1);
    const added = await cluster.addServer(config);
    const address = added!.localAddress!;
    expect(cluster.getServers().at(-1)).toBe(added);
    await expect(cluster.addServer({ ...config, bindPort: address.port })).rejects.toBeInstanceOf(ServerError);
    expect(await cluster.removeServer({ host: "localhost", port: address.port })).toBe(false);
    expect(await cluster.removeServer(address)).toBe(true);
    expect(await cluster.removeServer(address)).toBe(false);
    expect([added!.isServing, cluster.getServerCount()]).toEqual([false, 1]);
    await cluster.stopAll({ timeout: 0 });
    await cluster.startAll();
    // What was added while it ran is not kept for a later start.
    expect(cluster.getServerCount()).toBe(1);
  });

  it("sums the servers' figures, those of removed ones included, and has zeros without servers", async () => {
    cluster = new ServerCluster([config, config]);
    expect(await cluster.getClusterStats()).toMatchObject({ serverCount: 0, totalSessionsActive: 0, workers: [] });
    await cluster.startAll();
    const sessions = await Promise.all(
      cluster.getServers().map(async (server) => {
        const opening = connect(`https://127.0.0.1:${server.localAddress!.port}/`, {
          serverCertificateHashes: [certificateHash],
        });
        for await (const incoming of server.incomingSessions()) {
          await incoming.accept();
          break;
        }
        return opening;
      }),
    );
    const stats = await cluster.getClusterStats();
    expect(stats).toMatchObject({
      serverCount: 2,
      totalConnectionsAccepted: 2,
      totalConnectionsRejected: 0,
      totalConnectionsActive: 2,
      totalSessionsActive: 2,
      unresponsive: [],
      restarts: 0,
      totals: { sessionsAccepted: 2, sessionStats: { totalCreated: 2, maxSessions: 20_000 } },
    });
    expect(stats.workers.map(({ id, pid, state }) => ({ id, pid, state }))).toEqual([
      { id: 1, pid: process.pid, state: "active" },
      { id: 2, pid: process.pid, state: "active" },
    ]);
    await Promise.all(sessions.map((session) => session.close()));
    await cluster.removeServer(cluster.getServers()[0]!.localAddress!);
    expect(await cluster.getClusterStats()).toMatchObject({ serverCount: 1, totalConnectionsAccepted: 2 });
  });

  it("refuses what only processes can do", async () => {
    cluster = new ServerCluster([config]);
    await expect(cluster.restart()).rejects.toThrow("the cluster does not run");
    await cluster.startAll();
    await expect(cluster.restart()).rejects.toThrow("restart() needs worker processes");
    await expect(cluster.scale(2)).rejects.toThrow("scale() needs worker processes");
    expect(cluster.isRunning).toBe(true);
  });

  it("delivers its bus within the process, and keeps the names of events to itself", async () => {
    cluster = new ServerCluster();
    const heard = new Promise((resolve) => cluster.on("news", resolve));
    cluster.broadcast("news", new Map([[1, 2]]));
    expect(await heard).toEqual(new Map([[1, 2]]));
    expect(() => cluster.broadcast("failed", 1)).toThrow("it is an event of the cluster");
  });

  it("can be stopped while it starts, and disposed of", async () => {
    {
      await using scoped = new ServerCluster([config]);
      const starting = scoped.startAll();
      await scoped.stopAll();
      await expect(starting).rejects.toThrow("stopped while it was starting");
      expect(scoped.isRunning).toBe(false);
      await scoped.startAll();
      cluster = scoped;
    }
    expect(cluster.isRunning).toBe(false);
  });

  it("runs until its signal aborts", async () => {
    cluster = new ServerCluster([config]);
    const abort = new AbortController();
    const running = cluster.run({ signal: abort.signal });
    await expect.poll(() => cluster.isRunning).toBe(true);
    abort.abort();
    await running;
    expect(cluster.isRunning).toBe(false);
    expect(process.listenerCount("SIGHUP")).toBe(0);
  });
});
