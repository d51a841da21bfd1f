import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ByteQueue } from "../../../../src/transport/streams/byte-queue.ts";

describe("ByteQueue", () => {
  it("gives what was put in, in order and never more than asked for, under any sequence of steps", () => {
    const step = fc.oneof(
      fc.record({ push: fc.uint8Array({ maxLength: 9 }) }),
      fc.record({ shift: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ truncate: fc.nat({ max: 20 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new ByteQueue();
        let model: number[] = [];
        for (const each of steps) {
          if ("push" in each) {
            queue.push(each.push);
            model.push(...each.push);
          } else if ("shift" in each) {
            const taken = [...(queue.shift(each.shift) ?? [])];
            expect(taken.length).toBeLessThanOrEqual(each.shift);
            expect(taken.length > 0).toBe(model.length > 0);
            expect(taken).toEqual(model.slice(0, taken.length));
            model = model.slice(taken.length);
          } else {
            queue.truncate(each.truncate);
            model = model.slice(0, each.truncate);
          }
          expect(queue.length).toBe(model.length);
        }
      }),
    );
  });
});
