/** New connections are shared out among the workers of a UDP port in so many parts (`SteeringOptions.shares`). */
export const allParts = 65_536;

/** A worker gets at least a fourth of an even share, so that it is never forgotten, and at most four even ones. */
const mostUneven = 4;

/** Halvings of a range until what is left of it is nothing. */
const searchSteps = 60;

export interface WorkerLoad {
  /** Open or in handshake. */
  readonly connections: number;
  /** Its process has not answered lately: it may hang, and what it has told may be old. */
  readonly isSilent: boolean;
}

/** As many new connections for each of so many workers. */
export function evenShares(workers: number): number[] {
  return wholeParts(
    Array.from({ length: workers }, () => 1 / workers),
    allParts,
  );
}

/**
 * Shares after which all workers have as many connections, once about `horizon` new ones have come. Those of workers that
 * answer are between a fourth of an even share and four of them (more only where less than a fourth of the workers answer).
 * A silent worker gets one part, which is as good as none.
 */
export function sharesByLoad(loads: readonly WorkerLoad[], horizon: number): number[] {
  const answering = loads.filter(({ isSilent }) => !isSilent);
  if (answering.length === 0) return evenShares(loads.length);
  const parts = wholeParts(levelling(answering, loads.length, horizon), allParts - (loads.length - answering.length));
  const next = parts.values();
  return loads.map(({ isSilent }) => (isSilent ? 1 : (next.next().value ?? 1)));
}

/** The differences are more than chance makes them. */
export function areWorthAChange(present: readonly number[], wanted: readonly number[]): boolean {
  const tolerance = allParts / present.length / 8;
  return wanted.some((share, index) => Math.abs(share - (present[index] ?? 0)) > tolerance);
}

/** Fractions with the sum 1 for workers among `all`. */
function levelling(loads: readonly WorkerLoad[], all: number, horizon: number): number[] {
  const least = 1 / all / mostUneven;
  const most = Math.max(mostUneven / all, 1 / loads.length);
  const heaviest = loads.reduce((maximum, { connections }) => Math.max(maximum, connections), 0);
  const sharesWith = (lift: number): number[] =>
    loads.map(({ connections }) => Math.min(most, Math.max(least, lift - connections / horizon)));
  // The sum grows with the lift.
  let [low, high] = [0, most + heaviest / horizon];
  for (let step = 0; step < searchSteps; step += 1) {
    const middle = (low + high) / 2;
    const sum = sharesWith(middle).reduce((total, share) => total + share, 0);
    if (sum < 1) low = middle;
    else high = middle;
  }
  return sharesWith(high);
}

/** Fractions with the sum 1 as whole parts of `total`. */
function wholeParts(fractions: readonly number[], total: number): number[] {
  let [fraction, end] = [0, 0];
  return fractions.map((share, index) => {
    const start = end;
    fraction += share;
    // What lacks to a whole number by rounding alone is no fraction.
    end = index === fractions.length - 1 ? total : Math.floor(fraction * total + 1e-6);
    return end - start;
  });
}
