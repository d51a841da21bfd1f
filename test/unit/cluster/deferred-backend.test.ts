import { describe, expect, it } from "vitest";

import { Deferred } from "../../../src/async/promises.ts";
import { ClusterLife } from "../../../src/cluster/cluster-life.ts";
import type { ClusterBackend } from "../../../src/cluster/cluster-backend.ts";
import { DeferredBackend } from "../../../src/cluster/deferred-backend.ts";

const missing = new Error("Cannot find module");

/** A backend that only writes down what it is asked for. */
function recording(calls: string[]): ClusterBackend {
  const record = (call: string) => (): Promise<void> => {
    calls.push(call);
    return Promise.resolve();
  };
  return { members: [], start: record("start"), stop: record("stop") } as unknown as ClusterBackend;
}

describe("DeferredBackend", () => {
  it("reads no code for a stop before the first start", async () => {
    let reads = 0;
    const backend = new DeferredBackend(() => {
      reads += 1;
      return Promise.resolve(recording([]));
    });
    await backend.stop({});
    expect(reads).toBe(0);
  });

  it("stops behind a start that still waits for the code", async () => {
    const calls: string[] = [];
    const backend = new DeferredBackend(() => Promise.resolve(recording(calls)));
    await Promise.all([backend.start([]), backend.stop({}), backend.stop({ timeout: 0 })]);
    expect(calls).toEqual(["start", "stop", "stop"]);
  });

  it("has nothing to stop where the code cannot be read", async () => {
    const backend = new DeferredBackend(() => Promise.reject(missing));
    const starting = backend.start([]);
    await Promise.all([expect(starting).rejects.toBe(missing), backend.stop({}), backend.stop({ timeout: 0 })]);
    await backend.stop({});
  });

  it("reads the code again after it could not be read", async () => {
    const calls: string[] = [];
    const reads = [() => Promise.reject(missing), () => Promise.resolve(recording(calls))];
    const backend = new DeferredBackend(() => reads.shift()!());
    await expect(backend.start([])).rejects.toBe(missing);
    await backend.start([]);
    expect(calls).toEqual(["start"]);
  });

  it("leaves its cluster able to start when a start that cannot read the code was stopped", async () => {
    const calls: string[] = [];
    const gate = new Deferred<ClusterBackend>();
    const reads = [() => gate.promise, () => Promise.resolve(recording(calls))];
    const backend = new DeferredBackend(() => reads.shift()!());
    const life = new ClusterLife({
      start: () => backend.start([]),
      stop: (options) => backend.stop(options),
      idle: () => Promise.resolve(),
      began: () => {},
      ended: () => {},
    });
    const { started } = life.start();
    await new Promise(setImmediate);
    const stopping = life.stop({});
    gate.reject(missing);
    await expect(started).rejects.toThrow("stopped while it was starting");
    await stopping;
    await life.start().started;
    expect([calls, life.isRunning]).toEqual([["start"], true]);
  });
});
