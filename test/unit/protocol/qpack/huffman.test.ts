import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHuffman, encodeHuffman, HuffmanError, huffmanLength } from "../../../../src/protocol/qpack/huffman.ts";

const vectors: readonly (readonly [text: string, hex: string])[] = [
  ["", ""],
  ["a", "1f"],
  ["302", "6402"],
  ["307", "640eff"],
  ["private", "aec3771a4b"],
  ["gzip", "9bd9ab"],
  ["CONNECT", "bdab4e9c17b7ff"],
  ["www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"],
  ["no-cache", "a8eb10649cbf"],
  ["custom-key", "25a849e95ba97d7f"],
  ["custom-value", "25a849e95bb8e8b4bf"],
  ["webtransport", "f058d360ea4567b13f"],
  ["webtransport-h3", "f058d360ea4567b12b4ecf"],
  ["Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"],
  ["https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"],
  [
    "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
  ],
];

describe("Huffman code", () => {
  it.each(vectors)("encodes and decodes %s", (text, hex) => {
    const plain = new TextEncoder().encode(text);
    expect(Buffer.from(encodeHuffman(plain)).toString("hex")).toBe(hex);
    expect(decodeHuffman(Buffer.from(hex, "hex"), text.length)).toEqual(plain);
  });

  it.each([
    ["8 bits of padding", "ff"],
    ["padding with a zero bit", "00"],
    ["EOS", "3fffffffff"],
    ["EOS after a symbol", "1fffffffff"],
  ])("decodeHuffman() rejects %s", (_, hex) => {
    expect(() => decodeHuffman(Buffer.from(hex, "hex"), 100)).toThrow(HuffmanError);
  });

  it("decodeHuffman() stops at the length that is allowed", () => {
    const encoded = encodeHuffman(new Uint8Array(1000).fill(0x30));
    expect(decodeHuffman(encoded, 1000)).toHaveLength(1000);
    expect(decodeHuffman(encoded, 999)).toBeUndefined();
  });

  it("decodes what it encodes, for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (plain) => {
        const encoded = encodeHuffman(plain);
        expect(encoded).toHaveLength(huffmanLength(plain));
        expect(decodeHuffman(encoded, plain.length)).toEqual(Uint8Array.from(plain));
      }),
    );
  });

  it("decodes any bytes or throws HuffmanError, and never more than 8/5 of them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (encoded) => {
        try {
          expect(decodeHuffman(encoded, 10_000)?.length).toBeLessThanOrEqual((encoded.length * 8) / 5);
        } catch (error) {
          expect(error).toBeInstanceOf(HuffmanError);
        }
      }),
    );
  });
});
