import { describe, expect, it } from "vitest";

import { StreamError } from "../../../../src/errors/errors.ts";
import { BufferBudget } from "../../../../src/transport/streams/buffer-budget.ts";
import { ReadAll, ReadChunk, ReadExactly, ReadUntil } from "../../../../src/transport/streams/read-operations.ts";
import { ReceiveHalf, run } from "../../../../src/transport/streams/receive-half.ts";

import { FakeHost, bytes, isPending, text } from "../fake-quic.ts";

function make(budget?: BufferBudget): { host: FakeHost; half: ReceiveHalf } {
  const host = new FakeHost(budget);
  return { host, half: new ReceiveHalf(host) };
}

describe("ReceiveHalf", () => {
  it("hands out chunks as they came, then null", () => {
    const { half } = make();
    half.receive(bytes("ab"), false);
    half.receive(bytes("cd"), true);
    expect(text(half.tryTake(Infinity))).toBe("ab");
    expect(text(half.tryTake(Infinity))).toBe("cd");
    expect(half.tryTake(Infinity)).toBeNull();
    expect(half.bytesRead).toBe(4);
  });

  it("keeps many small chunks that nobody reads as few", () => {
    const { half } = make();
    for (let index = 0; index < 10_000; index += 1) half.receive(Uint8Array.of(index), false);
    half.tryTake(1);
    half.receive(Uint8Array.of(0), true);
    let taken = 0;
    const read: number[] = [];
    for (let chunk = half.tryTake(Infinity); chunk !== null && chunk !== undefined; chunk = half.tryTake(Infinity)) {
      taken += 1;
      read.push(...chunk);
    }
    expect(taken).toBeLessThan(60);
    const sent = Array.from({ length: 10_000 }, (_, index) => index % 256);
    expect(read).toEqual([...sent.slice(1), 0]);
  });

  it("hands out at most maxBytes, each piece with an ArrayBuffer of its own", () => {
    const { half } = make();
    half.receive(bytes("abcde"), true);
    const pieces = [half.tryTake(2), half.tryTake(2), half.tryTake(2)];
    expect(pieces.map(text)).toEqual(["ab", "cd", "e"]);
    for (const piece of pieces) {
      expect(piece?.byteOffset).toBe(0);
      expect(piece?.buffer.byteLength).toBe(piece?.byteLength);
    }
  });

  it("grants credit only as it is read, once half of it was", () => {
    const { host, half } = make();
    half.receive(new Uint8Array(100), false);
    expect(host.quic.calls).toEqual([]);
    half.tryTake(49);
    expect(host.quic.calls).toEqual([]);
    half.tryTake(1);
    expect(host.quic.calls).toEqual(["grant 0 50"]);
    half.tryTake(Infinity);
    expect(host.quic.calls).toEqual(["grant 0 50", "grant 0 50"]);
  });

  it("grants nothing while the session's budget is exhausted, and then everything", () => {
    const budget = new BufferBudget(150);
    const first = make(budget);
    const second = make(budget);
    first.half.receive(new Uint8Array(100), false);
    second.half.receive(new Uint8Array(100), false);
    second.half.receive(new Uint8Array(100), false);
    first.half.tryTake(Infinity);
    expect(first.host.quic.calls).toEqual([]);
    second.half.tryTake(60);
    expect(budget.used).toBe(140);
    expect(first.host.quic.calls).toEqual(["grant 0 100"]);
    expect(second.host.quic.calls).toEqual(["grant 0 60"]);
  });

  it("serves reads in the order of their calls", async () => {
    const { half } = make();
    const reads = [1, 2, 3].map(() => run(half, new ReadChunk(Infinity)));
    half.receive(bytes("a"), false);
    half.receive(bytes("b"), true);
    expect((await Promise.all(reads)).map(text)).toEqual(["a", "b", null]);
  });

  it("takes back a read whose signal aborts, without losing bytes", async () => {
    const { half } = make();
    const abort = new AbortController();
    const read = run(half, new ReadChunk(Infinity), { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(read).rejects.toThrow("enough");
    half.receive(bytes("kept"), false);
    expect(text(half.tryTake(Infinity))).toBe("kept");
  });

  it("takes back a read that waits longer than its time-out, without losing bytes", async () => {
    const { host, half } = make();
    host.readTimeout = 1000;
    const slow = run(half, new ReadChunk(Infinity));
    const patient = run(half, new ReadChunk(Infinity), { timeout: 0 });
    expect(host.timers.map(({ milliseconds }) => milliseconds)).toEqual([1000]);
    host.fire();
    await expect(slow).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT", operation: "read", timeoutDuration: 1000 });
    half.receive(bytes("late"), false);
    expect(text(await patient)).toBe("late");
  });

  it("leaves no timer behind a read that was served in time", async () => {
    const { host, half } = make();
    const read = run(half, new ReadChunk(Infinity), { timeout: 50 });
    half.receive(bytes("in time"), false);
    expect(text(await read)).toBe("in time");
    expect(host.timers).toEqual([]);
  });

  it("keeps the reliable bytes of a reset readable, and then rejects", async () => {
    const { host, half } = make();
    const { closed } = half;
    half.receive(bytes("abc"), false);
    half.receive(bytes("defghi"), false);
    expect(text(half.tryTake(1))).toBe("a");
    const error = new StreamError("reset", { streamErrorCode: 7 });
    half.receiveReset(error, 5);
    expect([half.over, half.isReadable, half.error]).toEqual([true, true, error]);
    expect(host.budget.used).toBe(4);
    expect(await isPending(closed)).toBe(true);
    expect(text(half.tryTake(Infinity))).toBe("bc");
    expect(text(await half.read(Infinity))).toBe("de");
    expect(() => half.tryTake(1)).toThrow(error);
    await expect(closed).rejects.toBe(error);
    await expect(run(half, new ReadChunk(1))).rejects.toBe(error);
    expect(host.budget.used).toBe(0);
    expect(host.quic.calls).toEqual([]);
  });

  it("rejects at once when all reliable bytes of a reset have been read", async () => {
    const { half } = make();
    half.receive(bytes("abc"), false);
    half.tryTake(2);
    const error = new StreamError("reset", { streamErrorCode: 7 });
    half.receiveReset(error, 2);
    expect(half.isReadable).toBe(false);
    await expect(half.closed).rejects.toBe(error);
  });

  it("drops what is unread on a reset and rejects every read", async () => {
    const { host, half } = make();
    const { closed } = half;
    half.receive(bytes("lost"), false);
    const error = new StreamError("reset", { streamErrorCode: 7 });
    half.receiveReset(error);
    expect(() => half.tryTake(1)).toThrow(error);
    await expect(run(half, new ReadChunk(1))).rejects.toBe(error);
    await expect(closed).rejects.toBe(error);
    await expect(half.closed).rejects.toBe(error);
    expect(host.budget.used).toBe(0);
    expect(half.over).toBe(true);
  });

  it("can still be read after the session's end when everything had come", async () => {
    const { half } = make();
    half.receive(bytes("whole"), true);
    half.fail(new Error("session gone"));
    expect(text(half.tryTake(Infinity))).toBe("whole");
    await half.closed;
  });

  it("stop() drops what is buffered, ends reads with null and tells the peer once", async () => {
    const { host, half } = make();
    const read = run(half, new ReadAll(0, Infinity));
    half.stop(5n);
    half.stop(6n);
    expect(host.quic.calls).toEqual(["stop 0 0x5"]);
    expect(text(await read)).toBe("");
    half.receive(bytes("late"), false);
    expect(half.buffered).toBe(0);
    await half.closed;
  });
});

describe("the read operations", () => {
  it("readAll gives everything, and rejects over maxBytes", async () => {
    const { half } = make();
    const all = run(half, new ReadAll(0, Infinity));
    half.receive(bytes("ab"), false);
    half.receive(bytes("c"), true);
    expect(text(await all)).toBe("abc");
    const other = make();
    const limited = run(other.half, new ReadAll(0, 2));
    other.half.receive(bytes("abc"), false);
    await expect(limited).rejects.toMatchObject({ code: "ERR_WT_STREAM_LIMIT" });
  });

  it("readExactly joins chunks, leaves the rest, and rejects at an early end", async () => {
    const { half } = make();
    const four = run(half, new ReadExactly(0, 4));
    half.receive(bytes("ab"), false);
    expect(await isPending(four)).toBe(true);
    half.receive(bytes("cdef"), true);
    expect(text(await four)).toBe("abcd");
    await expect(run(half, new ReadExactly(0, 4))).rejects.toMatchObject({
      code: "ERR_WT_STREAM_ENDED_EARLY",
      details: { expected: "4 bytes", received: 2 },
    });
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("readUntil finds the separator when chunks have %i bytes", async (size) => {
    const { half } = make();
    const whole = "ab\r\r\ncd\r\n";
    const reads = [new ReadUntil(0, bytes("\r\n"), 100, false), new ReadUntil(0, bytes("\r\n"), 100, false)];
    const results = reads.map((operation) => run(half, operation));
    for (let index = 0; index < whole.length; index += size)
      half.receive(bytes(whole.slice(index, index + size)), false);
    expect((await Promise.all(results)).map(text)).toEqual(["ab\r\r\n", "cd\r\n"]);
  });

  it("readUntil rejects over maxBytes and at the end", async () => {
    const { half } = make();
    const long = run(half, new ReadUntil(0, bytes("\n"), 3, false));
    half.receive(bytes("abcd"), true);
    await expect(long).rejects.toMatchObject({ code: "ERR_WT_STREAM_LIMIT" });
    await expect(run(half, new ReadUntil(0, bytes("\n"), 9, false))).rejects.toMatchObject({
      code: "ERR_WT_STREAM_ENDED_EARLY",
    });
  });

  it("goes on granting credit while a read waits for more than the credit", async () => {
    const { host, half } = make();
    const big = run(half, new ReadExactly(0, 250));
    for (let sent = 0; sent < 250; sent += 50) half.receive(new Uint8Array(50), sent === 200);
    expect((await big).byteLength).toBe(250);
    expect(host.quic.calls).toEqual(["grant 0 50", "grant 0 50", "grant 0 50", "grant 0 50"]);
  });
});
