import { describe, expect, it } from "vitest";

import { untilAborted } from "../../../src/async/promises.ts";

describe("untilAborted()", () => {
  it("handles what the promise rejects with after the signal has aborted, before the call or behind it", async () => {
    const reject: ((error: Error) => void)[] = [];
    const pending = (): Promise<never> => new Promise((_, refuse) => reject.push(refuse));
    const abort = new AbortController();
    const before = untilAborted(pending(), AbortSignal.abort(new Error("enough")));
    const behind = untilAborted(pending(), abort.signal);
    abort.abort(new Error("enough"));
    for (const each of reject) each(new Error("nobody waits for this"));
    await expect(before).rejects.toThrow("enough");
    await expect(behind).rejects.toThrow("enough");
  });

  it("calls onAbort once, and not when the promise was faster", async () => {
    let calls = 0;
    const abort = new AbortController();
    const onAbort = (): void => {
      calls += 1;
    };
    expect(await untilAborted(Promise.resolve(7), abort.signal, onAbort)).toBe(7);
    const waiting = untilAborted(new Promise(() => {}), abort.signal, onAbort);
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(untilAborted(new Promise(() => {}), abort.signal, onAbort)).rejects.toThrow("enough");
    expect(calls).toBe(2);
  });
});
