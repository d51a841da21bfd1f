/** What is the process's own, not a server's: event loop and memory. */
import { totalmem } from "node:os";

import { Histogram } from "../base/histogram.ts";

import type { Figures } from "./target.ts";

/** Milliseconds between two looks at how late the event loop is: 0.1 % of a core that has nothing else to do. */
const resolution = 100;

/** Milliseconds that the container's limit is taken for the same: it is read from files. */
const limitAge = 60_000;

/** Milliseconds. */
export const delayBounds: readonly number[] = Object.freeze([
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
]);

/**
 * Measures how late timers run, while somebody wants it. `monitorEventLoopDelay` of node:perf_hooks measures the same, but
 * its figures of several processes, or of two times, cannot be added or subtracted; these can.
 */
export class EventLoopMeter {
  readonly #delay = new Histogram(delayBounds);
  #users = 0;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;

  /** Begins to measure; calls may overlap. Returns what ends it. */
  start(): () => void {
    this.#users += 1;
    if (this.#users === 1) {
      this.#due = performance.now() + resolution;
      // It does not keep the process alive.
      this.#timer = setInterval(() => {
        this.#tick();
      }, resolution).unref();
    }
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      this.#users -= 1;
      if (this.#users === 0) clearInterval(this.#timer);
    };
  }

  get figures(): Figures["eventLoop"] {
    const { active, idle } = utilization();
    return { delay: this.#delay.data, active, idle };
  }

  #tick(): void {
    const now = performance.now();
    this.#delay.record(now - this.#due);
    this.#due = now + resolution;
  }
}

// It does not change while the process lives.
let heapLimit: number | undefined;
let knownLimit: { readonly bytes: number; readonly until: number } | undefined;

export function memoryFigures(): Figures["memory"] {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  heapLimit ??= process.getBuiltinModule("node:v8").getHeapStatistics().heap_size_limit;
  return {
    resident: rss,
    heapUsed,
    heapTotal,
    heapLimit,
    external,
    native: Math.max(0, rss - heapTotal - external),
    limit: memoryLimit(performance.now()),
  };
}

/** Of the container where there is one, else the machine's. */
function memoryLimit(now: number): number {
  if (knownLimit === undefined || now >= knownLimit.until) knownLimit = { bytes: readLimit(), until: now + limitAge };
  return knownLimit.bytes;
}

function readLimit(): number {
  const machine = totalmem();
  // Bun and Deno may lack it; without a limit it is 0 or more than there is.
  const { constrainedMemory } = process as Partial<Pick<NodeJS.Process, "constrainedMemory">>;
  const constrained = constrainedMemory?.() ?? 0;
  return constrained > 0 && constrained < machine ? constrained : machine;
}

function utilization(): { readonly active: number; readonly idle: number } {
  try {
    const { active, idle } = performance.eventLoopUtilization();
    return { active, idle };
  } catch {
    // A runtime that does not measure it.
    return { active: 0, idle: 0 };
  }
}
