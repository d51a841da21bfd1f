import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { WebTransportDatagramsWritable } from "../../../src/w3c/index.ts";
import type { WebTransport } from "../../../src/w3c/index.ts";

import { WptServer } from "./handlers.ts";
import { failure, isPending } from "./streams.ts";

let server: WptServer;
beforeAll(async () => {
  server = await WptServer.start();
});
afterEach(() => {
  server.closeSessions();
});
afterAll(async () => {
  await server.close();
});

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** Writes numbered datagrams, as fast as the writer is ready, until `stop` is aborted. */
async function writeNumbers(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  make: (index: number) => Uint8Array,
  stop: AbortSignal,
): Promise<number> {
  const stopped = new Promise((resolve) => {
    stop.addEventListener("abort", resolve);
  });
  for (let index = 0; ; index += 1) {
    await Promise.race([writer.ready, stopped]);
    if (stop.aborted) return index;
    void writer.write(make(index));
    // Leaves the loop to the datagrams that come back.
    await new Promise(setImmediate);
  }
}

async function readTexts(reader: ReadableStreamDefaultReader<Uint8Array>, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push(decode((await reader.read()).value));
  return texts;
}

describe("datagrams", () => {
  it("are echoed", async () => {
    const { datagrams } = server.open("echo");
    const stop = new AbortController();
    const writing = writeNumbers(datagrams.writable.getWriter(), (index) => encode(String(index)), stop.signal);
    const received = await readTexts(datagrams.readable.getReader(), 5);
    stop.abort();
    const sent = await writing;
    expect(received.every((text) => Number(text) < sent)).toBe(true);
  });

  it("can be read with a BYOB reader", async () => {
    const transport = server.open("echo", { datagramsReadableType: "bytes" });
    await transport.ready;
    const stop = new AbortController();
    const writing = writeNumbers(
      transport.datagrams.writable.getWriter(),
      (index) => Uint8Array.of(index),
      stop.signal,
    );
    const reader = transport.datagrams.readable.getReader({ mode: "byob" });
    const received = new Set<number>();
    while (received.size < 5) {
      const { value } = await reader.read(new Uint8Array(1));
      received.add(value?.[0] ?? -1);
    }
    stop.abort();
    const sent = await writing;
    expect([...received].every((number) => number >= 0 && number < sent)).toBe(true);
  });

  it("err a BYOB read whose view is too small", async () => {
    const transport = server.open("echo", { datagramsReadableType: "bytes" });
    await transport.ready;
    const stop = new AbortController();
    const writing = writeNumbers(transport.datagrams.writable.getWriter(), () => new Uint8Array(10), stop.signal);
    const reader = transport.datagrams.readable.getReader({ mode: "byob" });
    expect(await failure(reader.read(new Uint8Array(1)))).toBeInstanceOf(RangeError);
    stop.abort();
    await writing;
  });

  it("are carried up to maxDatagramSize, and dropped beyond it", async () => {
    const transport = server.open("echo-datagram-length");
    await transport.ready;
    const { datagrams } = transport;
    const writer = datagrams.writable.getWriter();
    const { maxDatagramSize } = datagrams;
    expect(maxDatagramSize).toBeGreaterThan(1000);
    await writer.write(new Uint8Array(maxDatagramSize + 10_000));
    const stop = new AbortController();
    const writing = writeNumbers(writer, () => new Uint8Array(maxDatagramSize), stop.signal);
    const [text] = await readTexts(datagrams.readable.getReader(), 1);
    stop.abort();
    await writing;
    expect(JSON.parse(text ?? "")).toEqual({ length: maxDatagramSize });
  });

  it("can be written and read before the session stands", async () => {
    const transport = server.open("echo");
    const { datagrams } = transport;
    datagrams.outgoingMaxBufferedDatagrams = 5;
    const writer = datagrams.writable.getWriter();
    const reading = datagrams.readable.getReader().read();
    await Promise.all(Array.from({ length: 5 }, (_, index) => writer.write(encode(String(index)))));
    await transport.ready;
    const stop = new AbortController();
    const writing = writeNumbers(writer, (index) => encode(String(index)), stop.signal);
    expect(Number(decode((await reading).value))).toBeGreaterThanOrEqual(0);
    stop.abort();
    await writing;
  });

  it("hold a writer back from outgoingMaxBufferedDatagrams on", async () => {
    const transport = server.open("echo");
    await transport.ready;
    transport.datagrams.outgoingMaxBufferedDatagrams = 5;
    const writer = transport.datagrams.writable.getWriter();
    for (let index = 0; index < 4; index += 1) {
      void writer.write(encode(String(index)));
      expect(await isPending(writer.ready)).toBe(false);
    }
    void writer.write(encode("4"));
    expect(await isPending(writer.ready)).toBe(true);
    await writer.ready;
  });

  it("wait to be read up to incomingMaxBufferedDatagrams, and are counted when they are dropped", async () => {
    const transport = server.open("echo");
    await transport.ready;
    transport.datagrams.incomingMaxBufferedDatagrams = 5;
    const writer = transport.datagrams.writable.getWriter();
    let dropped = 0;
    while (dropped === 0) {
      await writer.write(encode("x"));
      dropped = (await transport.getStats()).datagrams.droppedIncoming ?? 0;
    }
    const reader = transport.datagrams.readable.getReader();
    let read = 0;
    while (!(await isPending(reader.read()))) read += 1;
    expect(read).toBeLessThanOrEqual(5);
  });

  it("have ages that are null without a limit, and refuse negative ones", () => {
    const { datagrams } = server.open("echo");
    for (const name of ["incomingMaxAge", "outgoingMaxAge"] as const) {
      expect(datagrams[name]).toBe(null);
      datagrams[name] = 5;
      expect(datagrams[name]).toBe(5);
      for (const value of [-1, NaN]) expect(() => (datagrams[name] = value)).toThrow(RangeError);
      datagrams[name] = 0;
      expect(datagrams[name]).toBe(null);
    }
  });

  it.each(["incomingHighWaterMark", "outgoingHighWaterMark"] as const)("have the older %s, at least 1", (name) => {
    const { datagrams } = server.open("echo");
    expect(datagrams[name]).toBeGreaterThanOrEqual(1);
    datagrams[name] = 5;
    expect(datagrams[name]).toBe(5);
    for (const value of [-1, NaN]) expect(() => (datagrams[name] = value)).toThrow(RangeError);
    for (const value of [0.5, 0]) {
      datagrams[name] = value;
      expect(datagrams[name]).toBe(1);
    }
  });
});

describe("datagrams-writable", () => {
  async function echoed(transport: WebTransport, ...texts: string[]): Promise<string[]> {
    const writer = transport.datagrams.createWritable({ sendOrder: 5 }).getWriter();
    for (const text of texts) void writer.write(encode(text));
    return (await readTexts(transport.datagrams.readable.getReader(), texts.length)).sort();
  }

  it("is a WritableStream of order 0 and without a group", async () => {
    const transport = server.open("echo");
    await transport.ready;
    const writable = transport.datagrams.createWritable();
    expect(writable).toBeInstanceOf(WebTransportDatagramsWritable);
    expect(writable).toBeInstanceOf(WritableStream);
    expect([writable.sendOrder, writable.sendGroup]).toEqual([0, null]);
  });

  it("keeps order and group, and lets them be changed", () => {
    const transport = server.open("echo");
    const sendGroup = transport.createSendGroup();
    const writable = transport.datagrams.createWritable({ sendOrder: 42, sendGroup });
    expect([writable.sendOrder, writable.sendGroup]).toEqual([42, sendGroup]);
    for (const order of [100, -50, 0]) {
      writable.sendOrder = order;
      expect(writable.sendOrder).toBe(order);
    }
    for (const group of [null, sendGroup]) {
      writable.sendGroup = group;
      expect(writable.sendGroup).toBe(group);
    }
  });

  it("is another one with each call", () => {
    const { datagrams } = server.open("echo");
    expect(datagrams.createWritable()).not.toBe(datagrams.createWritable());
  });

  it("sends what is written", async () => {
    expect(await echoed(server.open("echo"), "test message")).toEqual(["test message"]);
    const texts = ["message 1", "message 2", "message 3"];
    expect(await echoed(server.open("echo"), ...texts)).toEqual(texts);
  });

  it("is not made for a session that has ended, or with a group of another session", async () => {
    const transport = server.open("echo");
    await transport.ready;
    const sendGroup = server.open("echo").createSendGroup();
    expect(() => transport.datagrams.createWritable({ sendGroup })).toThrow(TypeError);
    transport.close();
    expect(() => transport.datagrams.createWritable()).toThrow(expect.objectContaining({ name: "InvalidStateError" }));
  });
});

describe("datagram-bad-chunk", () => {
  it("rejects a write of what are no bytes, and every one after it", async () => {
    const transport = server.open("echo");
    await transport.ready;
    const writer = transport.datagrams.writable.getWriter();
    expect(await failure(writer.write("foo" as unknown as Uint8Array))).toBeInstanceOf(TypeError);
    expect(await failure(writer.write(new Uint8Array(0)))).toBeInstanceOf(TypeError);
  });
});

describe("datagram-cancel-crash", () => {
  it("cancelling the datagrams' readable harms nothing", async () => {
    const transport = server.open("echo");
    const reader = transport.datagrams.readable.getReader();
    const reading = reader.read();
    await reader.cancel();
    expect(await reading).toEqual({ done: true, value: undefined });
    await transport.ready;
    await transport.datagrams.writable.getWriter().write(encode("x"));
    transport.close();
    await transport.closed;
  });
});
