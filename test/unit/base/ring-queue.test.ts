import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RingQueue } from "../../../src/base/ring-queue.ts";

describe("RingQueue", () => {
  it("behaves as an array does under any sequence of pushes, shifts and clears", () => {
    const operation = fc.oneof(fc.nat(), fc.constant("shift" as const), fc.constant("clear" as const));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const queue = new RingQueue<number>();
        const model: number[] = [];
        for (const step of operations) {
          if (step === "shift") expect(queue.shift()).toBe(model.shift());
          else if (step === "clear") {
            queue.clear();
            model.length = 0;
          } else {
            queue.push(step);
            model.push(step);
          }
          expect([...queue]).toEqual(model);
          expect(queue.length).toBe(model.length);
          expect(queue.peek()).toBe(model[0]);
        }
      }),
    );
  });
});
