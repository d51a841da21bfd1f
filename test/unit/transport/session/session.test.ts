import { describe, expect, it, vi } from "vitest";

import { CapsuleType } from "../../../../src/constants/http3.ts";
import { HttpError, SessionError } from "../../../../src/errors/errors.ts";
import { toWireCode } from "../../../../src/protocol/webtransport/error-mapping.ts";
import { Deferred } from "../../../../src/async/promises.ts";
import { BufferBudget } from "../../../../src/transport/streams/buffer-budget.ts";
import { ascii, bidiStream, capsule, data } from "../../protocol/wire.ts";

import { bytes, isPending, text } from "../fake-quic.ts";
import { Pair } from "../pair.ts";

describe("a session request", () => {
  it("is accepted with a subprotocol and headers", async () => {
    const pair = await Pair.create({
      onSession: async (request) => {
        expect(request.path).toBe("/test");
        expect(request.url.search).toBe("?x=1");
        expect(request.authority).toBe("localhost:4433");
        expect(request.headers.get("x-question")).toBe("?");
        expect(request.protocols).toEqual(["a", "b"]);
        pair.accepted.push(await request.accept({ protocol: "b", headers: { "x-answer": "42" } }));
        await expect(request.accept()).rejects.toMatchObject({ code: "ERR_WT_SESSION_ANSWERED" });
      },
    });
    const session = await pair.wait(
      pair.client.openSession({
        url: "https://localhost:4433/test?x=1",
        protocols: ["a", "b"],
        headers: { "X-Question": "?" },
      }),
    );
    expect(session.protocol).toBe("b");
    expect(session.responseHeaders.get("x-answer")).toBe("42");
    expect(pair.accepted[0]?.protocol).toBe("b");
    expect(pair.server.sessions).toEqual(pair.accepted);
  });

  it("is refused a subprotocol that the client does not offer", async () => {
    const pair = await Pair.create({
      onSession: async (request) => {
        await expect(request.accept({ protocol: "z" })).rejects.toMatchObject({ code: "ERR_WT_CONFIGURATION" });
        await request.reject(403);
      },
    });
    const opening = pair.client.openSession({ url: "https://localhost/" });
    await expect(pair.wait(opening)).rejects.toMatchObject({ name: "HttpError", status: 403 });
    expect(pair.client.counts.requests).toBe(0);
    expect(pair.server.counts.requests).toBe(0);
  });

  it.each([[["a", "a"]], [[""]], [["\u00e4"]], [["a".repeat(513)]]])(
    "cannot offer the subprotocols %j",
    async (protocols) => {
      const pair = await Pair.create();
      const opening = pair.client.openSession({ url: "https://localhost/", protocols });
      await expect(pair.wait(opening)).rejects.toMatchObject({ name: "ConfigurationError", configKey: "protocols" });
    },
  );

  it("is answered 404 when nobody handles it and 500 when the handler throws", async () => {
    const report = vi.fn();
    const pair = await Pair.create({
      onSession: () => {
        throw new Error("bug");
      },
      server: { events: { listens: () => false, forward: () => false, reportListenerError: report } },
    });
    const opening = pair.client.openSession({ url: "https://localhost/" });
    await expect(pair.wait(opening)).rejects.toEqual(expect.any(HttpError));
    await expect(opening).rejects.toMatchObject({ status: 500 });
    expect(report).toHaveBeenCalledOnce();
  });

  it("aborts its signal when the client takes it back", async () => {
    let signal: AbortSignal | undefined;
    const pair = await Pair.create({
      onSession: (request) => {
        signal = request.signal;
      },
    });
    const abort = new AbortController();
    const opening = pair.client.openSession({ url: "https://localhost/", signal: abort.signal });
    await pair.settle();
    abort.abort(new Error("changed my mind"));
    await expect(opening).rejects.toThrow("changed my mind");
    await pair.settle();
    expect(signal?.aborted).toBe(true);
    expect(pair.server.counts.requests).toBe(0);
  });

  it("times out on the client", async () => {
    const pair = await Pair.create({ onSession: () => {} });
    const opening = pair.client.openSession({ url: "https://localhost/", timeout: 100 });
    await pair.settle();
    await pair.time.advance(100);
    await expect(opening).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT" });
  });
});

describe("streams of a session", () => {
  it("echo over a bidirectional stream, with half-close in each direction", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const stream = await client.createBidirectionalStream();
    void stream.writeAll("hello");
    const incoming = await pair.wait(server.incomingBidirectionalStreams.next());
    expect(text(await incoming!.readAll())).toBe("hello");
    expect(incoming?.state).toBe("half_closed_remote");
    void incoming?.writeAll("world");
    await pair.settle();
    expect(text(await stream.readAll())).toBe("world");
    await Promise.all([stream.closed, incoming?.closed]);
    expect(stream.state).toBe("closed");
    expect(client.streamCount + server.streamCount).toBe(0);
    expect(pair.client.counts.streams).toBe(0);
  });

  it("tell the peer of a stream that nothing was written to", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    await client.createUnidirectionalStream();
    const incoming = await pair.wait(server.incomingUnidirectionalStreams.next());
    expect(incoming?.direction).toBe("receive_only");
  });

  it("come in the order of their opening from incomingStreams()", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    await client.createUnidirectionalStream();
    await client.createBidirectionalStream();
    await client.createUnidirectionalStream();
    await pair.settle();
    const directions: string[] = [];
    for await (const stream of server.incomingStreams()) {
      directions.push(stream.direction);
      if (directions.length === 3) break;
    }
    expect(directions).toEqual(["receive_only", "bidirectional", "receive_only"]);
    expect(server.isReady).toBe(true);
  });

  it("carry the code of a reset and of a stop", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const stream = await client.createBidirectionalStream();
    void stream.write("x");
    const incoming = (await pair.wait(server.incomingBidirectionalStreams.next()))!;
    stream.reset(7);
    incoming.stop(0);
    expect(text(await incoming.read())).toBeNull();
    incoming.reset(0xffff_ffff);
    await pair.settle();
    await expect(stream.read()).rejects.toMatchObject({ streamErrorCode: 0xffff_ffff, code: "ERR_WT_STREAM_RESET" });
    await expect(stream.writeClosed).rejects.toMatchObject({ code: "ERR_WT_STREAM_RESET" });
    await expect(stream.closed).rejects.toMatchObject({ streamErrorCode: 0xffff_ffff });
    expect(() => stream.reset(-1)).toThrow(RangeError);
    expect(() => stream.stop(2 ** 32)).toThrow(RangeError);
    expect(client.streamCount + server.streamCount).toBe(0);
  });

  it("that the peer has stopped before their session was accepted cannot be written to", async () => {
    const gate = new Deferred<void>();
    const pair: Pair = await Pair.create({
      onSession: async (request) => {
        await gate.promise;
        pair.accepted.push(await request.accept());
      },
    });
    const opening = pair.client.openSession({ url: "https://localhost/" });
    await pair.settle();
    const early = pair.quic.client.open("bidirectional")!;
    pair.quic.client.write(early, bidiStream(0, ascii("early")), true);
    await pair.settle();
    pair.quic.client.stop(early, toWireCode(7));
    await pair.settle();
    gate.resolve();
    await pair.wait(opening);
    const stream = (await pair.wait(pair.accepted[0]!.incomingBidirectionalStreams.next()))!;
    expect(text(await stream.readAll())).toBe("early");
    expect([stream.isWritable, stream.state]).toEqual([false, "reset_received"]);
    await expect(stream.writeAll("late")).rejects.toMatchObject({ streamErrorCode: 7 });
    expect(pair.server.counts.streams).toBe(0);
  });

  it("stop a sender whose reader pauses, and lose nothing", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const stream = await client.createUnidirectionalStream();
    const size = 1_000_000;
    const data = new Uint8Array(size).map((_, index) => index % 251);
    const written = stream.writeAll(data);
    const incoming = (await pair.wait(server.incomingUnidirectionalStreams.next()))!;
    expect(await isPending(written)).toBe(true);
    expect(server.getStats().bufferedBytes).toBeLessThanOrEqual(65_536);
    const all = await pair.wait(incoming.readAll());
    expect(Buffer.compare(all, data)).toBe(0);
    await pair.wait(stream.writeClosed);
  });

  it("wait for the peer's limit, and give up on time-out, abort and the session's end", async () => {
    const pair = await Pair.create();
    const { client } = await pair.session();
    const limit = pair.limit("bidirectional");
    const first = client.createBidirectionalStream();
    const second = client.createBidirectionalStream({ timeout: 50 });
    const abort = new AbortController();
    const third = client.createBidirectionalStream({ signal: abort.signal });
    const fourth = client.createBidirectionalStream({ timeout: 0 });
    await pair.time.advance(50);
    await expect(second).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT", timeoutDuration: 50 });
    abort.abort(new Error("enough"));
    await expect(third).rejects.toThrow("enough");
    limit.allow(1);
    const stream = await pair.wait(first);
    expect(stream.isWritable).toBe(true);
    const closing = client.close({ abort: true });
    await expect(fourth).rejects.toBeInstanceOf(SessionError);
    await pair.wait(closing);
    expect(pair.client.counts.waiters).toBe(0);
  });

  it("wait while as many as maxOutgoingStreams are open", async () => {
    const pair = await Pair.create({ client: { maxOutgoingStreams: 2 } });
    // The request stream of the session is the core's and does not count.
    const { client } = await pair.session();
    const first = await client.createUnidirectionalStream();
    await client.createBidirectionalStream();
    const third = client.createUnidirectionalStream();
    expect(await isPending(third)).toBe(true);
    first.finish();
    expect((await pair.wait(third)).isWritable).toBe(true);
  });

  it("refuse more waiting streams than maxPendingStreams", async () => {
    const pair = await Pair.create({ server: { maxPendingStreams: 2 } });
    const { client } = await pair.session();
    const streams = await Promise.all([1, 2, 3].map(() => client.createBidirectionalStream()));
    for (const stream of streams) void stream.write("x");
    await pair.settle();
    await expect(streams[2]?.writeClosed).rejects.toMatchObject({ streamErrorCode: null, errorCode: 0x3994bd84 });
    expect(streams[1]?.isWritable).toBe(true);
  });

  it("wait to be taken together although others have used up the process's budget", async () => {
    const totalBudget = new BufferBudget(1000);
    const pair = await Pair.create({ server: { totalBudget } });
    const { client, server } = await pair.session();
    totalBudget.add(2000);
    const streams = await Promise.all([1, 2, 3].map(() => client.createUnidirectionalStream()));
    for (const stream of streams) void stream.writeAll("x");
    await pair.settle();
    const taken = [1, 2, 3].map(() => server.incomingUnidirectionalStreams.next());
    const read = await Promise.all(taken.map(async (stream) => (await stream)?.readAll()));
    expect(read.map(text)).toEqual(["x", "x", "x"]);
  });
});

describe("datagrams of a session", () => {
  it("leave in a later turn than the acceptance: a packet would carry them before it", async () => {
    const handed: string[] = [];
    const pair = await Pair.create({
      onSession: async (request) => {
        const { server } = pair.quic;
        const sendDatagram = server.sendDatagram.bind(server);
        server.sendDatagram = (header, payload) => {
          handed.push(text(Uint8Array.from(payload)) ?? "");
          return sendDatagram(header, payload);
        };
        const session = await request.accept();
        const sent = session.datagrams.send("first");
        expect(session.datagrams.trySend("second")).toBe(true);
        expect(session.datagrams.trySend(new Uint8Array(session.datagrams.maxDatagramSize + 1))).toBe(false);
        expect(handed).toEqual([]);
        await sent;
        expect(session.datagrams.trySend("third")).toBe(true);
      },
    });
    const client = await pair.wait(pair.client.openSession({ url: "https://localhost/x" }));
    await pair.settle();
    expect(handed).toEqual(["first", "second", "third"]);
    expect(text(await client.datagrams.receive())).toBe("first");
  });

  it("come with their bytes, the empty one too", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    await client.datagrams.send("ping");
    expect(client.datagrams.trySend(new Uint8Array(0))).toBe(true);
    await pair.settle();
    expect(text(await server.datagrams.receive())).toBe("ping");
    expect(server.datagrams.tryReceive()?.byteLength).toBe(0);
    expect(server.datagrams.tryReceive()).toBeUndefined();
  });

  it("are refused when they are too large, with both sizes", async () => {
    const pair = await Pair.create();
    const { client } = await pair.session();
    const max = client.datagrams.maxDatagramSize;
    const sizes = { datagramSize: max + 1, maxSize: max, code: "ERR_WT_DATAGRAM_TOO_LARGE" };
    await expect(client.datagrams.send(new Uint8Array(max + 1))).rejects.toMatchObject(sizes);
    expect(client.datagrams.trySend(new Uint8Array(max + 1))).toBe(false);
    await client.datagrams.send(new Uint8Array(max));
  });

  it("drop the oldest past the high-water mark and count it", async () => {
    const pair = await Pair.create({ server: { datagramHighWaterMark: 2 } });
    const { client, server } = await pair.session();
    for (const data of ["1", "2", "3"]) void client.datagrams.send(data);
    await pair.settle();
    expect(server.datagrams.stats).toMatchObject({ received: 3, droppedIncoming: 1, queuedIncoming: 2 });
    expect(text(await server.datagrams.receive())).toBe("2");
  });

  it("drop the oldest past 1 MiB, however few they are, and count it", async () => {
    const pair = await Pair.create();
    const { server } = await pair.session();
    const send = async (first: number): Promise<void> => {
      const payload = new Uint8Array(65_000);
      payload[0] = first;
      pair.quic.client.write(0, data(capsule(CapsuleType.datagram, payload)), false);
      await pair.settle();
    };
    for (let index = 0; index < 40; index += 1) await send(index);
    expect(server.datagrams.stats).toMatchObject({ received: 40, droppedIncoming: 24, queuedIncoming: 16 });
    expect(server.datagrams.tryReceive()?.[0]).toBe(24);
    // What was taken makes room.
    await send(40);
    expect(server.datagrams.stats).toMatchObject({ droppedIncoming: 24, queuedIncoming: 16 });
  });

  it("wait while the engine is blocked and go out in order", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const unblock = pair.blockDatagrams("client");
    const data = bytes("1");
    const first = client.datagrams.send(data);
    data.fill(0);
    const second = client.datagrams.send("2", { ttl: 10 });
    const third = client.datagrams.send("3");
    expect(client.datagrams.trySend("x")).toBe(false);
    expect(await isPending(first)).toBe(true);
    await pair.time.advance(20);
    unblock();
    await Promise.all([first, second, third]);
    await pair.settle();
    expect(text(await server.datagrams.receive())).toBe("1");
    expect(text(await server.datagrams.receive())).toBe("3");
    expect(client.datagrams.stats.expiredOutgoing).toBe(1);
  });

  it("receive() times out, aborts, and ends with the session", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const timed = server.datagrams.receive({ timeout: 10 });
    await pair.time.advance(10);
    await expect(timed).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT" });
    const last = server.datagrams.receive();
    await pair.wait(client.close());
    expect(await last).toBeNull();
    expect(await server.datagrams.receive()).toBeNull();
    await expect(server.datagrams.send("late")).rejects.toBeInstanceOf(SessionError);
  });
});

describe("disposal", () => {
  it("of a stream finishes it, of a session closes it", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const stream = await client.createBidirectionalStream();
    await stream.write("x");
    const disposed = stream[Symbol.asyncDispose]();
    const incoming = (await pair.wait(server.incomingBidirectionalStreams.next()))!;
    expect(text(await incoming.readAll())).toBe("x");
    await pair.wait(disposed);
    await pair.wait(client[Symbol.asyncDispose]());
    expect(await server.closed).toMatchObject({ clean: true, code: 0 });
  });
});

describe("a session's facts", () => {
  it("have a duration that does not depend on the system's clock", async () => {
    const pair = await Pair.create();
    const { server } = await pair.session();
    const setBack = vi.spyOn(Date, "now").mockReturnValue(0);
    try {
      expect(server.getStats().duration).toBeGreaterThanOrEqual(0);
      expect(server.getStats().createdAt).toBeGreaterThan(0);
    } finally {
      setBack.mockRestore();
    }
  });

  it("are counted, shown and free of secrets", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const stream = await client.createBidirectionalStream({ sendOrder: 5, sendGroup: client.createSendGroup() });
    expect(stream.sendOrder).toBe(5);
    await stream.write("12345");
    await client.datagrams.send("x");
    await pair.settle();
    expect(client.getStats()).toMatchObject({ streamsOpened: 1, streamsActive: 1, bytesSent: 5, datagramsSent: 1 });
    expect(server.getStats()).toMatchObject({ streamsAccepted: 1, bytesReceived: 5, datagramsReceived: 1 });
    const state: unknown = JSON.parse(JSON.stringify(server.debugState()));
    expect(state).toMatchObject({
      state: "connected",
      path: "/test",
      streams: [{ bytesUnread: 5, initiator: "peer" }],
    });
    expect(server.diagnoseIssues()).toEqual([]);
  });

  it("exportKeyingMaterial() binds the session's id, label and context", async () => {
    const pair = await Pair.create();
    const { client } = await pair.session();
    const exporter = vi.spyOn(pair.quic.client, "exportKeyingMaterial");
    expect(await client.exportKeyingMaterial("abc", "", 13)).toHaveLength(13);
    const context = Uint8Array.from(Buffer.from("00000000000000000361626300", "hex"));
    expect(exporter).toHaveBeenCalledExactlyOnceWith("EXPORTER-WebTransport", context, 13);
    expect(() => client.exportKeyingMaterial("x".repeat(256), "", 1)).toThrow(RangeError);
    expect(() => client.exportKeyingMaterial("x", "", 0)).toThrow(RangeError);
  });

  it("are told as events to session, connection and server", async () => {
    const told: string[] = [];
    const events = {
      listens: () => true,
      forward: (type: string) => told.push(type) > 0,
      reportListenerError: () => {},
    };
    const pair = await Pair.create({ server: { events } });
    const { client, server } = await pair.session();
    server.on("datagram_received", ({ data }) => told.push(`heard ${text(data) ?? ""}`));
    const stream = await client.createUnidirectionalStream();
    await stream.writeAll("x");
    await pair.settle();
    await client.datagrams.send("ping");
    await pair.wait(client.close());
    expect(told).toEqual([
      "connection_established",
      "session_request",
      "session_ready",
      "stream_opened",
      "stream_closed",
      "heard ping",
      "datagram_received",
      "session_closed",
    ]);
  });
});
