import { describe, expect, it } from "vitest";

import { ByteBuilder } from "../../../src/base/byte-builder.ts";

describe("ByteBuilder", () => {
  it("gives what was appended, in order, whatever its length", () => {
    const builder = new ByteBuilder();
    const expected: number[] = [];
    for (const length of [0, 1, 254, 1, 1, 600, 5000]) {
      builder.push(length & 0xff);
      builder.append(new Uint8Array(length).fill(7));
      expected.push(length & 0xff, ...new Uint8Array(length).fill(7));
    }
    expect([...builder.build()]).toEqual(expected);
  });

  it("takes more bytes at once than a call takes arguments", () => {
    const builder = new ByteBuilder();
    builder.append(new Uint8Array(1_000_000).fill(1));
    builder.push(2);
    const bytes = builder.build();
    expect(bytes).toHaveLength(1_000_001);
    expect(bytes.at(-1)).toBe(2);
  });
});
