import { describe, expect, it } from "vitest";

import { connect, echoHandler, ServerCluster, ServerMonitor } from "../../../dist/index.js";
import type { MonitorMetrics, ServerMonitorOptions } from "../../../dist/index.js";
import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";

import { ClusterWorld, serverConfig } from "../cluster/cluster-world.ts";

/** The test's machine may be busy. */
const options: ServerMonitorOptions = {
  monitoringInterval: 50,
  thresholds: { event_loop_delay: false, memory: false },
};

/** The next sample that fits. */
function sampleWhere(monitor: ServerMonitor, condition: (metrics: MonitorMetrics) => boolean): Promise<MonitorMetrics> {
  return monitor.waitFor("sample", { condition, timeout: 30_000 });
}

function statesOf({ workers }: MonitorMetrics): string[] {
  return workers.map(({ state }) => state);
}

describe("a monitor of a cluster of two processes", () => {
  it("has the figures of both, each process's own, and labels them", async () => {
    await using world = await ClusterWorld.start();
    const held = await world.connectToEach();
    await using monitor = new ServerMonitor(world.cluster, options);
    await monitor.start();
    const metrics = await sampleWhere(monitor, ({ workers }) =>
      workers.every(({ eventLoopDelay }) => eventLoopDelay.p50 !== undefined),
    );
    expect(metrics.figures.sessions.active).toBe(held.size);
    expect(metrics.figures.connections.limit).toBe(20_000);
    expect(metrics.workers).toMatchObject([
      { id: "0", pid: world.workers[0]!.pid, state: "serving", restarts: 0, sessions: 1 },
      { id: "1", pid: world.workers[1]!.pid, state: "serving", restarts: 0, sessions: 1 },
    ]);
    for (const { residentMemory } of metrics.workers) expect(residentMemory).toBeGreaterThan(10_000_000);
    expect(monitor.getHealthStatus()).toMatchObject({ status: "healthy" });
    const text = await monitor.toPrometheus();
    for (const worker of ["0", "1"]) {
      expect(text).toContain(`tswebtransport_sessions_active{worker="${worker}"} 1\n`);
    }
    expect(text).toContain("tswebtransport_serving 1\n");
  });

  it("lists the sessions of both in one order, and tells of each by its id", async () => {
    await using world = await ClusterWorld.start();
    const held = await world.connectToEach();
    for (let count = 0; count < 8; count += 1) await world.connect(`/who?number=${count}`);
    await using monitor = new ServerMonitor(world.cluster);
    const all = await monitor.target.listSessions({ sort: "age" });
    expect(all).toMatchObject({ total: held.size + 8, matching: held.size + 8 });
    expect(new Set(all.rows.map(({ worker }) => worker))).toEqual(new Set(["0", "1"]));
    const ages = all.rows.map(({ age }) => age);
    expect(ages).toEqual(ages.toSorted((left, right) => left - right));
    expect(new Set(all.rows.map(({ id }) => id)).size).toBe(all.total);
    const pages = await Promise.all(
      [0, 4, 8].map((offset) => monitor.target.listSessions({ sort: "address", limit: 4, offset })),
    );
    const ids = pages.flatMap(({ rows }) => rows.map(({ id }) => id));
    expect(ids.toSorted()).toEqual(all.rows.map(({ id }) => id).toSorted());
    const [row] = all.rows;
    const detail = await monitor.target.session(row!.id);
    expect(detail).toMatchObject({ row: { id: row!.id, path: "/who" }, connection: { sessions: 1 }, issues: [] });
    expect(detail!.debugState).toBeTypeOf("object");
    for (const id of ["", "0:", "7:server-1/0", "server-1/0", "0:server-9999/0"]) {
      expect(await monitor.target.session(id)).toBeUndefined();
    }
  });

  it("shows a worker that hangs, tells it, and tells when it is over", async () => {
    await using world = await ClusterWorld.start({ hangTimeout: 1000, statsTimeout: 300 });
    await using monitor = new ServerMonitor(world.cluster, options);
    await monitor.start();
    const raised = monitor.waitFor("alert", { condition: ({ id, type }) => id === "workers" && type === "raised" });
    const recovered = monitor.waitFor("alert", {
      condition: ({ id, type }) => id === "workers" && type === "recovered",
    });
    await world.connect("/hang?until=go on");
    const alert = await raised;
    expect(alert.reason).toMatch(/^1 of 2 workers do not work: [01] unresponsive$/);
    expect(statesOf(monitor.getCurrentMetrics()!).toSorted()).toEqual(["serving", "unresponsive"]);
    expect(monitor.getHealthStatus().status).toBe("unhealthy");
    // The other one's are told all the same.
    expect((await monitor.target.listSessions()).total).toBe(0);
    world.setVersion("go on");
    await recovered;
    expect(statesOf(monitor.getCurrentMetrics()!)).toEqual(["serving", "serving"]);
    expect(monitor.getCurrentMetrics()!.figures.sessions.accepted).toBe(1);
  });

  it("shows a worker that has crashed and was given up, and keeps what it had counted", async () => {
    await using world = await ClusterWorld.start({ maxCrashes: 1 });
    const held = await world.connectToEach();
    await using monitor = new ServerMonitor(world.cluster, options);
    await monitor.start();
    const { figures } = await sampleWhere(monitor, ({ figures: { sessions } }) => sessions.active === 2);
    const failed = world.cluster.waitFor("failed");
    const { pid, id } = world.workers[1]!;
    process.kill(pid!, "SIGKILL");
    await failed;
    const later = await sampleWhere(monitor, (metrics) => statesOf(metrics).includes("missing"));
    expect(later.workers.map((worker) => [worker.id, worker.state, worker.pid])).toEqual([
      ["0", "serving", world.workers[0]!.pid],
      [`lost-${id}`, "missing", undefined],
    ]);
    expect(later.figures.sessions.accepted).toBe(figures.sessions.accepted);
    expect(later.figures.sessions.active).toBe(held.size - 1);
    expect(monitor.getActiveAlerts().map((alert) => alert.id)).toContain("workers");
  });

  it("follows a restart: counts only grow, and the processes before are shown while they drain", async () => {
    await using world = await ClusterWorld.start({ drainTimeout: 60_000 });
    const held = await world.connectToEach();
    await using monitor = new ServerMonitor(world.cluster, options);
    await monitor.start();
    await world.cluster.restart();
    const during = await sampleWhere(monitor, ({ workers }) => workers.length === 4);
    expect(statesOf(during).toSorted()).toEqual(["draining", "draining", "serving", "serving"]);
    expect(during.figures.sessions.active).toBe(2);
    for (const session of held.values()) await session.close();
    const after = await sampleWhere(monitor, ({ workers }) => workers.length === 2);
    expect(after.figures.sessions).toMatchObject({ active: 0, accepted: during.figures.sessions.accepted });
    expect(monitor.getActiveAlerts()).toEqual([]);
  });

  it("is monitored before its start and behind its stop", async () => {
    await using world = new ClusterWorld();
    await using monitor = new ServerMonitor(world.cluster, options);
    await monitor.start();
    expect(monitor.getCurrentMetrics()).toMatchObject({ isServing: false, workers: [] });
    expect(monitor.target).toMatchObject({ isServing: false, isDraining: false, hasServed: false, isAlive: true });
    expect(monitor.getHealthStatus().status).toBe("starting");
    expect(monitor.getAlerts()).toEqual([]);
    await world.cluster.startAll();
    await sampleWhere(monitor, ({ isServing }) => isServing);
    const stopping = world.cluster.stopAll();
    expect(monitor.target).toMatchObject({ isServing: false, isDraining: true });
    await stopping;
    await sampleWhere(monitor, ({ isServing, isDraining }) => !isServing && !isDraining);
    expect(monitor.target).toMatchObject({ hasServed: true, isAlive: false });
    expect(monitor.getHealthStatus().status).toBe("unhealthy");
  });
});

describe("what orchestrators are told of a cluster", () => {
  async function probes(url: string): Promise<string[]> {
    const answers = await Promise.all([fetch(`${url}healthz`), fetch(`${url}readyz`)]);
    return Promise.all(answers.map(async (answer) => `${answer.status} ${(await statusIn(answer)).status}`));
  }

  function statusIn(answer: Response): Promise<{ readonly status: string }> {
    return answer.json() as Promise<{ readonly status: string }>;
  }

  it("stays alive, but not ready, while every worker is replaced", async () => {
    await using world = new ClusterWorld({ workers: 2, restartDelay: 60_000, maxRestartDelay: 60_000 });
    await using monitor = new ServerMonitor(world.cluster, options);
    const { url } = await monitor.serve({ port: 0 });
    expect(await probes(url)).toEqual(["200 alive", "503 starting"]);
    await world.cluster.startAll();
    expect(await probes(url)).toEqual(["200 alive", "200 ready"]);
    for (const { id, pid } of world.workers) {
      const exited = world.cluster.waitFor("worker_exited", { condition: (event) => event.id === id });
      process.kill(pid!, "SIGKILL");
      await exited;
    }
    expect(await probes(url)).toEqual(["200 alive", "503 recovering"]);
    await world.cluster.restart();
    expect(await probes(url)).toEqual(["200 alive", "200 ready"]);
    const stopping = world.cluster.stopAll();
    expect(await probes(url)).toEqual(["200 alive", "503 draining"]);
    await stopping;
    expect(await probes(url)).toEqual(["503 not serving", "503 not serving"]);
  });

  it("is not alive any more when every worker was given up", async () => {
    await using world = await ClusterWorld.start({ workers: 1, maxCrashes: 1 });
    await using monitor = new ServerMonitor(world.cluster, options);
    const { url } = await monitor.serve({ port: 0 });
    const failed = world.cluster.waitFor("failed");
    process.kill(world.workers[0]!.pid!, "SIGKILL");
    await failed;
    expect(await probes(url)).toEqual(["503 not serving", "503 not serving"]);
  });
});

describe("a monitor of a cluster in one process", () => {
  it("has its servers as one, and keeps the counts of those that were taken out", async () => {
    const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
    await using cluster = new ServerCluster([
      { ...serverConfig, cert, key },
      { ...serverConfig, cert, key },
    ]);
    await cluster.startAll();
    for (const server of cluster.getServers()) {
      void (async () => {
        for await (const request of server.incomingSessions()) void echoHandler(await request.accept());
      })();
    }
    const [first, second] = cluster.getServers().map((server) => server.localAddress!.port);
    const open = (port: number): ReturnType<typeof connect> =>
      connect(`https://127.0.0.1:${port}/`, { serverCertificateHashes: [certificateHash], maxRetries: 0 });
    await using one = await open(first!);
    await using other = await open(second!);
    await using monitor = new ServerMonitor(cluster, options);
    await monitor.start();
    const metrics = monitor.getCurrentMetrics()!;
    expect(metrics.workers).toMatchObject([{ id: "", pid: process.pid, state: "serving", sessions: 2 }]);
    expect(metrics.figures.sessions.accepted).toBe(2);
    expect(metrics.figures.memory.resident).toBeLessThan(1.5 * process.memoryUsage().rss);
    const { rows } = await monitor.target.listSessions();
    expect(rows).toHaveLength(2);
    expect((await monitor.target.session(rows[1]!.id))?.row.id).toBe(rows[1]!.id);
    await cluster.removeServer({ host: "127.0.0.1", port: first! });
    const later = await sampleWhere(monitor, ({ figures }) => figures.sessions.active === 1);
    expect(later.figures.sessions.accepted).toBe(2);
    await Promise.all([one.close(), other.close()]);
  });
});
