import { describe, expect, it } from "vitest";

import { concatenate, copyFrom } from "../../../src/base/bytes.ts";

describe("concatenate()", () => {
  it("joins pieces in their order", () => {
    expect([...concatenate([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)])]).toEqual([1, 2, 3]);
    expect(concatenate([])).toHaveLength(0);
  });

  it("gives a single piece as it is", () => {
    const piece = Uint8Array.of(1);
    expect(concatenate([piece])).toBe(piece);
  });
});

it("copyFrom() gives the rest in an ArrayBuffer of its own", () => {
  const rest = copyFrom(Uint8Array.of(1, 2, 3).subarray(1), 1);
  expect([...rest]).toEqual([3]);
  expect(rest.buffer.byteLength).toBe(1);
});
