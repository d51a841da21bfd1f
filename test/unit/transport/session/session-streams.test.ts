import { describe, expect, it } from "vitest";

import { Deferred } from "../../../../src/async/promises.ts";
import { SessionError } from "../../../../src/errors/errors.ts";
import { toWireCode } from "../../../../src/protocol/webtransport/error-mapping.ts";
import { BufferBudget } from "../../../../src/transport/streams/buffer-budget.ts";
import { ascii, bidiStream } from "../../protocol/wire.ts";

import { isPending, text } from "../fake-quic.ts";
import { Pair } from "../pair.ts";

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
