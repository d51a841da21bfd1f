import { describe, expect, it } from "vitest";

import { StreamError } from "../../../../src/errors/errors.ts";
import { BufferBudget } from "../../../../src/transport/streams/buffer-budget.ts";
import { ReceiveHalf } from "../../../../src/transport/streams/receive-half.ts";

import { FakeStream, bytes, isPending, text } from "../fake-quic.ts";
import type { FakeStreamOptions } from "../fake-quic.ts";

function make(options?: FakeStreamOptions): { stream: FakeStream; half: ReceiveHalf } {
  const stream = new FakeStream(options);
  return { stream, half: new ReceiveHalf(stream) };
}

describe("ReceiveHalf", () => {
  it("hands out chunks as they came, then null", () => {
    const { half } = make();
    half.receive(bytes("ab"), false);
    half.receive(bytes("cd"), true);
    expect(text(half.tryRead())).toBe("ab");
    expect(text(half.tryRead())).toBe("cd");
    expect(half.tryRead()).toBeNull();
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
    const pieces = [half.tryRead(2), half.tryRead(2), half.tryRead(2)];
    expect(pieces.map(text)).toEqual(["ab", "cd", "e"]);
    for (const piece of pieces) {
      expect(piece?.byteOffset).toBe(0);
      expect(piece?.buffer.byteLength).toBe(piece?.byteLength);
    }
  });

  it("grants credit only as it is read, once half of it was", () => {
    const { stream, half } = make();
    half.receive(new Uint8Array(100), false);
    expect(stream.quic.calls).toEqual([]);
    half.tryRead(49);
    expect(stream.quic.calls).toEqual([]);
    half.tryRead(1);
    expect(stream.quic.calls).toEqual(["grant 0 50"]);
    half.tryRead();
    expect(stream.quic.calls).toEqual(["grant 0 50", "grant 0 50"]);
  });

  it("grants nothing while the session's budget is exhausted, and then everything", () => {
    const budget = new BufferBudget(150);
    const first = make({ budget });
    const second = make({ budget });
    first.half.receive(new Uint8Array(100), false);
    second.half.receive(new Uint8Array(100), false);
    second.half.receive(new Uint8Array(100), false);
    first.half.tryRead();
    expect(first.stream.quic.calls).toEqual([]);
    second.half.tryRead(60);
    expect(budget.used).toBe(140);
    expect(first.stream.quic.calls).toEqual(["grant 0 100"]);
    expect(second.stream.quic.calls).toEqual(["grant 0 60"]);
  });

  it("serves reads in the order of their calls", async () => {
    const { half } = make();
    const reads = [1, 2, 3].map(() => half.read());
    half.receive(bytes("a"), false);
    half.receive(bytes("b"), true);
    expect((await Promise.all(reads)).map(text)).toEqual(["a", "b", null]);
  });

  it("takes back a read whose signal aborts, without losing bytes", async () => {
    const { half } = make();
    const abort = new AbortController();
    const read = half.read({ signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(read).rejects.toThrow("enough");
    half.receive(bytes("kept"), false);
    expect(text(half.tryRead())).toBe("kept");
  });

  it("takes back a read that waits longer than its time-out, without losing bytes", async () => {
    const { stream, half } = make({ settings: { readTimeout: 1000 } });
    const slow = half.read();
    const patient = half.read({ timeout: 0 });
    expect(stream.timers.map(({ milliseconds }) => milliseconds)).toEqual([1000]);
    stream.fire();
    await expect(slow).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT", operation: "read", timeoutDuration: 1000 });
    half.receive(bytes("late"), false);
    expect(text(await patient)).toBe("late");
  });

  it("leaves no timer behind a read that was served in time", async () => {
    const { stream, half } = make();
    const read = half.read({ timeout: 50 });
    half.receive(bytes("in time"), false);
    expect(text(await read)).toBe("in time");
    expect(stream.timers).toEqual([]);
  });

  it("keeps the reliable bytes of a reset readable, and then rejects", async () => {
    const { stream, half } = make();
    const { closed } = half;
    half.receive(bytes("abc"), false);
    half.receive(bytes("defghi"), false);
    expect(text(half.tryRead(1))).toBe("a");
    const error = new StreamError("reset", { streamErrorCode: 7 });
    half.receiveReset(error, 5);
    expect([half.over, half.isReadable, half.error]).toEqual([true, true, error]);
    expect(stream.budget.used).toBe(4);
    expect(await isPending(closed)).toBe(true);
    expect(text(half.tryRead())).toBe("bc");
    expect(text(await half.read())).toBe("de");
    expect(() => half.tryRead(1)).toThrow(error);
    await expect(closed).rejects.toBe(error);
    await expect(half.read({ maxBytes: 1 })).rejects.toBe(error);
    expect(stream.budget.used).toBe(0);
    expect(stream.quic.calls).toEqual([]);
  });

  it("rejects at once when all reliable bytes of a reset have been read", async () => {
    const { half } = make();
    half.receive(bytes("abc"), false);
    half.tryRead(2);
    const error = new StreamError("reset", { streamErrorCode: 7 });
    half.receiveReset(error, 2);
    expect(half.isReadable).toBe(false);
    await expect(half.closed).rejects.toBe(error);
  });

  it("drops what is unread on a reset and rejects every read", async () => {
    const { stream, half } = make();
    const { closed } = half;
    half.receive(bytes("lost"), false);
    const error = new StreamError("reset", { streamErrorCode: 7 });
    half.receiveReset(error);
    expect(() => half.tryRead(1)).toThrow(error);
    await expect(half.read({ maxBytes: 1 })).rejects.toBe(error);
    await expect(closed).rejects.toBe(error);
    await expect(half.closed).rejects.toBe(error);
    expect(stream.budget.used).toBe(0);
    expect(half.over).toBe(true);
  });

  it("can still be read after the session's end when everything had come", async () => {
    const { half } = make();
    half.receive(bytes("whole"), true);
    half.fail(new Error("session gone"));
    expect(text(half.tryRead())).toBe("whole");
    await half.closed;
  });

  it("stop() drops what is buffered, ends reads with null and tells the peer once", async () => {
    const { stream, half } = make();
    const read = half.readAll();
    half.stop(5);
    half.stop(6);
    expect(stream.quic.calls).toEqual(["stop 0 0x52e4a40fa8e0"]);
    expect(text(await read)).toBe("");
    half.receive(bytes("late"), false);
    expect(half.buffered).toBe(0);
    await half.closed;
  });
});

describe("the read operations", () => {
  it("readAll gives everything, and rejects over maxBytes", async () => {
    const { half } = make();
    const all = half.readAll();
    half.receive(bytes("ab"), false);
    half.receive(bytes("c"), true);
    expect(text(await all)).toBe("abc");
    const other = make();
    const limited = other.half.readAll({ maxBytes: 2 });
    other.half.receive(bytes("abc"), false);
    await expect(limited).rejects.toMatchObject({ code: "ERR_WT_STREAM_LIMIT" });
  });

  it("readExactly joins chunks, leaves the rest, and rejects at an early end", async () => {
    const { half } = make();
    const four = half.readExactly(4);
    half.receive(bytes("ab"), false);
    expect(await isPending(four)).toBe(true);
    half.receive(bytes("cdef"), true);
    expect(text(await four)).toBe("abcd");
    await expect(half.readExactly(4)).rejects.toMatchObject({
      code: "ERR_WT_STREAM_ENDED_EARLY",
      details: { expected: "4 bytes", received: 2 },
    });
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("readUntil finds the separator when chunks have %i bytes", async (size) => {
    const { half } = make();
    const whole = "ab\r\r\ncd\r\n";
    const results = [half.readUntil("\r\n"), half.readUntil("\r\n")];
    for (let index = 0; index < whole.length; index += size)
      half.receive(bytes(whole.slice(index, index + size)), false);
    expect((await Promise.all(results)).map(text)).toEqual(["ab\r\r\n", "cd\r\n"]);
  });

  it("readUntil rejects over maxBytes and at the end", async () => {
    const { half } = make();
    const long = half.readUntil("\n", { maxBytes: 3 });
    half.receive(bytes("abcd"), true);
    await expect(long).rejects.toMatchObject({ code: "ERR_WT_STREAM_LIMIT" });
    await expect(half.readUntil("\n", { maxBytes: 9 })).rejects.toMatchObject({
      code: "ERR_WT_STREAM_ENDED_EARLY",
    });
  });

  it("goes on granting credit while a read waits for more than the credit", async () => {
    const { stream, half } = make();
    const big = half.readExactly(250);
    for (let sent = 0; sent < 250; sent += 50) half.receive(new Uint8Array(50), sent === 200);
    expect((await big).byteLength).toBe(250);
    expect(stream.quic.calls).toEqual(["grant 0 50", "grant 0 50", "grant 0 50", "grant 0 50"]);
  });
});
