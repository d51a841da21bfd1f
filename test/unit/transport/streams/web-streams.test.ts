import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { WebTransportStream } from "../../../../src/transport/streams/bidirectional-stream.ts";

import { text } from "../fake-quic.ts";
import { Pair } from "../pair.ts";

const unhandled: unknown[] = [];
const note = (reason: unknown): void => {
  unhandled.push(reason);
};

beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
});

afterEach(async () => {
  await new Promise(setImmediate);
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

async function streams(pair: Pair): Promise<{ client: WebTransportStream; server: WebTransportStream }> {
  const { client, server } = await pair.session();
  const stream = await client.createBidirectionalStream();
  return { client: stream, server: (await pair.wait(server.incomingBidirectionalStreams.next()))! };
}

describe("readable and writable", () => {
  it("carry bytes end to end with a pipe", async () => {
    const pair = await Pair.create();
    const { client, server } = await streams(pair);
    const piping = server.readable.pipeTo(server.writable);
    const writer = client.writable.getWriter();
    void writer.write("one ");
    void writer.write("two");
    void writer.close();
    const all = await pair.wait(client.readAll());
    expect(text(all)).toBe("one two");
    await pair.wait(piping);
    await pair.wait(client.closed);
  });

  it("lock the direct methods of their half", async () => {
    const pair = await Pair.create();
    const { client, server } = await streams(pair);
    expect(server.readable).toBe(server.readable);
    await expect(server.read()).rejects.toMatchObject({ code: "ERR_WT_STREAM_LOCKED" });
    await expect(server.readLine()).rejects.toMatchObject({ code: "ERR_WT_STREAM_LOCKED" });
    expect(() => server.tryRead()).toThrow(expect.objectContaining({ code: "ERR_WT_STREAM_LOCKED" }));
    expect(client.writable.locked).toBe(false);
    await expect(client.write("x")).rejects.toMatchObject({ code: "ERR_WT_STREAM_LOCKED" });
    await server.write("the other half is free");
  });

  it("take a BYOB reader", async () => {
    const pair = await Pair.create();
    const { client, server } = await streams(pair);
    await client.writeAll("abcdef");
    await pair.settle();
    const reader = server.readable.getReader({ mode: "byob" });
    expect(text((await reader.read(new Uint8Array(4))).value)).toBe("abcd");
    expect(text((await reader.read(new Uint8Array(4))).value)).toBe("ef");
    expect((await reader.read(new Uint8Array(4))).done).toBe(true);
  });

  it("pipeTo without a catch survives a reset", async () => {
    const pair = await Pair.create();
    const { client, server } = await streams(pair);
    void server.readable.pipeTo(new WritableStream());
    await client.write("x");
    client.reset(5);
    await pair.settle();
    await expect(server.readClosed).rejects.toMatchObject({ streamErrorCode: 5 });
  });

  it("cancel stops with the error's code, abort resets with it", async () => {
    const pair = await Pair.create();
    const { client, server } = await streams(pair);
    await server.readable.cancel();
    await server.writable.abort();
    await pair.settle();
    await expect(client.writeClosed).rejects.toMatchObject({ code: "ERR_WT_STREAM_STOPPED", streamErrorCode: 0 });
    await expect(client.read()).rejects.toMatchObject({ code: "ERR_WT_STREAM_RESET", streamErrorCode: 0 });
  });

  it("err an idle reader and writer when the session ends", async () => {
    const pair = await Pair.create();
    const { client, server } = await streams(pair);
    const reader = server.readable.getReader();
    const writer = server.writable.getWriter();
    void reader.read();
    void writer.write(new Uint8Array(10));
    await pair.wait(client.session.close({ code: 3 }));
    await expect(reader.closed).rejects.toMatchObject({ name: "SessionError", closeCode: 3 });
    await expect(writer.closed).rejects.toMatchObject({ name: "SessionError", closeCode: 3 });
  });

  it("of datagrams and incoming streams end with the session", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    await client.datagrams.writable.getWriter().write("ping");
    const datagrams = server.datagrams.readable.getReader();
    const incoming = server.incomingUnidirectionalStreams.readable.getReader();
    await pair.settle();
    expect(text((await datagrams.read()).value)).toBe("ping");
    await pair.wait(client.close());
    expect((await datagrams.read()).done).toBe(true);
    expect((await incoming.read()).done).toBe(true);
  });
});

describe("direct methods", () => {
  it("never make an unhandled rejection, whoever does not wait", async () => {
    const pair = await Pair.create();
    const { client, server } = await streams(pair);
    void server.read();
    void server.closed;
    void server.writeClosed;
    void client.write(new Uint8Array(500_000));
    void client.closed;
    void client.session.datagrams.receive();
    void client.session.incomingStreams()[Symbol.asyncIterator]().next();
    pair.lose();
    await pair.settle();
    void client.write("late");
    void client.read();
    void client.flush();
    void client.session.createBidirectionalStream();
    void client.session.datagrams.send("late");
  });

  it("iterate a stream; break stops it with code 0", async () => {
    const pair = await Pair.create();
    const { client, server } = await streams(pair);
    await client.write("first");
    await pair.settle();
    for await (const chunk of server) {
      expect(text(chunk)).toBe("first");
      break;
    }
    await pair.settle();
    await expect(client.writeClosed).rejects.toMatchObject({ code: "ERR_WT_STREAM_STOPPED", streamErrorCode: 0 });
    await server.readClosed;
  });

  it("read lines", async () => {
    const pair = await Pair.create();
    const { client, server } = await streams(pair);
    await client.writeAll("one\r\ntwo\n\nlast");
    await pair.settle();
    const lines: (string | null)[] = [];
    for (let line = await server.readLine(); line !== null; line = await server.readLine()) lines.push(line);
    expect(lines).toEqual(["one", "two", "", "last"]);
  });
});
