import { describe, expect, it } from "vitest";

import { ReceiveWindow } from "../../../../src/transport/connection/receive-window.ts";
import { BufferBudget } from "../../../../src/transport/streams/buffer-budget.ts";
import { FakeQuic } from "../fake-quic.ts";

/** A window that begins with 100 bytes and may have 800. */
function make(totalBudget?: BufferBudget): { quic: FakeQuic; window: ReceiveWindow } {
  const quic = new FakeQuic();
  const options = { receiveWindow: 100, maxSessions: 4, maxSessionBufferSize: 200, totalBudget };
  return { quic, window: new ReceiveWindow({ quic }, options) };
}

describe("a connection's receive window", () => {
  it("grows by what is unread, so that half of the first one stays free", () => {
    const { quic, window } = make();
    quic.unread = 51;
    window.grow();
    quic.unread = 240;
    window.grow();
    expect(quic.calls).toEqual(["window 200", "window 300"]);
    expect(window.size).toBe(300);
  });

  it("ends with every session's buffer, and is exhausted when that is held", () => {
    const { quic, window } = make();
    quic.unread = 780;
    window.grow();
    expect(window.size).toBe(800);
    expect(window.isExhausted).toBe(true);
    quic.unread = 100;
    expect(window.isExhausted).toBe(false);
  });

  it("shrinks when it is read, not at each byte of a border", () => {
    const { quic, window } = make();
    quic.unread = 251;
    window.grow();
    quic.unread = 230;
    window.shrink();
    expect(window.size).toBe(400);
    quic.unread = 220;
    window.shrink();
    expect(window.size).toBe(300);
    quic.unread = 0;
    window.shrink();
    window.shrink();
    expect(window.size).toBe(100);
    expect(quic.calls).toEqual(["window 400", "window 300", "window 100"]);
  });

  it("keeps its share of the process's budget as long as the peer may use what it was allowed", () => {
    const total = new BufferBudget(1000);
    const { quic, window } = make(total);
    quic.unread = 251;
    window.grow();
    expect(total.reserved).toBe(300);
    quic.unread = 0;
    quic.setReceiveWindow = () => 350;
    window.shrink();
    expect([window.size, total.reserved]).toEqual([350, 250]);
    window.end();
    expect(total.reserved).toBe(0);
  });

  it("waits for room in the process's budget, of which windows get half", () => {
    const total = new BufferBudget(400);
    const [first, second] = [make(total), make(total)];
    first.quic.unread = 251;
    first.window.grow();
    expect([first.window.size, first.window.isRefused, total.reserved]).toEqual([300, true, 200]);
    second.quic.unread = 60;
    second.window.grow();
    expect([second.window.size, second.window.isRefused]).toEqual([100, true]);
    first.quic.unread = 0;
    first.window.shrink();
    expect([second.window.size, second.window.isRefused, total.reserved]).toEqual([200, false, 100]);
    expect(total.exhausted).toBe(false);
  });

  it("takes no more of the process's budget than unread streams have left", () => {
    const total = new BufferBudget(400);
    const { quic, window } = make(total);
    total.add(350);
    quic.unread = 60;
    window.grow();
    expect(window.isRefused).toBe(true);
    total.remove(50);
    expect([window.size, total.reserved, total.used]).toEqual([200, 100, 300]);
    total.add(1);
    expect(total.exhausted).toBe(true);
  });
});
