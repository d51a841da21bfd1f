import { describe, expect, it } from "vitest";

import { SessionLifecycle } from "../../../../src/protocol/webtransport/session-state.ts";
import type { SessionState, SessionStep } from "../../../../src/protocol/webtransport/session-state.ts";

const steps: readonly SessionStep[] = ["offer", "accept", "refuse", "close", "end"];

/** The shortest way to each state. */
const ways: Readonly<Record<SessionState, readonly ["asked" | "held", ...SessionStep[]]>> = {
  asked: ["asked"],
  held: ["held"],
  offered: ["held", "offer"],
  open: ["asked", "accept"],
  closing: ["asked", "accept", "close"],
  ended: ["asked", "accept", "end"],
  never: ["asked", "refuse"],
};

function reach(state: SessionState): SessionLifecycle {
  const [first, ...rest] = ways[state];
  const session = new SessionLifecycle(first);
  for (const step of rest) session.move(step);
  expect(session.state).toBe(state);
  return session;
}

/** Where each step leads; what is not named changes nothing. */
const expected: Readonly<Record<SessionState, Readonly<Partial<Record<SessionStep, SessionState>>>>> = {
  asked: { accept: "open", refuse: "never" },
  held: { offer: "offered", refuse: "never" },
  offered: { accept: "open", refuse: "never" },
  open: { close: "closing", end: "ended" },
  closing: { end: "ended" },
  ended: {},
  never: {},
};

describe("A session's state", () => {
  it.each(Object.keys(expected) as SessionState[])("%s is left by the steps of its row alone", (state) => {
    for (const step of steps) {
      const session = reach(state);
      expect(session.move(step)).toBe(step in expected[state]);
      expect(session.state).toBe(expected[state][step] ?? state);
    }
  });

  it("counts a server's requests, and sessions until their end is told", () => {
    const counted = (Object.keys(ways) as SessionState[]).filter((state) => reach(state).isCounted);
    expect(counted).toEqual(["held", "offered", "open", "closing"]);
  });

  it("says what becomes of a late stream", () => {
    const standings = (Object.keys(ways) as SessionState[]).map((state) => [state, reach(state).standing]);
    expect(Object.fromEntries(standings)).toEqual({
      ...{ asked: "requested", held: "requested", offered: "requested" },
      ...{ open: "open", closing: "gone", ended: "gone", never: "never" },
    });
  });
});
