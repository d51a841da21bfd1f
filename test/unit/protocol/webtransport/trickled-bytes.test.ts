import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";

import { defaultLimits } from "../../../../src/protocol/limits.ts";
import { encodeTypeLength, TypeLengthReader } from "../../../../src/protocol/type-length.ts";
import type { TypeLengthHandler } from "../../../../src/protocol/type-length.ts";
import { Parking } from "../../../../src/protocol/webtransport/parking.ts";
import type { ParkedStream } from "../../../../src/protocol/webtransport/parking.ts";

describe("bytes that a peer sends one by one", () => {
  it("are parked in few pieces", () => {
    const parking = new Parking(defaultLimits);
    const stream: ParkedStream = {
      streamId: 2,
      sessionId: 0,
      prefixLength: 3,
      chunks: [],
      fin: false,
      reset: undefined,
      stopped: undefined,
    };
    parking.add(stream, true, 0);
    for (let index = 0; index < 100_000; index += 1) parking.push(stream, Uint8Array.of(index), false);
    expect(stream.chunks.length).toBeLessThan(100);
    expect(parking.take(0)).toEqual([stream]);
  });

  it("take no more memory than a few times their number in a frame that is not whole", () => {
    const payload = new Uint8Array(65_536);
    const readers = Array.from({ length: 8 }, () => new TypeLengthReader(whole));
    const frame = encodeTypeLength(1, payload).subarray(0, -1);
    const before = heapAfter();
    for (const byte of frame) for (const reader of readers) reader.push(Uint8Array.of(byte));
    expect(heapAfter() - before).toBeLessThan(4 * readers.length * payload.length);
    expect(readers.every((reader) => !reader.isAtBoundary)).toBe(true);
  });
});

const whole: TypeLengthHandler = { begin: () => "whole", whole: () => {}, piece: () => {} };

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapAfter(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
