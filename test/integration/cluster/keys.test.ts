import { afterEach, describe, expect, it, vi } from "vitest";

import { ClusterWorld, endOf, steerings, whoServes } from "./cluster-world.ts";

const interval = 3_600_123;

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(steerings)("the keys that workers share, steered by %s", (steering) => {
  it("are replaced while sessions live on, and what was made with those before is still known", async () => {
    const timers = vi.spyOn(globalThis, "setInterval");
    await using world = await ClusterWorld.start({
      workers: 2,
      steering,
      keyRotationInterval: interval,
      statsTimeout: 600_000,
      config: { retry: "always" },
    });
    const rotation = timers.mock.calls.find(([, delay]) => delay === interval)?.[0] as () => void;
    // Instead of the timer. The workers have the keys when they answer a question that was asked later.
    const rotate = async (): Promise<void> => {
      const rotated = world.cluster.waitFor("keys_rotated");
      rotation();
      await rotated;
      expect((await world.cluster.getClusterStats()).unresponsive).toEqual([]);
    };
    const old = await world.connectToEach();
    await rotate();
    for (const [pid, session] of old) expect((await whoServes(session)).pid).toBe(pid);
    // The workers accept each other's Retry tokens: the answer to a Retry may reach another worker than its sender.
    for (let count = 0; count < 10; count += 1) await (await world.connect("/who")).close();
    // Made with the present keys, which are the former ones of the replacement.
    const [worker] = world.workers;
    const session = (await world.connectToEach()).get(worker!.pid!)!;
    await rotate();
    const replaced = world.cluster.waitFor("worker_ready");
    process.kill(worker!.pid!, "SIGKILL");
    await replaced;
    expect((await endOf(session)).error.message).toContain("stateless reset");
  });
});
