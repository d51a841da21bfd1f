import { describe, expect, it, vi } from "vitest";

import { Deadlines } from "../../../src/async/deadlines.ts";

import { VirtualClock } from "../../../src/engine/memory/virtual-clock.ts";

function make(): { time: VirtualClock; deadlines: Deadlines; due: ReturnType<typeof vi.fn> } {
  const time = new VirtualClock({ automatic: false });
  const due = vi.fn();
  return { time, due, deadlines: new Deadlines(time.now, time.setTimer, due as () => void) };
}

describe("Deadlines", () => {
  it("have no timer while nothing waits and one for everything that does", () => {
    const { time, deadlines } = make();
    expect(time.timers).toBe(0);
    const cancels = [300, 100, 200].map((milliseconds) => deadlines.after(milliseconds, () => {}));
    deadlines.setExternal(50);
    expect(time.timers).toBe(1);
    for (const cancel of cancels) cancel();
    deadlines.setExternal(undefined);
    expect(time.timers).toBe(0);
  });

  it("call back in time and once", async () => {
    const { time, deadlines } = make();
    const calls: string[] = [];
    deadlines.after(20, () => calls.push(`second at ${time.now()}`));
    deadlines.after(10, () => calls.push(`first at ${time.now()}`));
    const cancel = deadlines.after(15, () => calls.push("cancelled"));
    cancel();
    await time.advance(100);
    expect(calls).toEqual(["first at 10", "second at 20"]);
    expect(deadlines.size).toBe(0);
    expect(time.timers).toBe(0);
  });

  it("tell of the core's time-out unless it was moved", async () => {
    const { time, deadlines, due } = make();
    deadlines.setExternal(10);
    deadlines.setExternal(30);
    await time.advance(20);
    expect(due).not.toHaveBeenCalled();
    await time.advance(10);
    expect(due).toHaveBeenCalledOnce();
    await time.advance(100);
    expect(due).toHaveBeenCalledOnce();
  });
});
