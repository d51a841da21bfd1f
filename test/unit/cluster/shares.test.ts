import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { allParts, areWorthAChange, evenShares, sharesByLoad } from "../../../src/cluster/workers/shares.ts";
import type { WorkerLoad } from "../../../src/cluster/workers/shares.ts";

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const answering = (...connections: readonly number[]): WorkerLoad[] =>
  connections.map((count) => ({ connections: count, isSilent: false }));

const anyLoads = fc.array(fc.record({ connections: fc.nat(1_000_000), isSilent: fc.boolean() }), {
  minLength: 1,
  maxLength: 256,
});
const anyHorizon = fc.integer({ min: 1, max: 1_000_000 });

describe("evenShares()", () => {
  it("shares everything out, to each as much as to the others", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 256 }), (workers) => {
        const shares = evenShares(workers);
        expect(shares).toHaveLength(workers);
        expect(sum(shares)).toBe(allParts);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }),
    );
    expect(evenShares(0)).toEqual([]);
  });
});

describe("sharesByLoad()", () => {
  it("shares everything out in whole parts, whatever the loads are", () => {
    fc.assert(
      fc.property(anyLoads, anyHorizon, (loads, horizon) => {
        const shares = sharesByLoad(loads, horizon);
        expect(shares).toHaveLength(loads.length);
        expect(sum(shares)).toBe(allParts);
        expect(shares.every((share) => Number.isInteger(share) && share >= 1)).toBe(true);
      }),
    );
  });

  it("gives no worker that answers less than a fourth of an even share, or more than four", () => {
    fc.assert(
      fc.property(anyLoads, anyHorizon, (loads, horizon) => {
        const even = allParts / loads.length;
        const answer = loads.map((load) => ({ ...load, isSilent: false }));
        const shares = sharesByLoad(answer, horizon);
        expect(Math.min(...shares)).toBeGreaterThanOrEqual(Math.floor(even / 4));
        expect(Math.max(...shares)).toBeLessThanOrEqual(Math.ceil(even * 4));
      }),
    );
  });

  it("gives a worker with fewer connections at least as much as one with more", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { minLength: 2, maxLength: 64 }), anyHorizon, (connections, horizon) => {
        const shares = sharesByLoad(answering(...connections), horizon);
        for (const [left, few] of connections.entries()) {
          for (const [right, many] of connections.entries()) {
            // Parts are whole: equal shares may differ by one.
            if (few <= many) expect(shares[left]!).toBeGreaterThanOrEqual(shares[right]! - 1);
          }
        }
      }),
    );
  });

  it("gives less to a worker the more connections it has", () => {
    fc.assert(
      fc.property(anyLoads, anyHorizon, fc.nat(100_000), (loads, horizon, more) => {
        const [first, ...others] = loads;
        const heavier = [{ ...first!, connections: first!.connections + more }, ...others];
        expect(sharesByLoad(heavier, horizon)[0]!).toBeLessThanOrEqual(sharesByLoad(loads, horizon)[0]! + 1);
      }),
    );
  });

  it("makes an imbalance good within the horizon, where the bounds allow it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 90, max: 110 }), { minLength: 2, maxLength: 8 }), (connections) => {
        const horizon = 60 * connections.length;
        const shares = sharesByLoad(answering(...connections), horizon);
        const level = (sum(connections) + horizon) / connections.length;
        for (const [index, before] of connections.entries()) {
          expect(before + (horizon * shares[index]!) / allParts).toBeCloseTo(level, 1);
        }
      }),
    );
  });

  it("is even for workers that have as many", () => {
    expect(sharesByLoad(answering(0, 0, 0), 64)).toEqual(evenShares(3));
    expect(sharesByLoad(answering(7, 7, 7, 7), 64)).toEqual(evenShares(4));
    expect(sharesByLoad(answering(100), 64)).toEqual([allParts]);
  });

  it("gives a worker that does not answer as good as nothing, though it has the fewest connections", () => {
    const loads = [{ connections: 0, isSilent: true }, ...answering(100, 100, 100)];
    expect(sharesByLoad(loads, 64)).toEqual([1, 21_845, 21_845, 21_845]);
    fc.assert(
      fc.property(anyLoads, anyHorizon, (some, horizon) => {
        fc.pre(some.some(({ isSilent }) => !isSilent));
        const shares = sharesByLoad(some, horizon);
        for (const [index, { isSilent }] of some.entries()) if (isSilent) expect(shares[index]).toBe(1);
      }),
    );
  });

  it("knows no difference between workers none of which answers", () => {
    const loads = [1, 100].map((connections) => ({ connections, isSilent: true }));
    expect(sharesByLoad(loads, 64)).toEqual(evenShares(2));
  });
});

describe("areWorthAChange()", () => {
  it("ignores differences of less than an eighth of an even share", () => {
    const even = evenShares(4);
    expect(areWorthAChange(even, even)).toBe(false);
    expect(areWorthAChange(even, [16_384 + 2000, 16_384 - 2000, 16_384, 16_384])).toBe(false);
    expect(areWorthAChange(even, [16_384 + 2100, 16_384 - 2100, 16_384, 16_384])).toBe(true);
  });
});
