import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";

import { ClusterWorld, steerings } from "./cluster-world.ts";
import { KeyRotation, rotationInterval } from "./key-rotation.ts";
import { ResumingClient } from "./resuming-client.ts";

let program: string;

// Compiles the client where the Rust tests have not yet done it.
beforeAll(async () => {
  program = await ResumingClient.build();
}, 900_000);

afterEach(() => {
  vi.restoreAllMocks();
});

/** Resumes with one ticket after the other, until a worker has taken another's. */
async function resumeElsewhere(client: ResumingClient): Promise<void> {
  for (;;) {
    const { worker, issuer, resumed } = await client.resume();
    expect(resumed, `a ticket of worker ${issuer} at worker ${worker}`).toBe(true);
    if (worker !== issuer) return;
  }
}

describe.each(steerings)("a TLS session with a worker, steered by %s", (steering) => {
  it("is resumed by the other one, also after its keys were replaced once, but not twice", async () => {
    const rotation = new KeyRotation();
    await using world = await ClusterWorld.start({
      workers: 2,
      steering,
      keyRotationInterval: rotationInterval,
      statsTimeout: 600_000,
    });
    await using client = new ResumingClient(program, world.port);
    // More tickets than chance could use up at the worker that has issued them.
    for (let count = 0; count < 20; count += 1) expect((await client.collect()).resumed).toBe(false);
    await resumeElsewhere(client);
    await rotation.rotate(world);
    await resumeElsewhere(client);
    await rotation.rotate(world);
    expect((await client.resume()).resumed).toBe(false);
    await using later = new ResumingClient(program, world.port);
    for (let count = 0; count < 20; count += 1) await later.collect();
    await resumeElsewhere(later);
  });

  it("is resumed by a worker that was started after the keys were replaced", async () => {
    const rotation = new KeyRotation();
    await using world = await ClusterWorld.start({
      workers: 1,
      steering,
      keyRotationInterval: rotationInterval,
      statsTimeout: 600_000,
    });
    await using client = new ResumingClient(program, world.port);
    await client.collect();
    await rotation.rotate(world);
    await world.cluster.restart();
    await resumeElsewhere(client);
  });
});
