import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeVarint, maxVarint, readVarint, varintLength, writeVarint } from "../../../src/base/varint.ts";

const vectors: readonly (readonly [value: number | bigint, hex: string])[] = [
  [0, "00"],
  [0x33, "33"],
  [63, "3f"],
  [0x41, "4041"],
  [0x54, "4054"],
  [0x2843, "6843"],
  [16_383, "7fff"],
  [0x78ae, "800078ae"],
  [0x190b4d3d, "990b4d3d"],
  [0x2b603742, "ab603742"],
  [0x3fff_ffff, "bfffffff"],
  [0xc671706a, "c0000000c671706a"],
  [2n ** 62n - 4n, "fffffffffffffffc"],
  [maxVarint, "ffffffffffffffff"],
];

describe("varint", () => {
  it.each(vectors)("encodes and decodes %s as %s", (value, hex) => {
    expect(Buffer.from(encodeVarint(value)).toString("hex")).toBe(hex);
    expect(readVarint(Buffer.from(hex, "hex"), 0)).toEqual({ value: BigInt(value), end: hex.length / 2 });
  });

  it("readVarint() accepts encodings that are longer than needed", () => {
    expect(readVarint(Buffer.from("c000000000000025", "hex"), 0)).toEqual({ value: 0x25n, end: 8 });
    expect(readVarint(Buffer.from("4025", "hex"), 0)).toEqual({ value: 0x25n, end: 2 });
  });

  it.each([-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1, -1n, maxVarint + 1n])("rejects %s", (value) => {
    expect(() => encodeVarint(value)).toThrow(RangeError);
  });

  it("round-trips every value at any offset, and no proper prefix of an encoding decodes", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: maxVarint }), fc.nat({ max: 9 }), (value, offset) => {
        const bytes = new Uint8Array(offset + varintLength(value));
        expect(writeVarint(bytes, offset, value)).toBe(bytes.length);
        expect(readVarint(bytes, offset)).toEqual({ value, end: bytes.length });
        for (let end = offset; end < bytes.length; end += 1) {
          expect(readVarint(bytes.subarray(0, end), offset)).toBeUndefined();
        }
      }),
    );
  });
});
