import { describe, expect, it } from "vitest";

import { SlotTable } from "../../../src/cluster/workers/slot-table.ts";

describe("SlotTable", () => {
  it("gives the lowest free slot, and none when all are taken", () => {
    const slots = new SlotTable(2);
    expect([slots.take(), slots.take(), slots.take()]).toEqual([0, 1, undefined]);
    slots.set(0, "free");
    expect(slots.take()).toBe(0);
    expect(slots.in("starting")).toEqual([0, 1]);
  });

  it("lets one that waits have the next free slot, each slot one", async () => {
    const slots = new SlotTable(1);
    slots.take();
    const { signal } = new AbortController();
    const taken: number[] = [];
    const waiting = [1, 2].map((number) => slots.takeWhenFree(signal).then(() => void taken.push(number)));
    slots.set(0, "free");
    await Promise.race(waiting);
    expect(taken).toEqual([1]);
    slots.set(0, "free");
    await Promise.all(waiting);
    expect(taken).toEqual([1, 2]);
  });

  it("ends the waiting with the signal's reason", async () => {
    const slots = new SlotTable(1);
    slots.take();
    const abort = new AbortController();
    const waiting = slots.takeWhenFree(abort.signal);
    abort.abort(new Error("closed"));
    await expect(waiting).rejects.toThrow("closed");
    await expect(slots.takeWhenFree(abort.signal)).rejects.toThrow("closed");
  });
});
