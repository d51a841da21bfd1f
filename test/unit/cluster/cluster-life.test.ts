import { afterEach, describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import { ServerCluster } from "../../../src/cluster/cluster.ts";
import { ConfigurationError } from "../../../src/errors/errors.ts";

import { certificateHash, config } from "./local-config.ts";

let cluster = new ServerCluster();
afterEach(async () => {
  await cluster.stopAll({ timeout: 0 });
});

describe("calls of a cluster while another call is under way", () => {
  it("let the last one decide: a start after a stop that waits is taken back by the next stop", async () => {
    cluster = new ServerCluster([config]);
    await cluster.startAll();
    const stopping = cluster.stopAll();
    const starting = cluster.startAll();
    const again = cluster.stopAll();
    await expect(starting).rejects.toThrow("stopped while it was starting");
    await Promise.all([stopping, again]);
    expect([cluster.isRunning, cluster.getServerCount()]).toEqual([false, 0]);
  });

  it("let the last one decide: a start after the stop of a start starts", async () => {
    cluster = new ServerCluster([config]);
    const first = cluster.startAll();
    const stopping = cluster.stopAll();
    const second = cluster.startAll();
    await expect(first).rejects.toThrow("stopped while it was starting");
    await stopping;
    await second;
    expect([cluster.isRunning, cluster.getServerCount()]).toEqual([true, 1]);
    expect(cluster.getServers()[0]!.isServing).toBe(true);
  });

  it("keep balance of the handlers of signals", async () => {
    cluster = new ServerCluster([config], { handleSignals: true });
    for (let round = 0; round < 3; round += 1) {
      const starts = [cluster.startAll(), cluster.stopAll(), cluster.startAll(), cluster.stopAll(), cluster.startAll()];
      await Promise.allSettled(starts);
      expect(process.listenerCount("SIGHUP")).toBe(1);
      await cluster.stopAll();
      expect(process.listenerCount("SIGHUP")).toBe(0);
    }
  });

  it("run() after a stop that is under way runs until the next stop", async () => {
    cluster = new ServerCluster([config]);
    await cluster.startAll();
    const stopping = cluster.stopAll();
    let hasEnded = false;
    const running = cluster.run().then(() => {
      hasEnded = true;
    });
    await stopping;
    await cluster.startAll();
    await new Promise(setImmediate);
    expect([cluster.isRunning, hasEnded]).toEqual([true, false]);
    await cluster.stopAll();
    await running;
  });

  it("addServer() during a start adds to it", async () => {
    cluster = new ServerCluster([config]);
    const starting = cluster.startAll();
    const added = await cluster.addServer(config);
    await starting;
    expect(added?.isServing).toBe(true);
    expect(cluster.getServerCount()).toBe(2);
  });

  it("stopAll() waits for a server that is being removed, and hurries it", async () => {
    cluster = new ServerCluster([config]);
    await cluster.startAll();
    const [server] = cluster.getServers();
    const { port } = server!.localAddress!;
    const opening = connect(`https://127.0.0.1:${port}/`, { serverCertificateHashes: [certificateHash] });
    for await (const incoming of server!.incomingSessions()) {
      await incoming.accept();
      break;
    }
    const session = await opening;
    const draining = session.draining;
    let isRemoved = false;
    const removing = cluster.removeServer(server!.localAddress!).then(() => {
      isRemoved = true;
    });
    await draining;
    expect(isRemoved).toBe(false);
    const before = performance.now();
    await cluster.stopAll({ timeout: 0 });
    expect(isRemoved).toBe(true);
    expect(server!.isDraining).toBe(false);
    expect(performance.now() - before).toBeLessThan(4000);
    await removing;
  });
});

describe("wrong arguments of a cluster's methods", () => {
  it("are refused by stopAll(), which stops nothing then", async () => {
    cluster = new ServerCluster([config]);
    await cluster.startAll();
    await expect(cluster.stopAll({ code: -1 })).rejects.toBeInstanceOf(RangeError);
    await expect(cluster.stopAll({ timeout: 0, code: 0.5 })).rejects.toBeInstanceOf(RangeError);
    await expect(cluster.stopAll({ reason: 7 as never })).rejects.toBeInstanceOf(TypeError);
    for (const timeout of [-1, Number.NaN, Infinity, "1" as never]) {
      await expect(cluster.stopAll({ timeout })).rejects.toMatchObject({ configKey: "timeout" });
    }
    expect([cluster.isRunning, cluster.getServers()[0]!.isServing]).toEqual([true, true]);
  });

  it("are refused by removeServer() and scale(), running or not", async () => {
    cluster = new ServerCluster([config]);
    for (let round = 0; round < 2; round += 1) {
      for (const address of [undefined, null, "127.0.0.1:4433", {}, { host: "::1" }, { host: "::1", port: "4433" }]) {
        await expect(cluster.removeServer(address as never)).rejects.toMatchObject({ configKey: "address" });
      }
      await expect(cluster.scale(2, null as never)).rejects.toMatchObject({ configKey: "address" });
      await expect(cluster.scale("2" as never)).rejects.toMatchObject({ configKey: "workers" });
      expect(await cluster.removeServer({ host: "192.0.2.1", port: 1 })).toBe(false);
      await cluster.startAll();
    }
  });

  it("are refused by the constructor and forEachCore()", () => {
    expect(() => new ServerCluster(config as never)).toThrow(ConfigurationError);
    expect(() => new ServerCluster([null as never])).toThrow(ConfigurationError);
    expect(() => (ServerCluster.forEachCore as (given: object) => unknown)(config)).toThrow(/^app is needed/);
  });

  it("are refused by on()", () => {
    cluster = new ServerCluster();
    expect(() => cluster.on("news", undefined as never)).toThrow(TypeError);
    expect(() => cluster.on("failed", undefined as never)).toThrow(TypeError);
    expect(() => cluster.on("", () => {})).toThrow(TypeError);
  });
});
