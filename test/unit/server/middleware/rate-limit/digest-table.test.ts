import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { DigestTable } from "../../../../../src/server/middleware/rate-limit/digest-table.ts";
import type { Digest } from "../../../../../src/server/middleware/rate-limit/digest-table.ts";

describe("DigestTable", () => {
  it("finds what a Map finds, however its digests collide", () => {
    // Few first words, so that probing runs into others, and around the end of the slots.
    const digest: fc.Arbitrary<Digest> = fc.tuple(
      fc.constantFrom(0, 1, 6, 7, 8, 15, 0xffff_ffff),
      fc.constant(0),
      fc.integer({ min: 0, max: 3 }),
      fc.constant(9),
    );
    const operations = fc.array(fc.record({ digest, what: fc.constantFrom("add", "add", "remove") }), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(operations, (list) => {
        const table = new DigestTable(1, 2);
        const model = new Map<string, { cell: number; value: number }>();
        for (const [value, operation] of list.entries()) {
          const key = operation.digest.join();
          const known = model.get(key);
          expect(table.find(operation.digest)).toBe(known?.cell ?? -1);
          if (operation.what === "add" && known === undefined) {
            const cell = table.add(operation.digest);
            expect(table.get(cell, 0)).toBe(0);
            table.set(cell, 0, value);
            model.set(key, { cell, value });
          } else if (operation.what === "remove" && known !== undefined) {
            table.remove(known.cell);
            model.delete(key);
          }
          expect(table.size).toBe(model.size);
        }
        for (const [key, { cell, value }] of model) {
          const words = key.split(",").map(Number) as unknown as Digest;
          expect(table.find(words)).toBe(cell);
          expect(table.digest(cell)).toEqual(words);
          expect(table.get(cell, 0)).toBe(value);
        }
      }),
    );
  });
});
