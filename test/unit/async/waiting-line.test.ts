import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { WaitingLine } from "../../../src/async/waiting-line.ts";

describe("WaitingLine", () => {
  it("keeps the order in which they came, whoever leaves it, under any sequence of steps", () => {
    const step = fc.oneof(fc.constant("push"), fc.constant("shift"), fc.constant("clear"), fc.nat({ max: 5 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const line = new WaitingLine<{ readonly name: number }>();
        let model: { readonly name: number }[] = [];
        let name = 0;
        for (const each of steps) {
          if (each === "push") {
            name += 1;
            const waiting = { name };
            line.push(waiting);
            model.push(waiting);
          } else if (each === "shift") {
            expect(line.shift()).toBe(model.shift());
          } else if (each === "clear") {
            expect(line.clear()).toEqual(model);
            model = [];
          } else if (typeof each === "number" && model[each] !== undefined) {
            line.delete(model[each]);
            model.splice(each, 1);
          }
          expect([...line]).toEqual(model);
        }
      }),
    );
  });

  it("forgets nobody when one who has left leaves again", () => {
    const line = new WaitingLine<object>();
    const [first, second] = [{}, {}];
    line.push(first);
    line.push(second);
    line.delete(first);
    line.delete(first);
    expect([...line]).toEqual([second]);
  });
});
