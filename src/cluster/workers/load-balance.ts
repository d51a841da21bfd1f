import { clusterDefaults } from "../defaults.ts";
import { areWorthAChange, evenShares, sharesByLoad } from "./shares.ts";
import type { WorkerLoad } from "./shares.ts";

export interface LoadBalanceOptions {
  /** Of the workers that take new connections, in their order; an empty list while one of them has no process. */
  readonly loads: () => readonly WorkerLoad[];
  /** There are other shares from now on. */
  readonly changed: () => void;
}

/** The fewest connections by which an imbalance is made up: fewer are spread by chance anyhow. */
const leastHorizon = 64;

/** Shares the new connections out so that all workers come to have as many. It does nothing while none arrive. */
export class LoadBalance {
  readonly #options: LoadBalanceOptions;
  #shares: readonly number[] = [];
  #arrivals = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LoadBalanceOptions) {
    this.#options = options;
  }

  /** Of so many workers: the present shares, or even ones where the present ones are of another number of workers. */
  sharesFor(workers: number): readonly number[] {
    return this.#shares.length === workers ? this.#shares : evenShares(workers);
  }

  /** So many workers take new connections from now on. A successor has the share of its predecessor's place. */
  setWorkers(workers: number): void {
    this.#shares = this.sharesFor(workers);
  }

  /** A worker has told of new connections. */
  arrived(connections: number): void {
    if (connections <= 0) return;
    this.#arrivals += connections;
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#balance();
    }, clusterDefaults.balanceInterval);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #balance(): void {
    const arrivals = this.#arrivals;
    this.#arrivals = 0;
    const loads = this.#options.loads();
    if (loads.length < 2 || loads.length !== this.#shares.length) return;
    const shares = sharesByLoad(loads, horizonOf(loads, arrivals));
    if (!areWorthAChange(this.#shares, shares)) return;
    this.#shares = shares;
    this.#options.changed();
  }
}

/**
 * Connections that may come until the workers are level. Twice those of an interval: a correction is not made again before
 * its effect is seen. A part of those that are there: the more there are, the less one counts.
 */
function horizonOf(loads: readonly WorkerLoad[], arrivals: number): number {
  const total = loads.reduce((sum, { connections }) => sum + connections, 0);
  return Math.max(leastHorizon, total / 8, 2 * arrivals);
}
