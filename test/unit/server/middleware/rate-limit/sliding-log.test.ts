import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SlidingLog } from "../../../../../src/server/middleware/rate-limit/sliding-log.ts";
import type { SlidingLogOptions } from "../../../../../src/server/middleware/rate-limit/sliding-log.ts";

/** What a sliding log is, without a thought for time and memory. */
class NaiveLog {
  readonly #options: SlidingLogOptions;
  #admitted: { readonly key: string; readonly at: number }[] = [];
  evicted = 0;

  constructor(options: SlidingLogOptions) {
    this.#options = options;
  }

  admit(key: string, now: number): number {
    const { maxRequests, window, maxEntries } = this.#options;
    this.#admitted = this.#admitted.filter(({ at }) => at + window > now);
    const own = this.#admitted.filter((entry) => entry.key === key);
    if (own.length >= maxRequests) return own[0]!.at + window - now;
    if (this.#admitted.length === maxEntries) {
      this.#admitted.shift();
      this.evicted += 1;
    }
    this.#admitted.push({ key, at: now });
    return 0;
  }
}

/** A small generator of numbers from 0 to 1, always the same ones. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("SlidingLog", () => {
  it("decides as the naive model does, whatever the keys, times, limits and cleanups", () => {
    const operation = fc.record({
      key: fc.integer({ min: 0, max: 5 }),
      step: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 }), fc.constant(1000)),
      cleanup: fc.integer({ min: 0, max: 9 }),
    });
    const options = fc.record({
      maxRequests: fc.integer({ min: 1, max: 4 }),
      window: fc.constantFrom(1, 100, 1000),
      maxEntries: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(options, fc.array(operation, { maxLength: 200 }), (limits, operations) => {
        const log = new SlidingLog(limits);
        const model = new NaiveLog(limits);
        let now = 0;
        for (const { key, step, cleanup } of operations) {
          now += step;
          if (cleanup === 0) log.expire(now, 3);
          if (cleanup === 1) log.shrink();
          expect(log.admit(`key ${key}`, now)).toBe(model.admit(`key ${key}`, now));
        }
        expect(log.evicted).toBe(model.evicted);
        expect(log.entryCount).toBeLessThanOrEqual(limits.maxEntries);
        expect(log.keyCount).toBeLessThanOrEqual(log.entryCount);
      }),
    );
  });

  it("does so while it grows and shrinks", () => {
    const random = numbers(7);
    const limits = { maxRequests: 3, window: 1000, maxEntries: 1200 };
    const log = new SlidingLog(limits);
    const model = new NaiveLog(limits);
    let now = 0;
    for (const [keys, step] of [
      [2000, 0.3],
      [20, 50],
      [5000, 0.01],
      [10, 100],
    ] as const) {
      for (let index = 0; index < 2500; index += 1) {
        now += random() * step;
        const key = `key ${Math.floor(random() * keys)}`;
        expect(log.admit(key, now)).toBe(model.admit(key, now));
        if (index % 500 === 0) log.shrink();
      }
    }
    expect(log.evicted).toBe(model.evicted);
    expect(model.evicted).toBeGreaterThan(0);
  });

  it("counts an admission no longer when it is exactly as old as the window", () => {
    const log = new SlidingLog({ maxRequests: 2, window: 1000, maxEntries: 10 });
    expect([log.admit("a", 0), log.admit("a", 400), log.admit("a", 999)]).toEqual([0, 0, 1]);
    expect([log.admit("a", 1000), log.admit("a", 1000)]).toEqual([0, 400]);
  });

  it("does not record refused requests", () => {
    const log = new SlidingLog({ maxRequests: 1, window: 1000, maxEntries: 10 });
    log.admit("a", 0);
    for (let now = 0; now < 1000; now += 10) expect(log.admit("a", now)).toBe(1000 - now);
    expect(log.entryCount).toBe(1);
    expect(log.admit("a", 1000)).toBe(0);
  });

  it("forgets the oldest admission of all keys when it is full", () => {
    const log = new SlidingLog({ maxRequests: 1, window: 1000, maxEntries: 3 });
    for (const [now, key] of ["a", "b", "c"].entries()) log.admit(key, now);
    expect(log.admit("a", 10)).toBe(990);
    expect(log.evicted).toBe(0);
    expect(log.admit("d", 10)).toBe(0);
    expect(log.evicted).toBe(1);
    expect(log.admit("b", 10)).toBe(991);
    expect(log.admit("a", 10)).toBe(0);
    expect(log.keyCount).toBe(3);
  });

  it("takes a clock that goes back for one that stands still", () => {
    const log = new SlidingLog({ maxRequests: 1, window: 1000, maxEntries: 3 });
    expect(log.admit("a", 5000)).toBe(0);
    expect(log.admit("a", 0)).toBe(1000);
    expect(log.admit("a", 6000)).toBe(0);
  });

  it("gives back the memory of a flood, and keeps what still counts", () => {
    const log = new SlidingLog({ maxRequests: 1, window: 1000, maxEntries: 100_000 });
    const small = log.byteLength;
    for (let index = 0; index < 50_000; index += 1) log.admit(`address ${index}`, index < 49_900 ? 0 : 500);
    // 2^16 entries: 28 bytes a key, 16 an entry, 8 of slots.
    expect(log.byteLength).toBe(2 ** 16 * 52);
    log.shrink();
    expect(log.byteLength).toBe(2 ** 16 * 52);
    let rounds = 1;
    while (log.expire(1000, 1000)) rounds += 1;
    expect(rounds).toBe(50);
    log.shrink();
    expect(log.byteLength).toBe(small);
    expect([log.keyCount, log.entryCount]).toEqual([100, 100]);
    expect(log.admit("address 49999", 1000)).toBe(500);
    expect(log.admit("address 0", 1000)).toBe(0);
  });
});
