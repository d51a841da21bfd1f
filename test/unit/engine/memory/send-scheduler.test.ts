import { describe, expect, it } from "vitest";

import { SendScheduler } from "../../../../src/engine/memory/send-scheduler.ts";
import type { Priority, Sendable } from "../../../../src/engine/memory/send-scheduler.ts";

interface Stream extends Sendable {
  readonly name: string;
}

function stream(name: string, session = 0, group = 0, order = 0): Stream {
  const priority: Priority = { session, group, order };
  return { name, priority, scheduled: false };
}

/** Bytes that each of these streams gets, all of which always have more to send, when the pieces are handed out in turn. */
function share(streams: readonly Stream[], pieces: readonly number[], rounds: number): number[] {
  const scheduler = new SendScheduler<Stream>();
  const got = new Map(streams.map((each) => [each, 0]));
  for (const each of streams) scheduler.push(each);
  for (let round = 0; round < rounds; round += 1) {
    for (const piece of pieces) {
      const next = scheduler.pop();
      if (next === undefined) throw new Error("Nobody waits");
      got.set(next, (got.get(next) ?? 0) + piece);
      scheduler.served(next, piece);
      scheduler.push(next);
    }
  }
  return [...got.values()];
}

describe("SendScheduler", () => {
  it("serves sessions in turn, a session's groups in turn, and of a group the highest order first", () => {
    const scheduler = new SendScheduler<Stream>();
    const streams = [
      stream("a", 0, 1, 9),
      stream("b", 0, 2),
      stream("c", 0, 2, 1),
      stream("d", 1, 1),
      stream("e", 1, 1),
    ];
    for (const each of streams) scheduler.push(each);
    const order: string[] = [];
    for (let next = scheduler.pop(); next !== undefined; next = scheduler.pop()) {
      order.push(next.name);
      scheduler.served(next, 100);
    }
    expect(order).toEqual(["a", "d", "c", "e", "b"]);
    expect(scheduler.isEmpty).toBe(true);
  });

  it("counts turns in bytes, whatever the pieces", () => {
    const many = [1, 2, 3, 4].map((group) => stream("many", 1, group, group));
    const [one = 0, ...rest] = share([stream("one"), ...many], [32_768, 7000, 1200], 500);
    const half = (500 * (32_768 + 7000 + 1200)) / 2;
    expect(Math.abs(one - half)).toBeLessThanOrEqual(32_768);
    for (const each of rest) expect(Math.abs(each - half / 4)).toBeLessThanOrEqual(32_768);
  });

  it("gives nothing for leaving and joining again, nor for a new group or session each time", () => {
    const rejoins = [() => stream("brief", 1), (n: number) => stream("brief", 0, n), (n: number) => stream("brief", n)];
    for (const rejoin of rejoins) {
      const scheduler = new SendScheduler<Stream>();
      const lasting = stream("lasting");
      scheduler.push(lasting);
      scheduler.push(rejoin(1));
      let served = 0;
      for (let n = 2; n < 102; n += 1) {
        const next = scheduler.pop();
        if (next === undefined) throw new Error("Nobody waits");
        scheduler.served(next, 1000);
        if (next === lasting) served += 1;
        scheduler.push(next === lasting ? lasting : rejoin(n));
      }
      expect(served).toBe(50);
    }
  });

  it("takes out who does not wait any more", () => {
    const scheduler = new SendScheduler<Stream>();
    const [first, second] = [stream("first", 3, 4), stream("second", 3, 4)];
    for (const each of [first, second]) scheduler.push(each);
    scheduler.remove(first);
    scheduler.remove(first);
    expect([scheduler.pop(), scheduler.pop(), scheduler.isEmpty]).toEqual([second, undefined, true]);
  });
});
