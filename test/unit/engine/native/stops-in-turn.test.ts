import { describe, expect, it } from "vitest";

import { StopsInTurn } from "../../../../src/engine/native/stops-in-turn.ts";

describe("StopsInTurn", () => {
  it("holds a stop of a listener for the rest of the batch and for the next one, and no longer", () => {
    const stops = new StopsInTurn();
    stops.begin();
    stops.add(1, 4, 7n, false);
    expect(stops.codeOf(1, 4)).toBe(7n);
    stops.end();
    stops.begin();
    expect(stops.codeOf(1, 4)).toBe(7n);
    expect(stops.codeOf(1, 8)).toBeUndefined();
    stops.end();
    stops.begin();
    expect(stops.codeOf(1, 4)).toBeUndefined();
    stops.end();
    expect(stops.codeOf(1, 4)).toBeUndefined();
  });

  it("holds a stop between two batches for the next one, if that is begun", () => {
    const stops = new StopsInTurn();
    stops.add(1, 4, 7n, true);
    stops.add(1, 4, 8n, true);
    stops.add(1, 8, 9n, false);
    stops.begin();
    expect(stops.codeOf(1, 4)).toBe(7n);
    expect(stops.codeOf(1, 8)).toBeUndefined();
    stops.end();
    expect(stops.codeOf(1, 4)).toBeUndefined();
  });
});
