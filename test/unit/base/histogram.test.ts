import { describe, expect, it } from "vitest";

import { addHistograms, emptyHistogram, Histogram, quantile, subtractHistograms } from "../../../src/base/histogram.ts";

const bounds = [1, 10, 100];

function of(...values: readonly number[]): Histogram {
  const histogram = new Histogram(bounds);
  for (const value of values) histogram.record(value);
  return histogram;
}

describe("Histogram", () => {
  it("counts a value in the first bucket whose bound it does not exceed, and knows count and sum exactly", () => {
    expect(of(0, 1, 1.5, 10, 11, 100, 101, 1e9).data).toEqual({
      bounds,
      counts: [2, 2, 2, 2],
      count: 8,
      sum: 0 + 1 + 1.5 + 10 + 11 + 100 + 101 + 1e9,
    });
  });

  it("ignores what is no number, and takes what is below 0 as 0", () => {
    expect(of(NaN, -5).data).toEqual({ bounds, counts: [1, 0, 0, 0], count: 1, sum: 0 });
  });

  it("gives data that later values do not change, and that can be cloned", () => {
    const histogram = of(5);
    const { data } = histogram;
    histogram.record(5);
    expect(data.count).toBe(1);
    expect(structuredClone(data)).toEqual(data);
  });
});

describe("quantile()", () => {
  it("interpolates within a bucket", () => {
    const data = of(2, 3, 4, 5).data;
    expect(quantile(data, 0.5)).toBeCloseTo(1 + 9 / 2);
    expect(quantile(data, 1)).toBe(10);
  });

  it("finds the bucket among several", () => {
    const data = of(...Array.from({ length: 99 }, () => 0.5), 50).data;
    expect(quantile(data, 0.5)).toBeLessThan(1);
    expect(quantile(data, 0.99)).toBe(1);
    expect(quantile(data, 0.995)).toBeGreaterThan(10);
  });

  it("takes what is greater than every bound as the greatest bound", () => {
    expect(quantile(of(1e6).data, 0.5)).toBe(100);
  });

  it("knows none without values", () => {
    expect(quantile(emptyHistogram(bounds), 0.5)).toBeUndefined();
  });
});

describe("addHistograms() and subtractHistograms()", () => {
  it("give what one histogram of all, or of the later values, would have", () => {
    const [early, all] = [of(1, 50), of(1, 50, 7, 500)];
    const late = subtractHistograms(all.data, early.data);
    expect(late).toEqual(of(7, 500).data);
    expect(addHistograms(early.data, late)).toEqual(all.data);
  });

  it("never give less than nothing, when the counting has begun anew between", () => {
    expect(subtractHistograms(of(1).data, of(1, 1, 1).data)).toEqual(emptyHistogram(bounds));
  });

  it("refuse histograms whose buckets differ", () => {
    expect(() => addHistograms(of(1).data, emptyHistogram([1, 10]))).toThrow(RangeError);
    expect(() => addHistograms(of(1).data, emptyHistogram([1, 10, 99]))).toThrow(RangeError);
  });
});
