import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { LoadBalance } from "../../../src/cluster/workers/load-balance.ts";
import { allParts, evenShares } from "../../../src/cluster/workers/shares.ts";
import type { WorkerLoad } from "../../../src/cluster/workers/shares.ts";

/** Workers as their cluster knows them. */
class Workers {
  readonly connections: number[];
  loads: WorkerLoad[] = [];
  changes = 0;
  readonly balance: LoadBalance;

  constructor(...connections: number[]) {
    this.connections = connections;
    this.balance = new LoadBalance({
      loads: () => this.loads,
      changed: () => {
        this.changes += 1;
      },
    });
    this.report();
    this.balance.setWorkers(connections.length);
  }

  get shares(): readonly number[] {
    return this.balance.sharesFor(this.connections.length);
  }

  report(): void {
    this.loads = this.connections.map((connections) => ({ connections, isSilent: false }));
  }

  /** Connections that come by chance, as the shares say. */
  connect(count: number, random: () => number): void {
    for (let number = 0; number < count; number += 1) {
      const value = random() * allParts;
      let end = 0;
      const index = this.shares.findIndex((share) => {
        end += share;
        return value < end;
      });
      this.connections[index]! += 1;
    }
  }
}

/** Numbers from 0 to 1 that look like chance, the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

describe("LoadBalance", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("begins with even shares, and gives the emptier worker more once connections come", () => {
    const workers = new Workers(100, 20);
    expect(workers.shares).toEqual(evenShares(2));
    workers.balance.arrived(1);
    vi.advanceTimersByTime(1000);
    expect(workers.changes).toBe(1);
    expect(workers.shares).toEqual([allParts / 8, (allParts * 7) / 8]);
  });

  it("does nothing while no connection comes, however uneven the workers are", () => {
    const workers = new Workers(100, 0);
    workers.balance.arrived(0);
    expect(vi.getTimerCount()).toBe(0);
    workers.balance.arrived(1);
    vi.advanceTimersByTime(1000);
    expect(vi.getTimerCount()).toBe(0);
    workers.connections[0] = 1000;
    workers.report();
    vi.advanceTimersByTime(60_000);
    expect(workers.changes).toBe(1);
  });

  it("changes nothing where the difference is small, and at most ten times a second", () => {
    const workers = new Workers(1000, 1010, 990, 1000);
    for (let millisecond = 0; millisecond < 1000; millisecond += 1) {
      workers.balance.arrived(1);
      vi.advanceTimersByTime(1);
    }
    expect(workers.changes).toBe(0);
    for (let millisecond = 0; millisecond < 1000; millisecond += 1) {
      workers.connections[Math.floor(millisecond / 100) % 4]! += 30;
      workers.report();
      workers.balance.arrived(30);
      vi.advanceTimersByTime(1);
    }
    expect(workers.changes).toBeGreaterThan(5);
    expect(workers.changes).toBeLessThanOrEqual(10);
  });

  it("keeps the shares of the places when workers are replaced, and begins anew when there are more or fewer", () => {
    const workers = new Workers(100, 20);
    workers.balance.arrived(1);
    vi.advanceTimersByTime(100);
    const uneven = workers.shares;
    workers.balance.setWorkers(2);
    expect(workers.shares).toEqual(uneven);
    expect(workers.balance.sharesFor(3)).toEqual(evenShares(3));
    expect(workers.shares).toEqual(uneven);
    workers.balance.setWorkers(3);
    expect(workers.balance.sharesFor(3)).toEqual(evenShares(3));
    expect(workers.shares).toEqual(evenShares(2));
  });

  it("leaves the shares as they are while a worker has no process", () => {
    const workers = new Workers(100, 0);
    workers.loads = [];
    workers.balance.arrived(5);
    vi.advanceTimersByTime(1000);
    expect(workers.changes).toBe(0);
  });

  it("ends with its timer", () => {
    const workers = new Workers(100, 0);
    workers.balance.arrived(5);
    workers.balance.stop();
    vi.advanceTimersByTime(1000);
    expect([workers.changes, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it.each([
    [4, 50],
    [4, 100],
    [8, 50],
  ])("levels 1,000 connections over %i workers within ten per cent, %i in an interval", (count, perInterval) => {
    const worst: number[] = [];
    for (let seed = 1; seed <= 200; seed += 1) {
      const workers = new Workers(...Array.from({ length: count }, () => 0));
      const random = randomNumbers(seed);
      for (let connected = 0; connected < 1000; connected += perInterval) {
        // Reports are half an interval old.
        workers.connect(perInterval / 2, random);
        workers.report();
        workers.connect(perInterval / 2, random);
        workers.balance.arrived(perInterval);
        vi.advanceTimersByTime(100);
      }
      worst.push(Math.max(...workers.connections.map((connections) => Math.abs((connections * count) / 1000 - 1))));
    }
    expect(worst.filter((deviation) => deviation > 0.1)).toEqual([]);
  });

  it("fills a new worker among full ones until it has as many, and not beyond", () => {
    const workers = new Workers(300, 300, 300, 0);
    const random = randomNumbers(7);
    for (let interval = 0; interval < 60; interval += 1) {
      workers.connect(20, random);
      workers.report();
      workers.balance.arrived(20);
      vi.advanceTimersByTime(100);
    }
    const mean = (900 + 60 * 20) / 4;
    for (const connections of workers.connections) expect(Math.abs(connections / mean - 1)).toBeLessThan(0.1);
  });
});
