import { untilAborted } from "../../../async/promises.ts";
import type { SetTimer } from "../../../async/deadlines.ts";
import { TimeoutError } from "../../../errors/errors.ts";

/** What an instance of rate-limiter-flexible does, on Redis, Valkey or any other store of it. */
export interface RateLimitStore {
  /**
   * Counts a request of the key. Rejects with an object that has `msBeforeNext` (milliseconds) and is no Error when the
   * key has used up its limit; with an Error when the store fails.
   */
  consume(key: string, points?: number): Promise<{ readonly msBeforeNext: number }>;
}

/** Milliseconds until the key may be admitted, 0 when it is now. Rejects when the store fails or takes longer than `timeout`. */
export async function consume(
  store: RateLimitStore,
  key: string,
  timeout: number,
  setTimer: SetTimer,
): Promise<number> {
  const late = new AbortController();
  const cancelTimer = setTimer(timeout, () => {
    const text = `The rate limit store has not answered for ${timeout} ms`;
    late.abort(new TimeoutError(text, { operation: "rate limit store", timeoutDuration: timeout }));
  });
  try {
    await untilAborted(store.consume(key, 1), late.signal);
    return 0;
  } catch (refusal) {
    if (!isOverLimit(refusal)) throw refusal;
    // A limit without an end is told as -1.
    return refusal.msBeforeNext > 0 ? refusal.msBeforeNext : Infinity;
  } finally {
    cancelTimer();
  }
}

function isOverLimit(refusal: unknown): refusal is { readonly msBeforeNext: number } {
  return (
    typeof refusal === "object" &&
    refusal !== null &&
    !(refusal instanceof Error) &&
    "msBeforeNext" in refusal &&
    typeof refusal.msBeforeNext === "number"
  );
}
