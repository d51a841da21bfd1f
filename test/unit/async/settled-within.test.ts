import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Deferred } from "../../../src/async/promises.ts";
import { settledWithin } from "../../../src/async/settled-within.ts";

describe("settledWithin", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("waits no longer than its time", async () => {
    let isOver = false;
    void settledWithin(new Promise(() => undefined), 5000).then(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(4999);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(isOver).toBe(true);
  });

  it.each([Infinity, 2 ** 31])("waits for the promise alone with a time of %d", async (timeout) => {
    const waited = new Deferred<void>();
    let isOver = false;
    void settledWithin(waited.promise, timeout).then(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(isOver).toBe(false);
    waited.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(isOver).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
