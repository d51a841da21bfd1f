import { onAbort } from "../async/abort.ts";

/** RFC 8305 §5, "Connection Attempt Delay": its recommended value, milliseconds. */
export const attemptDelay = 250;

export interface AddressRace<Winner> {
  /** Tries one address until the signal aborts; by then it has given everything back. */
  readonly attempt: (address: string, signal: AbortSignal) => Promise<Winner>;
  /** Releases what was reached after the race had been won. */
  readonly discard: (late: Winner) => void;
  readonly setTimer: (milliseconds: number, callback: () => void) => () => void;
  readonly signal: AbortSignal;
}

/** No address could be reached: why each was not, in the order in which they failed. */
export class RaceLost extends Error {
  override readonly name = "RaceLost";
  readonly failures: readonly { readonly address: string; readonly error: unknown }[];
  constructor(failures: RaceLost["failures"]) {
    super("No address could be reached");
    this.failures = failures;
  }
}

/** RFC 8305 §4: the families take turns, each in the resolver's order, which decides the first. */
export function interleave(addresses: readonly string[]): string[] {
  const { isIP } = process.getBuiltinModule("node:net");
  const first = addresses.filter((address) => isIP(address) === isIP(addresses[0] ?? ""));
  const second = addresses.filter((address) => !first.includes(address));
  const turns = Array.from({ length: Math.max(first.length, second.length) }, (_, index) => [
    first[index],
    second[index],
  ]);
  return turns.flat().filter((address) => address !== undefined);
}

/**
 * RFC 8305 §5: an attempt at each address, the next one 250 ms after the last or as soon as one has failed. The first that
 * succeeds ends the others. Rejects with {@link RaceLost}, or with the signal's reason once every attempt has ended.
 */
export async function raceAddresses<Winner>(addresses: readonly string[], race: AddressRace<Winner>): Promise<Winner> {
  const { signal } = race;
  signal.throwIfAborted();
  const over = new AbortController();
  const running = new Set<Promise<unknown>>();
  let endAbort: (() => void) | undefined;
  try {
    return await new Promise<Winner>((resolve, reject) => {
      endAbort = onAbort(signal, () => reject(signal.reason as Error));
      runAttempts(addresses, race, over.signal, running, resolve, reject);
    });
  } catch (error) {
    over.abort(error);
    await Promise.allSettled(running);
    throw error;
  } finally {
    endAbort?.();
    over.abort(new Error("Another address was faster"));
  }
}

function runAttempts<Winner>(
  addresses: readonly string[],
  race: AddressRace<Winner>,
  over: AbortSignal,
  running: Set<Promise<unknown>>,
  resolve: (winner: Winner) => void,
  reject: (error: RaceLost) => void,
): void {
  const failures: { address: string; error: unknown }[] = [];
  let next = 0;
  let isWon = false;
  let cancelTimer: (() => void) | undefined;
  onAbort(over, () => cancelTimer?.());

  const startNext = (): void => {
    cancelTimer?.();
    const address = addresses[next];
    if (address === undefined || over.aborted) return;
    next += 1;
    cancelTimer = next < addresses.length ? race.setTimer(attemptDelay, startNext) : undefined;
    const attempt = race.attempt(address, over);
    running.add(attempt);
    attempt.then(
      (winner) => {
        running.delete(attempt);
        // An abort settles the race at once, but `over` only a turn later.
        if (isWon || over.aborted || race.signal.aborted) {
          race.discard(winner);
          return;
        }
        isWon = true;
        cancelTimer?.();
        resolve(winner);
      },
      (error: unknown) => {
        running.delete(attempt);
        failures.push({ address, error });
        if (isWon) return;
        if (next < addresses.length) startNext();
        else if (running.size === 0) reject(new RaceLost(failures));
      },
    );
  };
  startNext();
}
