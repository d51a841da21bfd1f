import { describe, expect, it } from "vitest";

import { StreamError } from "../../../../src/errors/errors.ts";
import { SendHalf } from "../../../../src/transport/streams/send-half.ts";

import { FakeStream, bytes, isPending } from "../fake-quic.ts";
import type { FakeStreamOptions } from "../fake-quic.ts";

function make(prefix?: Uint8Array, options?: FakeStreamOptions): { stream: FakeStream; half: SendHalf } {
  const stream = new FakeStream(options);
  return { stream, half: new SendHalf(stream, prefix) };
}

describe("SendHalf", () => {
  it("resolves a small write without any event of the engine", async () => {
    const { stream, half } = make();
    stream.quic.room = 0;
    await half.write("small");
    expect(stream.quic.text()).toBe("small");
    expect(half.bufferedAmount).toBe(5);
  });

  it("resolves a large write once the engine has room below the high-water mark", async () => {
    const { stream, half } = make();
    stream.quic.room = 10;
    const write = half.write(new Uint8Array(150));
    half.accepted(40);
    expect(await isPending(write)).toBe(true);
    half.accepted(1);
    await write;
    expect(half.bytesWritten).toBe(150);
  });

  it("captures what it is given before it returns", () => {
    const { stream, half } = make();
    const data = bytes("first");
    void half.write(data);
    data.fill(0);
    expect(stream.quic.text()).toBe("first");
  });

  it("sends views and ArrayBuffers as the bytes that they show", () => {
    const { stream, half } = make();
    void half.write(bytes("xabcx").subarray(1, 4));
    void half.write(new DataView(bytes("xyz").buffer, 1));
    void half.write(bytes("!").buffer);
    expect(stream.quic.text()).toBe("abcyz!");
    expect(() => half.write(5 as unknown as string)).toThrow(TypeError);
  });

  it("sends its prefix with the first bytes, or when the script is done", () => {
    const first = make(bytes("P"));
    expect(first.stream.quic.text()).toBe("");
    void first.half.write("data");
    expect(first.stream.quic.text()).toBe("Pdata");
    first.stream.flushes[0]?.();
    expect(first.stream.quic.text()).toBe("Pdata");
    const second = make(bytes("P"));
    second.stream.flushes[0]?.();
    expect(second.stream.quic.text()).toBe("P");
  });

  it("is delivered when everything is acknowledged", async () => {
    const { stream, half } = make();
    const { closed } = half;
    await half.writeAll("all");
    expect(stream.quic.text()).toBe("all|");
    expect(await isPending(closed)).toBe(true);
    half.delivered();
    await closed;
    await half.closed;
    expect(half.over).toBe(true);
  });

  it("refuses a write after finish()", async () => {
    const { half } = make();
    half.finish();
    half.finish();
    await expect(half.write("late")).rejects.toMatchObject({ code: "ERR_WT_STREAM_CLOSED" });
    expect(half.isWritable).toBe(false);
  });

  it("rejects what waits when the peer stops it", async () => {
    const { stream, half } = make();
    stream.quic.room = 0;
    const write = half.write(new Uint8Array(200));
    const flush = half.flush();
    const { closed } = half;
    const error = new StreamError("stopped", { streamErrorCode: 9 });
    half.stopped(error);
    for (const promise of [write, flush, closed, half.write("more"), half.flush()]) {
      await expect(promise).rejects.toBe(error);
    }
    expect(stream.quic.calls).toEqual([]);
  });

  it("reset() sends the prefix first and rejects writeClosed", async () => {
    const { stream, half } = make(bytes("P"));
    half.reset(3);
    expect(stream.quic.text()).toBe("P");
    expect(stream.quic.calls).toEqual(["reset 0 0x52e4a40fa8de"]);
    await expect(half.closed).rejects.toMatchObject({ code: "ERR_WT_STREAM_RESET", errorCode: 3 });
  });

  it("holds writes until the session's end is known, once the peer has stopped the half for it", async () => {
    const { stream, half } = make();
    half.awaitSessionEnd();
    const write = half.write("into the void");
    expect(await isPending(write)).toBe(true);
    const end = new Error("session closed");
    half.abandon(end as never, 1n);
    await expect(write).rejects.toBe(end);
    expect(stream.quic.calls).toEqual([]);
  });

  it("times a write out only when nothing has left for writeTimeout", async () => {
    const { stream, half } = make(undefined, { settings: { writeTimeout: 30 } });
    stream.quic.room = 0;
    const write = half.write(new Uint8Array(300));
    half.accepted(100);
    stream.fire();
    expect(await isPending(write)).toBe(true);
    stream.fire();
    await expect(write).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT", operation: "write", timeoutDuration: 30 });
    expect(stream.timers).toEqual([]);
  });

  it("flush() resolves when the engine's queue is empty", async () => {
    const { stream, half } = make();
    stream.quic.room = 0;
    void half.write("abc");
    const flush = half.flush();
    half.accepted(2);
    expect(await isPending(flush)).toBe(true);
    half.accepted(1);
    await flush;
  });
});
