import { describe, expect, it } from "vitest";

import { SessionLifecycle } from "../../../../src/transport/session/session-lifecycle.ts";
import type { LivingSession } from "../../../../src/transport/session/session-lifecycle.ts";
import type { CloseInfo } from "../../../../src/transport/types.ts";

import { isPending } from "../fake-quic.ts";

const goodbye: CloseInfo = { clean: true, code: 3, reason: "done", by: "local" };

/** A lifecycle, and what its connection and its listeners are told. */
function make(): { lifecycle: SessionLifecycle; told: string[] } {
  const told: string[] = [];
  const session = {
    sessionId: 0,
    context: {
      sessionMoved: (from: string, to: string) => told.push(`${from} → ${to}`),
      forgetSession: (sessionId: number) => told.push(`forget ${sessionId}`),
    },
    session: { id: "client-1/0", listens: () => true, publish: (type: string) => told.push(type) },
  };
  return { lifecycle: new SessionLifecycle(session as unknown as LivingSession), told };
}

describe("SessionLifecycle", () => {
  it("tells the connection each change of the public state once, in order", () => {
    const { lifecycle, told } = make();
    lifecycle.drained();
    lifecycle.drained();
    lifecycle.deliver();
    lifecycle.end(goodbye);
    lifecycle.settle();
    lifecycle.settle();
    expect(told).toEqual([
      "connected → draining",
      "session_draining",
      "draining → closing",
      "closing → closed",
      "forget 0",
      "session_closed",
    ]);
  });

  it("settles close() and closed only when nothing more is to be waited for", async () => {
    const { lifecycle } = make();
    const { close, closed } = lifecycle;
    lifecycle.deliver();
    lifecycle.end(goodbye);
    expect([await isPending(close), await isPending(closed), lifecycle.state]).toEqual([true, true, "closing"]);
    lifecycle.settle();
    await close;
    expect(await closed).toBe(goodbye);
  });

  it("tells whoever asks afterwards", async () => {
    const { lifecycle } = make();
    lifecycle.drained();
    lifecycle.end(goodbye);
    lifecycle.settle();
    await lifecycle.draining;
    await lifecycle.close;
    expect(await lifecycle.closed).toBe(goodbye);
    expect(lifecycle.closed).toBe(lifecycle.closed);
    expect(lifecycle.draining).toBe(lifecycle.draining);
  });

  it("keeps the first end, and does not settle before there is one", () => {
    const { lifecycle, told } = make();
    lifecycle.settle();
    expect(told).toEqual([]);
    expect(lifecycle.end(goodbye)).toBe(true);
    expect(lifecycle.end({ ...goodbye, code: 4 })).toBe(false);
    expect(lifecycle.info).toBe(goodbye);
    expect(lifecycle.error).toMatchObject({ closeCode: 3 });
  });

  it("moves no session that is being closed back to draining, but tells of it", () => {
    const { lifecycle, told } = make();
    lifecycle.deliver();
    lifecycle.drained();
    expect(told).toEqual(["connected → closing", "session_draining"]);
    expect(() => {
      lifecycle.deliver();
    }).toThrow("Invariant broken");
  });
});
