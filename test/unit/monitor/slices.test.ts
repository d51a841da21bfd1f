import { describe, expect, it } from "vitest";

import { inSlices } from "../../../src/monitor/slices.ts";

/** Looking at one item takes more than a slice may. */
function lookSlowly(): void {
  const end = performance.now() + 1.1;
  while (performance.now() < end);
}

describe("inSlices()", () => {
  it("gives the event loop back again and again, and looks at each item once", async () => {
    const turns: number[] = [];
    const looked: number[] = [];
    let isOver = false;
    const turn = (): void => {
      turns.push(looked.length);
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const items = Array.from({ length: 64 }, (_, index) => index);
    await inSlices(items, items.length, (item) => {
      looked.push(item);
      lookSlowly();
    });
    isOver = true;
    expect(looked).toEqual(items);
    // Between any two turns no more than the items between two looks at the clock.
    const steps = turns.map((count, index) => count - (turns[index - 1] ?? 0));
    expect(Math.max(0, ...steps)).toBe(16);
    expect(turns.length).toBeGreaterThanOrEqual(3);
  });

  it("does without what goes meanwhile, and ends though more and more comes", async () => {
    const items = new Map(Array.from({ length: 40 }, (_, index) => [index, index]));
    const looked: number[] = [];
    await inSlices(items.values(), items.size, (item) => {
      looked.push(item);
      items.delete(item + 1);
      items.set(1000 + item, 1000 + item);
      lookSlowly();
    });
    expect(looked).toHaveLength(40);
    expect(looked.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, index) => 2 * index));
  });
});
