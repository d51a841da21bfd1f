import { afterEach, describe, expect, it, vi } from "vitest";

import { ClusterWorld, endOf, steerings, whoServes } from "./cluster-world.ts";
import { KeyRotation, rotationInterval } from "./key-rotation.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(steerings)("the keys that workers share, steered by %s", (steering) => {
  it("are replaced while sessions live on, and what was made with those before is still known", async () => {
    const rotation = new KeyRotation();
    await using world = await ClusterWorld.start({
      workers: 2,
      steering,
      keyRotationInterval: rotationInterval,
      statsTimeout: 600_000,
      config: { retry: "always" },
    });
    const old = await world.connectToEach();
    await rotation.rotate(world);
    for (const [pid, session] of old) expect((await whoServes(session)).pid).toBe(pid);
    // The workers accept each other's Retry tokens: the answer to a Retry may reach another worker than its sender.
    for (let count = 0; count < 10; count += 1) await (await world.connect("/who")).close();
    // Made with the present keys, which are the former ones of the replacement.
    const [worker] = world.workers;
    const session = (await world.connectToEach()).get(worker!.pid!)!;
    await rotation.rotate(world);
    const replaced = world.cluster.waitFor("worker_ready");
    process.kill(worker!.pid!, "SIGKILL");
    await replaced;
    expect((await endOf(session)).error.message).toContain("stateless reset");
  });
});
