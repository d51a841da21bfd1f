import { describe, expect, it } from "vitest";

import { CoreBench, cutsFor } from "../core-bench.ts";
import type { BenchOptions, Step } from "../core-bench.ts";

export interface Row {
  /** A sentence. */
  readonly name: string;
  readonly options?: BenchOptions;
  /** What has gone before; its outcome is not looked at. */
  readonly before?: readonly Step[];
  readonly steps: readonly Step[];
  /** Everything that the core does, in order. */
  readonly expect: readonly string[];
  /** What must hold afterwards. */
  readonly after?: (bench: CoreBench) => void;
  /** Only whole: what it tests is an amount, and cutting it would change nothing but the time it takes. */
  readonly whole?: true;
}

/** Tries every row whole, byte by byte and split in two at each place: the outcome must be the same. */
export function tryRows(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    it.each(rows.map((row) => [row.name, row] as const))("%s", (_, row) => {
      for (const [name, cut] of row.whole === true ? cutsFor([]) : cutsFor(row.steps)) {
        const bench = new CoreBench(row.options);
        bench.run(row.before ?? []);
        expect(bench.run(row.steps, cut), name).toEqual(row.expect);
        row.after?.(bench);
      }
    });
  });
}
