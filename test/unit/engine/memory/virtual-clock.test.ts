import { describe, expect, it } from "vitest";

import { VirtualClock } from "../../../../src/engine/memory/virtual-clock.ts";

describe("VirtualClock", () => {
  it("forgets cancelled timers when more are left than a call takes arguments", async () => {
    const clock = new VirtualClock({ automatic: false });
    const left = 200_000;
    let fired = 0;
    const cancels = Array.from({ length: 2 * left }, (_, index) => clock.setTimer(index, () => (fired += 1)));
    for (const cancel of cancels.slice(left)) cancel();
    expect(clock.timers).toBe(left);
    await clock.advance(10);
    expect(fired).toBe(11);
  });
});
