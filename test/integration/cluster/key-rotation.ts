import { expect, vi } from "vitest";

import type { ClusterWorld } from "./cluster-world.ts";

/** For the option `keyRotationInterval`: no other timer has it. */
export const rotationInterval = 3_600_123;

/** Makes rotations happen when a test wants them. To be made before the cluster starts; `vi.restoreAllMocks` ends it. */
export class KeyRotation {
  readonly #timers = vi.spyOn(globalThis, "setInterval");

  /** Resolves when every worker has the new keys. */
  async rotate(world: ClusterWorld): Promise<void> {
    const rotated = world.cluster.waitFor("keys_rotated");
    const timer = this.#timers.mock.calls.find(([, delay]) => delay === rotationInterval);
    (timer?.[0] as () => void)();
    await rotated;
    // The workers have the keys when they answer a question that was asked later.
    expect((await world.cluster.getClusterStats()).unresponsive).toEqual([]);
  }
}
