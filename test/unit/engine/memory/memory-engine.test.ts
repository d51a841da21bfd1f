import { describe, expect, it } from "vitest";

import { memoryEngine } from "../../../../src/engine/memory/memory-engine.ts";
import { VirtualClock } from "../../../../src/engine/memory/virtual-clock.ts";

describe("memoryEngine()", () => {
  it.each<[string, unknown]>([
    ["null", null],
    ["a number", 5],
    ["a clock that is none", { clock: {} }],
    ["a seed that is no number", { seed: "1" }],
    ["a seed that is not finite", { seed: Infinity }],
    ["conditions that are no object", { conditions: "bad" }],
    ["hosts that are no list", { hosts: "192.0.2.1" }],
    ["hosts that are no addresses", { hosts: [5] }],
    ["an option that there is not", { delay: 5 }],
  ])("refuses %s", (_, options) => {
    expect(() => memoryEngine(options as object)).toThrow(
      expect.objectContaining({ name: "EngineError", code: "invalid-option" }) as Error,
    );
  });

  it.each([{ delay: -1 }, { loss: 1 }, { datagramLoss: NaN }, { maxDatagramSize: 65_536 }, { latency: 5 }])(
    "refuses the conditions %j, at once and later",
    (conditions) => {
      expect(() => memoryEngine({ conditions })).toThrow(RangeError);
      const engine = memoryEngine();
      expect(() => engine.setConditions(conditions)).toThrow(RangeError);
    },
  );
});

describe("VirtualClock", () => {
  it.each([-1, NaN, Infinity, "5"])("refuses to advance by %j", async (milliseconds) => {
    const clock = new VirtualClock();
    await expect(clock.advance(milliseconds as number)).rejects.toThrow(RangeError);
    expect(clock.now()).toBe(0);
  });
});
