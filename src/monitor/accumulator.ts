import { addFigures, countsOf, processKey } from "./merge.ts";
import type { Figures, TargetSample, WorkerSample } from "./target.ts";

/**
 * Makes of each sample figures whose counts only grow, though workers come, crash and do not answer: what a worker has
 * counted stays when it is gone.
 */
export class Accumulator {
  /** The last figures of each worker that is there, by its process. */
  readonly #known = new Map<string, Figures>();
  #gone: Figures | undefined;

  /** Undefined as long as no worker has ever answered. */
  add(sample: TargetSample): Figures | undefined {
    const seen = new Set<string>();
    for (const worker of sample.workers) {
      const key = processKey(worker);
      if (worker.figures !== undefined) this.#known.set(key, worker.figures);
      if (isThere(worker)) seen.add(key);
    }
    for (const [key, figures] of this.#known) {
      if (seen.has(key)) continue;
      this.#known.delete(key);
      this.#gone = sum(this.#gone, countsOf(figures));
    }
    let total = sample.figures;
    for (const worker of sample.workers) {
      const figures = this.#known.get(processKey(worker));
      // One that has not answered keeps what it had counted.
      if (worker.figures === undefined && figures !== undefined) total = sum(total, countsOf(figures));
    }
    return total === undefined ? this.#gone : sum(this.#gone, total);
  }
}

function isThere({ state }: WorkerSample): boolean {
  return state !== "missing";
}

function sum(left: Figures | undefined, right: Figures): Figures {
  return left === undefined ? right : addFigures(left, right);
}
