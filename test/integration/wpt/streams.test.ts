import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import {
  WebTransportError,
  WebTransportReceiveStream,
  WebTransportSendGroup,
  WebTransportSendStream,
} from "../../../src/w3c/index.ts";

import { WptServer } from "./handlers.ts";
import { failure, first, readChunks, readInto, readText, wireCode, writeText } from "./streams.ts";

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

const ascending = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index);

describe("streams-echo", () => {
  it.each([true, false])("echoes a bidirectional stream (waiting for ready: %s)", async (waits) => {
    const transport = server.open("echo");
    if (waits) await transport.ready;
    const { readable, writable } = await transport.createBidirectionalStream();
    await writeText(writable, "Hello World");
    expect(await readText(readable)).toBe("Hello World");
  });

  it("echoes a bidirectional stream that the server has opened", async () => {
    const { readable, writable } = await first(server.open("echo").incomingBidirectionalStreams);
    const encoder = new TextEncoderStream();
    void encoder.readable.pipeTo(writable);
    const writer = encoder.writable.getWriter();
    await writer.write("Hello World");
    await writer.close();
    expect(await readText(readable)).toBe("Hello World");
  });

  it.each([true, false])("echoes a unidirectional stream (waiting for ready: %s)", async (waits) => {
    const transport = server.open("echo");
    if (waits) await transport.ready;
    await writeText(await transport.createUnidirectionalStream(), "Hello World");
    expect(await readText(await first(transport.incomingUnidirectionalStreams))).toBe("Hello World");
  });

  it("lets a BYOB reader read a bidirectional stream in pieces", async () => {
    const { readable, writable } = await first(server.open("echo").incomingBidirectionalStreams);
    const writer = writable.getWriter();
    void writer.write(ascending(256));
    await writer.close();
    const reader = readable.getReader({ mode: "byob" });
    expect(reader).toBeInstanceOf(ReadableStreamBYOBReader);
    expect(await readInto(reader, 128)).toEqual(ascending(256).subarray(0, 128));
    expect(await readInto(reader, 128)).toEqual(ascending(256).subarray(128));
    reader.releaseLock();
  });

  it("lets a BYOB reader read a unidirectional stream in pieces", async () => {
    const transport = server.open("echo");
    const writer = (await transport.createUnidirectionalStream()).getWriter();
    void writer.write(ascending(256));
    await writer.close();
    const reader = (await first(transport.incomingUnidirectionalStreams)).getReader({ mode: "byob" });
    expect(await readInto(reader, 128)).toEqual(ascending(256).subarray(0, 128));
    expect(await readInto(reader, 128)).toEqual(ascending(256).subarray(128));
  });

  it("carries large chunks on a bidirectional stream", async () => {
    const { readable, writable } = await server.open("echo").createBidirectionalStream();
    const writer = writable.getWriter();
    const bytes = new Uint8Array(16_384);
    const writes = [writer.write(bytes), writer.write(bytes), writer.write(bytes), writer.close()];
    const [text] = await Promise.all([readText(readable), ...writes]);
    expect(text).toHaveLength(3 * bytes.length);
  });

  it("carries large chunks on a unidirectional stream", async () => {
    const transport = server.open("echo");
    const writer = (await transport.createUnidirectionalStream()).getWriter();
    const bytes = new Uint8Array(16_384);
    await Promise.all([writer.write(bytes), writer.write(bytes), writer.write(bytes), writer.close()]);
    expect(await readText(await first(transport.incomingUnidirectionalStreams))).toHaveLength(3 * bytes.length);
  });

  it("ends the reading of a stream that was closed without data", async () => {
    const { readable, writable } = await server.open("echo").createBidirectionalStream();
    void writable.getWriter().close();
    expect(await readChunks(readable)).toEqual([]);
  });
});

describe("streams-close", () => {
  it("of a bidirectional stream sends FIN", async () => {
    const { token, record } = server.recorder();
    const { writable } = await server.open(`client-close?token=${token}`).createBidirectionalStream();
    void writable.close();
    expect(await record.streamClosed).toEqual({ source: "FIN" });
  });

  it("of the server's bidirectional stream sends FIN", async () => {
    const { token, record } = server.recorder();
    const { writable } = await first(server.open(`client-close?token=${token}`).incomingBidirectionalStreams);
    void writable.close();
    expect(await record.streamClosed).toEqual({ source: "FIN" });
  });

  it("of a unidirectional stream sends FIN", async () => {
    const { token, record } = server.recorder();
    const writable = await server.open(`client-close?token=${token}`).createUnidirectionalStream();
    void writable.close();
    expect(await record.streamClosed).toEqual({ source: "FIN" });
  });

  it("abort() of a bidirectional stream sends RESET_STREAM with its code", async () => {
    const { token, record } = server.recorder();
    const { writable } = await server.open(`client-close?token=${token}`).createBidirectionalStream();
    await writable.abort(new WebTransportError("", { streamErrorCode: 139 }));
    expect(await record.streamClosed).toEqual({ source: "reset", code: wireCode(139) });
  });

  it("abort() of the server's bidirectional stream sends RESET_STREAM with its code", async () => {
    const { token, record } = server.recorder();
    const { writable } = await first(server.open(`client-close?token=${token}`).incomingBidirectionalStreams);
    await writable.getWriter().abort(new WebTransportError("", { streamErrorCode: 52 }));
    expect(await record.streamClosed).toEqual({ source: "reset", code: wireCode(52) });
  });

  it("abort() of a unidirectional stream sends RESET_STREAM with its code", async () => {
    const { token, record } = server.recorder();
    const writable = await server.open(`client-close?token=${token}`).createUnidirectionalStream();
    await writable.abort(new WebTransportError("", { streamErrorCode: 95 }));
    expect(await record.streamClosed).toEqual({ source: "reset", code: wireCode(95) });
  });

  it("abort() while the stream is closing rejects everything with its reason", async () => {
    const { token, record } = server.recorder();
    const writable = await server.open(`client-close?token=${token}`).createUnidirectionalStream();
    const writer = writable.getWriter();
    const reason = new WebTransportError("", { streamErrorCode: 134 });
    await writer.write(new Uint8Array(64 * 1024));
    const closing = writer.close();
    const aborting = writer.abort(reason);
    expect(await failure(closing)).toBe(reason);
    expect(await failure(writer.closed)).toBe(reason);
    expect(await failure(aborting)).toBe(reason);
    expect(await record.streamClosed).toEqual({ source: "reset", code: wireCode(134) });
  });

  it("abort() without a reason sends code 0", async () => {
    const { token, record } = server.recorder();
    const writable = await server.open(`client-close?token=${token}`).createUnidirectionalStream();
    await writable.abort();
    expect(await record.streamClosed).toEqual({ source: "reset", code: wireCode(0) });
  });

  it("STOP_SENDING of the server errs the stream with its code", async () => {
    const writable = await server.open("abort-stream-from-server?code=0").createUnidirectionalStream();
    const writer = writable.getWriter();
    await writer.write(Uint8Array.of(64));
    const error = await failure(writer.closed);
    expect(error).toBeInstanceOf(WebTransportError);
    expect(error).toMatchObject({ source: "stream", streamErrorCode: 0 });
    expect(await failure(writer.write(Uint8Array.of(65)))).toBe(error);
  });

  it("RESET_STREAM of the server errs the stream with its code", async () => {
    const code = 0xffff_ffff;
    const { readable, writable } = await server
      .open(`abort-stream-from-server?code=${code}`)
      .createBidirectionalStream();
    await writable.getWriter().write(Uint8Array.of(64));
    const error = await failure(readable.getReader().closed);
    expect(error).toBeInstanceOf(WebTransportError);
    expect(error).toMatchObject({ source: "stream", streamErrorCode: code });
  });
});

describe("bidirectional-cancel-crash", () => {
  it("cancelling a stream that has just been opened harms nothing", async () => {
    const transport = server.open("echo");
    const { readable, writable } = await transport.createBidirectionalStream();
    await readable.cancel(new WebTransportError("", { streamErrorCode: 7 }));
    await writable.abort();
    const other = await transport.createBidirectionalStream();
    await writeText(other.writable, "still here");
    expect(await readText(other.readable)).toBe("still here");
  });
});

describe("sendorder", () => {
  it("is taken at a stream's creation", async () => {
    const { readable, writable } = await server.open("echo").createBidirectionalStream({ sendOrder: 3 });
    expect(writable.sendOrder).toBe(3);
    await writeText(writable, "Hello World");
    expect(await readText(readable)).toBe("Hello World");
  });

  it("is 0 at first and can be changed", async () => {
    const { writable } = await server.open("echo").createBidirectionalStream();
    expect(writable.sendOrder).toBe(0);
    writable.sendOrder = 4;
    expect(writable.sendOrder).toBe(4);
    writable.sendOrder = -5;
    expect(writable.sendOrder).toBe(-5);
  });
});

describe("sendgroup", () => {
  it("is made by the session and kept by streams of every kind", async () => {
    const transport = server.open("echo");
    const [sendGroup, other] = [transport.createSendGroup(), transport.createSendGroup()];
    expect(sendGroup).toBeInstanceOf(WebTransportSendGroup);
    expect(other).not.toBe(sendGroup);
    const unidirectional = await transport.createUnidirectionalStream({ sendGroup, sendOrder: 7 });
    const { readable, writable } = await transport.createBidirectionalStream({ sendGroup, sendOrder: 5 });
    const third = await transport.createUnidirectionalStream({ sendGroup: other });
    expect([unidirectional.sendGroup, writable.sendGroup, third.sendGroup]).toEqual([sendGroup, sendGroup, other]);
    expect([unidirectional.sendOrder, writable.sendOrder]).toEqual([7, 5]);
    expect(writable).toBeInstanceOf(WebTransportSendStream);
    expect(readable).toBeInstanceOf(WebTransportReceiveStream);
    await Promise.all([writeText(unidirectional, "one"), writeText(writable, "two"), writeText(third, "three")]);
    expect(await readText(readable)).toBe("two");
    expect(await sendGroup.getStats()).toEqual({ bytesWritten: 6, bytesSent: 6, bytesAcknowledged: 6 });
    expect(await other.getStats()).toMatchObject({ bytesWritten: 5 });
  });

  it("can be changed to another and to none", async () => {
    const transport = server.open("echo");
    const [one, two] = [transport.createSendGroup(), transport.createSendGroup()];
    const stream = await transport.createUnidirectionalStream({ sendGroup: one });
    for (const group of [two, one, null]) {
      stream.sendGroup = group;
      expect(stream.sendGroup).toBe(group);
    }
    await writeText(stream, "moved");
  });

  it("of another session is refused", async () => {
    const [transport, other] = [server.open("echo"), server.open("echo")];
    const sendGroup = other.createSendGroup();
    const stream = await transport.createUnidirectionalStream();
    expect(() => (stream.sendGroup = sendGroup)).toThrow(expect.objectContaining({ name: "InvalidStateError" }));
    expect(await failure(transport.createUnidirectionalStream({ sendGroup }))).toBeInstanceOf(TypeError);
    expect(await failure(transport.createBidirectionalStream({ sendGroup }))).toBeInstanceOf(TypeError);
  });

  it("is not made by a session that has ended", async () => {
    const transport = server.open("echo");
    await transport.ready;
    transport.close();
    expect(() => transport.createSendGroup()).toThrow(expect.objectContaining({ name: "InvalidStateError" }));
  });
});

describe("echo-large-bidirectional-streams", () => {
  it("echoes 1 MiB on each of five streams", async () => {
    const transport = server.open("echo");
    for (let index = 0; index < 5; index += 1) {
      const { readable, writable } = await transport.createBidirectionalStream();
      const writer = writable.getWriter();
      await writer.write(new Uint8Array(1024 * 1024));
      const [response] = await Promise.all([new Response(readable as BodyInit).arrayBuffer(), writer.close()]);
      expect(response.byteLength).toBe(1024 * 1024);
    }
  });
});

describe("incoming-multiple-streams", () => {
  it.each(["unidi", "bidi"])("receives every stream that the server opens: %s", async (type) => {
    const transport = server.open(`server-create-multiple-streams?type=${type}&count=5`);
    const readable = type === "bidi" ? transport.incomingBidirectionalStreams : transport.incomingUnidirectionalStreams;
    const reader = (
      readable as ReadableStream<WebTransportReceiveStream | { readable: WebTransportReceiveStream }>
    ).getReader();
    const received: string[] = [];
    while (received.length < 5) {
      const { value } = await reader.read();
      if (value === undefined) throw new Error("no stream");
      received.push(await readText("readable" in value ? value.readable : value));
    }
    expect(received.sort()).toEqual(["stream0", "stream1", "stream2", "stream3", "stream4"]);
  });
});

describe("receive-stream-pull", () => {
  async function echoed(bytes: Uint8Array): Promise<WebTransportReceiveStream> {
    const { readable, writable } = await server.open("echo").createBidirectionalStream();
    const writer = writable.getWriter();
    await writer.write(bytes);
    await writer.close();
    return readable;
  }

  it("gives later reads what has come before them", async () => {
    const readable = await echoed(ascending(64));
    while ((await readable.getStats()).bytesReceived < 64) await new Promise(setImmediate);
    expect(Buffer.concat(await readChunks(readable))).toEqual(Buffer.from(ascending(64)));
  });

  it("keeps for the next read what does not fit in a BYOB reader's view", async () => {
    const reader = (await echoed(ascending(64))).getReader({ mode: "byob" });
    for (let index = 0; index < 64; index += 1) {
      expect(await reader.read(new Uint8Array(1))).toEqual({ done: false, value: Uint8Array.of(index) });
    }
    const { value, done } = await reader.read(new Uint8Array(1));
    expect([done, value?.byteLength]).toEqual([true, 0]);
    await reader.closed;
  });

  it("waits for bytes that have not come yet", async () => {
    const { readable, writable } = await server.open("echo").createBidirectionalStream();
    const reader = readable.getReader();
    const reading = reader.read();
    const writer = writable.getWriter();
    await writer.write(ascending(8));
    let { value, done } = await reading;
    const received: number[] = [];
    await writer.close();
    for (; !done; { value, done } = await reader.read()) received.push(...(value ?? []));
    expect(received).toEqual([...ascending(8)]);
  });
});

describe("sendstream-bad-chunk", () => {
  it("rejects a write of what are no bytes, and every one after it", async () => {
    const { writable } = await server.open("echo").createBidirectionalStream();
    const writer = writable.getWriter();
    expect(await failure(writer.write("foo" as unknown as Uint8Array))).toBeInstanceOf(TypeError);
    expect(await failure(writer.write(new Uint8Array(0)))).toBeInstanceOf(TypeError);
  });
});
