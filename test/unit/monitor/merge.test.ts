import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { mergeSamples, mergeSessionLists } from "../../../src/monitor/merge.ts";
import { sessionQuery } from "../../../src/monitor/session-query.ts";
import type { SessionList } from "../../../src/monitor/target.ts";
import { answerMonitor } from "../../../src/monitor/worker-agent.ts";
import type { AgentAnswers, AgentCall } from "../../../src/monitor/worker-agent.ts";

import { AppWorld } from "../server/app/app-world.ts";
import { workerOf } from "./scripted-target.ts";

const state = { timestamp: 5, isServing: true, isDraining: false, hasServed: true };

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

  beforeEach(async () => {
    worlds = [new AppWorld(), new AppWorld()];
    for (const { app } of worlds) app.route("/:name", (session) => session.closed);
    await Promise.all(worlds.map((world) => world.listen()));
  });
  afterEach(() => Promise.all(worlds.map((world) => world.close())));

  const ask = async <Name extends AgentCall["name"]>(
    world: AppWorld,
    call: AgentCall & { name: Name },
  ): Promise<AgentAnswers[Name]> => (await answerMonitor(world.app.server, call)) as AgentAnswers[Name];

  it("answers with plain data, whose lists merge to pages without gaps or doubles", async () => {
    const [first, second] = worlds as [AppWorld, AppWorld];
    for (const name of ["a", "c", "e"]) await first.connect(`/${name}`);
    for (const name of ["b", "d"]) await second.connect(`/${name}`);
    const page = async (offset: number): Promise<SessionList> => {
      const query = { sort: "path", limit: 2, offset } as const;
      const lists = await Promise.all(
        worlds.map((world, index) => ask(world, { name: "listSessions", worker: String(index), query })),
      );
      expect(structuredClone(lists)).toEqual(lists);
      return mergeSessionLists(lists, sessionQuery(query));
    };
    const pages = [await page(0), await page(2), await page(4)];
    expect(pages.map(({ rows }) => rows.map(({ path }) => path))).toEqual([["/a", "/b"], ["/c", "/d"], ["/e"]]);
    expect(pages[0]).toMatchObject({ matching: 5, total: 5 });
    const [, row] = pages[0]!.rows;
    expect(row).toMatchObject({ worker: "1", path: "/b" });
    expect(row!.id).toMatch(/^1:/);
    expect(await ask(first, { name: "session", worker: "0", id: row!.id })).toBeUndefined();
    expect(await ask(second, { name: "session", worker: "1", id: row!.id })).toMatchObject({
      row: { id: row!.id, path: "/b" },
    });
  });

  it("refuses a server of another package", async () => {
    await expect(answerMonitor({}, { name: "sample", measurement: undefined })).rejects.toThrow(/own package/);
  });
});
