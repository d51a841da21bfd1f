import { describe, expectTypeOf, it } from "vitest";

import { clusterBus } from "../../../src/cluster/bus/cluster-bus.ts";
import { ServerCluster } from "../../../src/cluster/cluster.ts";
import type { ClusterMember } from "../../../src/cluster/cluster-member.ts";
import type { ClusterWorker } from "../../../src/cluster/workers/cluster-worker.ts";
import type { WebTransportServer } from "../../../src/server/server.ts";

describe("the cluster's types", () => {
  it("tell servers of this process from worker processes", () => {
    expectTypeOf(new ServerCluster([]).getServers()).toEqualTypeOf<readonly WebTransportServer[]>();
    expectTypeOf(new ServerCluster([], { app: "./app.js" }).getServers()).toEqualTypeOf<readonly ClusterWorker[]>();
    const app = new URL("file:///app.js");
    expectTypeOf(ServerCluster.forEachCore({}, { app }).getServers()).toEqualTypeOf<readonly ClusterWorker[]>();
  });

  it("make both of them members", () => {
    expectTypeOf<WebTransportServer>().toExtend<ClusterMember>();
    expectTypeOf<ClusterWorker>().toExtend<ClusterMember>();
  });

  it("know the channels of a typed bus, and the payloads of events", () => {
    const bus = clusterBus<{ prices: { readonly price: number } }>();
    const cluster = new ServerCluster([]);
    expectTypeOf<Parameters<typeof bus.broadcast<"prices">>>().toEqualTypeOf<["prices", { readonly price: number }]>();
    // @ts-expect-error: no such channel
    bus.on("weather", () => {});
    cluster.on("worker_ready", ({ slot }) => {
      expectTypeOf(slot).toEqualTypeOf<number>();
    });
    cluster.on("news", (data) => {
      expectTypeOf(data).toEqualTypeOf<unknown>();
    });
  });
});
