import { describe, expect, it } from "vitest";

import { BackOff } from "../../../src/cluster/workers/back-off.ts";

const options = { initial: 250, limit: 1500, maxCrashes: 6, stableAge: 10_000 };

describe("BackOff", () => {
  it("replaces at once, then waits twice as long each time up to its limit, then gives up", () => {
    const backOff = new BackOff(options);
    expect(Array.from({ length: 6 }, () => backOff.next(10))).toEqual([0, 250, 500, 1000, 1500, undefined]);
    expect(backOff.crashes).toBe(6);
  });

  it("begins anew after a process that has lived long enough", () => {
    const backOff = new BackOff(options);
    for (let crash = 1; crash < 5; crash += 1) backOff.next(9999);
    expect(backOff.next(10_000)).toBe(0);
    expect(backOff.next(1)).toBe(250);
  });

  it("begins anew after reset()", () => {
    const backOff = new BackOff(options);
    backOff.next(0);
    backOff.next(0);
    backOff.reset();
    expect(backOff.next(0)).toBe(0);
  });

  it("gives up with the first crash when one is allowed", () => {
    expect(new BackOff({ ...options, maxCrashes: 1 }).next(0)).toBeUndefined();
  });
});
