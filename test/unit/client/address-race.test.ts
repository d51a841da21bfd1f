import { describe, expect, it } from "vitest";

import { RaceLost, interleave, raceAddresses } from "../../../src/client/address-race.ts";

import { VirtualClock } from "../../../src/engine/memory/virtual-clock.ts";

interface Attempt {
  readonly address: string;
  readonly at: number;
  readonly signal: AbortSignal;
  succeed(): void;
  fail(error?: Error): void;
}

/** A race whose attempts end as the test says. */
class Course {
  readonly time = new VirtualClock({ automatic: false });
  readonly attempts: Attempt[] = [];
  readonly discarded: string[] = [];
  readonly abort = new AbortController();

  run(...addresses: string[]): Promise<string> {
    return raceAddresses<string>(addresses, {
      attempt: (address, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error(`${address} was given up`)), { once: true });
          this.attempts.push({
            address,
            at: this.time.now(),
            signal,
            succeed: () => resolve(address),
            fail: (error = new Error(`${address} is down`)) => reject(error),
          });
        }),
      discard: (late) => void this.discarded.push(late),
      setTimer: this.time.setTimer,
      signal: this.abort.signal,
    });
  }

  get tried(): string[] {
    return this.attempts.map(({ address, at }) => `${address} at ${at}`);
  }
}

const microtasks = (): Promise<void> => new Promise(setImmediate);

describe("interleave()", () => {
  it("lets the families take turns, beginning with the resolver's first", () => {
    expect(interleave(["::1", "::2", "::3", "10.0.0.1"])).toEqual(["::1", "10.0.0.1", "::2", "::3"]);
    expect(interleave(["10.0.0.1", "::1", "10.0.0.2"])).toEqual(["10.0.0.1", "::1", "10.0.0.2"]);
    expect(interleave(["10.0.0.1"])).toEqual(["10.0.0.1"]);
    expect(interleave([])).toEqual([]);
  });
});

describe("raceAddresses()", () => {
  it("tries the next address 250 ms after the last, and no sooner", async () => {
    const course = new Course();
    const race = course.run("::1", "10.0.0.1", "::2");
    await course.time.advance(249);
    expect(course.tried).toEqual(["::1 at 0"]);
    await course.time.advance(1);
    await course.time.advance(250);
    expect(course.tried).toEqual(["::1 at 0", "10.0.0.1 at 250", "::2 at 500"]);
    course.attempts[1]?.succeed();
    expect(await race).toBe("10.0.0.1");
  });

  it("tries the next address at once when one fails", async () => {
    const course = new Course();
    const race = course.run("::1", "10.0.0.1", "::2");
    await course.time.advance(100);
    course.attempts[0]?.fail();
    await microtasks();
    expect(course.tried).toEqual(["::1 at 0", "10.0.0.1 at 100"]);
    await course.time.advance(250);
    expect(course.tried).toEqual(["::1 at 0", "10.0.0.1 at 100", "::2 at 350"]);
    course.attempts[2]?.succeed();
    expect(await race).toBe("::2");
  });

  it("gives up the others once one has succeeded, and leaves no timer", async () => {
    const course = new Course();
    const race = course.run("::1", "10.0.0.1", "::2");
    await course.time.advance(250);
    course.attempts[0]?.succeed();
    expect(await race).toBe("::1");
    expect(course.attempts[1]?.signal.aborted).toBe(true);
    expect(course.time.timers).toBe(0);
    await course.time.advance(1000);
    await microtasks();
    expect(course.attempts).toHaveLength(2);
  });

  it("gives back what succeeds behind the winner", async () => {
    const course = new Course();
    const race = course.run("::1", "10.0.0.1");
    await course.time.advance(250);
    course.attempts[0]?.succeed();
    course.attempts[1]?.succeed();
    expect(await race).toBe("::1");
    await microtasks();
    expect(course.discarded).toEqual(["10.0.0.1"]);
  });

  it("tells why each address was not reached", async () => {
    const course = new Course();
    const race = course.run("::1", "10.0.0.1");
    course.attempts[0]?.fail();
    await microtasks();
    course.attempts[1]?.fail();
    await expect(race).rejects.toBeInstanceOf(RaceLost);
    await expect(race).rejects.toMatchObject({
      failures: [
        { address: "::1", error: new Error("::1 is down") },
        { address: "10.0.0.1", error: new Error("10.0.0.1 is down") },
      ],
    });
    expect(course.time.timers).toBe(0);
  });

  it("waits for every attempt to be given up before it rejects with the signal's reason", async () => {
    const course = new Course();
    const race = course.run("::1", "10.0.0.1");
    await course.time.advance(250);
    course.abort.abort(new Error("enough"));
    await expect(race).rejects.toThrow("enough");
    expect(course.attempts.every(({ signal }) => signal.aborted)).toBe(true);
    expect(course.time.timers).toBe(0);
  });

  it("gives back what succeeds in the very turn in which the signal aborts", async () => {
    const course = new Course();
    const race = course.run("::1");
    course.attempts[0]?.succeed();
    course.abort.abort(new Error("enough"));
    await expect(race).rejects.toThrow("enough");
    expect(course.discarded).toEqual(["::1"]);
  });

  it("tries nothing when the signal has aborted before", async () => {
    const course = new Course();
    course.abort.abort(new Error("enough"));
    await expect(course.run("::1")).rejects.toThrow("enough");
    expect(course.attempts).toHaveLength(0);
  });
});
