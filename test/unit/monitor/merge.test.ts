import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { mergeSamples, mergeSessionLists } from "../../../src/monitor/merge.ts";
import { sessionQuery } from "../../../src/monitor/session-query.ts";
import type { SessionList } from "../../../src/monitor/target.ts";
import { createWorkerAgent } from "../../../src/monitor/worker-agent.ts";
import type { WorkerAgent } from "../../../src/monitor/worker-agent.ts";

import { AppWorld } from "../server/app/app-world.ts";
import { workerOf } from "./scripted-target.ts";

const state = { timestamp: 5, isServing: true, isDraining: false };

describe("mergeSamples()", () => {
  it("adds counts and sizes, and takes the worst of what cannot be added", () => {
    const notAfter = (time: number) => [{ serverName: "", notBefore: 0, notAfter: time }];
    const workers = [
      workerOf("0", {
        connections: { active: 1, limit: 10, handshakeFailures: { tls: 1 } },
        buffers: { used: 5, largestSession: 4, sessionLimit: 9 },
        memory: { resident: 10, limit: 100 },
        certificates: notAfter(9),
        uptime: 3,
      }),
      workerOf("1", {
        connections: { active: 2, limit: 10, handshakeFailures: { tls: 2, timeout: 4 } },
        buffers: { used: 6, largestSession: 5, sessionLimit: 9 },
        memory: { resident: 20, limit: 100 },
        certificates: notAfter(8),
        uptime: 7,
      }),
      workerOf("2", undefined, { state: "missing" }),
    ];
    const sample = mergeSamples(workers, state);
    expect(sample).toMatchObject({ ...state, workers });
    expect(sample.figures).toMatchObject({
      connections: { active: 3, limit: 20, handshakeFailures: { tls: 3, timeout: 4, version: 0 } },
      buffers: { used: 11, largestSession: 5, sessionLimit: 9 },
      memory: { resident: 30, limit: 100 },
      certificates: notAfter(8),
      uptime: 7,
    });
    expect(structuredClone(sample)).toEqual(sample);
  });

  it("has no figures when no worker has answered", () => {
    expect(mergeSamples([workerOf("0", undefined, { state: "missing" })], state).figures).toBeUndefined();
  });
});

describe("a worker's agent", () => {
  let worlds: readonly AppWorld[];
  let agents: readonly WorkerAgent[];

  beforeEach(async () => {
    worlds = [new AppWorld(), new AppWorld()];
    for (const { app } of worlds) app.route("/:name", (session) => session.closed);
    await Promise.all(worlds.map((world) => world.listen()));
    agents = worlds.map(({ app }, index) => createWorkerAgent([app.server], String(index)));
  });
  afterEach(async () => {
    for (const agent of agents) agent.close();
    await Promise.all(worlds.map((world) => world.close()));
  });

  it("answers with plain data, whose lists merge to pages without gaps or doubles", async () => {
    for (const name of ["a", "c", "e"]) await worlds[0]!.connect(`/${name}`);
    for (const name of ["b", "d"]) await worlds[1]!.connect(`/${name}`);
    const page = async (offset: number): Promise<SessionList> => {
      const query = { sort: "path", limit: 2, offset } as const;
      const lists = await Promise.all(agents.map((agent) => agent.listSessions(query)));
      expect(structuredClone(lists)).toEqual(lists);
      return mergeSessionLists(lists, sessionQuery(query));
    };
    const pages = [await page(0), await page(2), await page(4)];
    expect(pages.map(({ rows }) => rows.map(({ path }) => path))).toEqual([["/a", "/b"], ["/c", "/d"], ["/e"]]);
    expect(pages[0]).toMatchObject({ matching: 5, total: 5 });
    const [, row] = pages[0]!.rows;
    expect(row).toMatchObject({ worker: "1", path: "/b" });
    expect(row!.id).toMatch(/^1:/);
    expect(agents[0]!.session(row!.id)).toBeUndefined();
    expect(agents[1]!.session(row!.id)).toMatchObject({ row: { id: row!.id, path: "/b" } });
  });

  it("samples all servers of the process together, and the process's own figures once", async () => {
    await worlds[0]!.connect("/a");
    await worlds[1]!.connect("/b");
    const together = createWorkerAgent(
      worlds.map(({ app }) => app.server),
      "0",
    );
    const [one, both] = [await agents[0]!.sample(), await together.sample()];
    together.close();
    expect(both.sessions).toMatchObject({ active: 2, accepted: 2, limit: 20_000 });
    expect(both.memory.heapLimit).toBe(one.memory.heapLimit);
    expect(both.memory.resident).toBeLessThan(1.5 * one.memory.resident);
  });
});
