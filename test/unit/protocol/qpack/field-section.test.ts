import { describe, expect, it } from "vitest";

import { defaultLimits } from "../../../../src/protocol/limits.ts";
import {
  decodeFieldSection,
  encodeFieldSection,
  fieldSectionSize,
} from "../../../../src/protocol/qpack/field-section.ts";

const unlimited = { ...defaultLimits, maxFieldSectionSize: Infinity, maxFields: Infinity };

describe("encodeFieldSection()", () => {
  it.each([
    ["a value of 150000 characters", [["x", "v".repeat(150_000)]]],
    ["a value of 150000 characters that Huffman code makes longer", [["x", "\u00ff".repeat(150_000)]]],
    ["a name of 150000 characters", [["n".repeat(150_000), "x"]]],
    [":path of 150000 characters", [[":path", `/${"p".repeat(150_000)}`]]],
    ["10000 fields", Array.from({ length: 10_000 }, (_, index) => [`x-${index}`, String(index)] as const)],
  ] as const)("takes %s", (_, fields) => {
    expect(decodeFieldSection(encodeFieldSection(fields), unlimited)).toEqual(fields);
  });
});

describe("fieldSectionSize()", () => {
  it.each([
    ["no field", [], 0],
    ["one", [[":status", "200"]], 42],
    [
      "several",
      [
        ["a", ""],
        ["bc", "def"],
      ],
      33 + 37,
    ],
    ["Latin-1, which has a byte a character", [["a", "\u00e9"]], 34],
    ["other characters, which go out as UTF-8", [["a", "\u20ac\u00e9"]], 38],
  ] as const)("counts %s as RFC 9114 §4.2.2 does", (_, fields, size) => {
    expect(fieldSectionSize(fields)).toBe(size);
  });

  it("counts what the decoder counts", () => {
    const fields = [
      [":path", "/"],
      ["x", "y".repeat(100)],
    ] as const;
    const size = fieldSectionSize(fields);
    const section = encodeFieldSection(fields);
    expect(decodeFieldSection(section, { ...unlimited, maxFieldSectionSize: size })).toEqual(fields);
    expect(() => decodeFieldSection(section, { ...unlimited, maxFieldSectionSize: size - 1 })).toThrow("too large");
  });
});
