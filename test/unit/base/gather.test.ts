import { describe, expect, it } from "vitest";

import { concatenate } from "../../../src/base/bytes.ts";
import { gather } from "../../../src/base/gather.ts";

function gathered(sizes: readonly number[]): { pieces: Uint8Array[]; bytes: Uint8Array } {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const all: Uint8Array[] = [];
  for (const [index, size] of sizes.entries()) {
    const piece = new Uint8Array(size).fill(index);
    all.push(piece);
    gather(pieces, piece);
  }
  return { pieces, bytes: concatenate(all) };
}

describe("gather()", () => {
  it.each([
    { name: "single bytes", sizes: new Array<number>(65_536).fill(1) },
    { name: "seven bytes and one, by turns", sizes: Array.from({ length: 20_000 }, (_, index) => (index % 2) * 6 + 1) },
    { name: "ever smaller pieces", sizes: Array.from({ length: 500 }, (_, index) => 500 - index) },
  ])("keeps $name in few pieces, in their order", ({ sizes }) => {
    const { pieces, bytes } = gathered(sizes);
    expect(pieces.length).toBeLessThanOrEqual(bytes.length / 1365 + 13);
    expect(Buffer.compare(concatenate(pieces), bytes)).toBe(0);
  });

  it("does not copy large pieces", () => {
    const { pieces } = gathered([4096, 8192, 4096]);
    expect(pieces.map(({ length }) => length)).toEqual([4096, 8192, 4096]);
  });
});
