import { expect, it } from "vitest";

import { encodeTypeLength, TypeLengthReader } from "../../../src/protocol/type-length.ts";
import { wire } from "./wire.ts";

it("TypeLengthReader stops behind what its handler pauses at, and goes on with the rest", () => {
  const seen: string[] = [];
  const reader: TypeLengthReader = new TypeLengthReader({
    begin: (type) => (type === 1 ? "whole" : "pieces"),
    whole: (type, payload) => {
      seen.push(`whole ${type} ${payload.length}`);
      reader.pause();
    },
    piece: (type, piece) => {
      seen.push(`piece ${type} ${piece.length}`);
      reader.pause();
    },
  });
  const empty = new Uint8Array(0);
  const bytes = wire(
    encodeTypeLength(1, Uint8Array.of(1, 2)),
    encodeTypeLength(2, Uint8Array.of(3)),
    encodeTypeLength(1, empty),
  );
  let offset = 0;
  const taken: number[] = [];
  while (offset < bytes.length) {
    taken.push(reader.push(bytes.subarray(offset)));
    offset += taken.at(-1) ?? 0;
  }
  expect(seen).toEqual(["whole 1 2", "piece 2 1", "whole 1 0"]);
  expect(taken).toEqual([4, 3, 2]);
  expect(reader.isAtBoundary).toBe(true);
});
