import { describe, expect, it } from "vitest";

import { WireCodes } from "../../../../src/constants/wire-codes.ts";
import { ConnectionError, SessionError } from "../../../../src/errors/errors.ts";
import type { WebTransportStream } from "../../../../src/transport/streams/bidirectional-stream.ts";
import type { WebTransportSession } from "../../../../src/transport/session/session.ts";

import { connectRequest, data, getFields, headers, wire } from "../../protocol/wire.ts";
import { isPending, text } from "../fake-quic.ts";
import { Pair } from "../pair.ts";

function noLeaks(pair: Pair): void {
  const none = { sessions: 0, streams: 0, waiters: 0, requests: 0, deadlines: 0 };
  expect(pair.client.counts).toEqual(none);
  expect(pair.server.counts).toEqual(none);
  expect(pair.time.timers).toBe(0);
}

/** A stream from one side to the other, which has read its first bytes. */
async function streamOf(
  pair: Pair,
  from: WebTransportSession,
  to: WebTransportSession,
): Promise<{ stream: WebTransportStream; incoming: WebTransportStream }> {
  const stream = await from.createBidirectionalStream();
  await stream.write("x");
  const incoming = (await pair.wait(to.incomingBidirectionalStreams.next()))!;
  await incoming.read();
  return { stream, incoming };
}

describe("close()", () => {
  it("gives code and reason to both sides", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    await pair.wait(client.close({ code: 4242, reason: "bye" }));
    expect(await client.closed).toEqual({ clean: true, code: 4242, reason: "bye", by: "local" });
    expect(await server.closed).toEqual({ clean: true, code: 4242, reason: "bye", by: "peer" });
    expect([client.state, server.state]).toEqual(["closed", "closed"]);
    noLeaks(pair);
  });

  it("without a capsule is an end with code 0 that the other side can tell from a goodbye", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    await pair.wait(client.close({ capsule: false }));
    expect(await client.closed).toEqual({ clean: true, code: 0, reason: "", by: "local" });
    expect(await server.closed).toEqual({ clean: true, code: 0, reason: "", by: "peer", withoutCapsule: true });
    noLeaks(pair);
  });

  it("refuses a code or reason without a capsule at the call", async () => {
    const { client } = await (await Pair.create()).session();
    expect(() => client.close({ code: 1, capsule: false })).toThrow(RangeError);
    expect(() => client.close({ reason: "bye", capsule: false })).toThrow(RangeError);
  });

  it("refuses a code that is no u32 at the call", async () => {
    const { client } = await (await Pair.create()).session();
    for (const code of [-1, 2 ** 32, 1.5, NaN]) expect(() => client.close({ code })).toThrow(RangeError);
  });

  it("first delivers finished streams and queued datagrams, then resets the unfinished ones", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const finished = await client.createUnidirectionalStream();
    const unfinished = await client.createUnidirectionalStream();
    void finished.writeAll(new Uint8Array(300_000).fill(7));
    const pending = unfinished.write("never finished");
    const unblock = pair.blockDatagrams("client");
    void client.datagrams.send("last words");
    const closing = client.close({ code: 1 });
    await expect(client.createBidirectionalStream()).rejects.toMatchObject({ sessionState: "closing" });
    await pair.settle();
    expect(client.state).toBe("closing");
    expect(server.isReady).toBe(true);
    const first = (await server.incomingUnidirectionalStreams.next())!;
    const second = (await server.incomingUnidirectionalStreams.next())!;
    expect((await pair.wait(first.readAll())).byteLength).toBe(300_000);
    expect(await isPending(closing)).toBe(true);
    unblock();
    await pair.wait(closing);
    await pending;
    await finished.writeClosed;
    await expect(unfinished.writeClosed).rejects.toMatchObject({ name: "SessionError", closeCode: 1 });
    expect(text(await server.datagrams.receive())).toBe("last words");
    await expect(second.readAll()).rejects.toMatchObject({ name: "SessionError", closeCode: 1 });
    noLeaks(pair);
  });

  it("waits for delivery at most closeTimeout, and not at all with abort", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const stuck = await client.createUnidirectionalStream();
    void stuck.writeAll(new Uint8Array(300_000));
    const closing = client.close();
    await pair.settle();
    await pair.time.advance(4999);
    expect(await isPending(closing)).toBe(true);
    await pair.time.advance(1);
    await pair.wait(closing);
    expect((await server.closed).clean).toBe(true);

    const again = await pair.session();
    const other = await again.client.createUnidirectionalStream();
    void other.writeAll(new Uint8Array(300_000));
    void again.client.close();
    await pair.wait(again.client.close({ abort: true }));
    await pair.time.advance(10_000);
    noLeaks(pair);
  });

  it("settles after closeTimeout when the peer never acknowledges", async () => {
    const pair = await Pair.create();
    const { client } = await pair.session();
    pair.engine.cut();
    const closing = client.close();
    await pair.settle();
    await pair.time.advance(5000);
    await closing;
    expect(await client.closed).toMatchObject({ clean: true, by: "local" });
  });

  it("is harmless twice and at both ends at once", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    await pair.wait(Promise.all([client.close({ code: 1 }), client.close({ code: 2 }), server.close({ code: 3 })]));
    expect(await client.closed).toMatchObject({ clean: true, code: 1, by: "local" });
    expect((await server.closed).clean).toBe(true);
    await client.close();
    noLeaks(pair);
  });
});

describe("the end of a session", () => {
  it("ends every child with the close code and reason", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const { stream, incoming } = await streamOf(pair, client, server);
    const waits = [incoming.read(), server.incomingBidirectionalStreams.next(), server.datagrams.receive()];
    await pair.wait(client.close({ code: 9, reason: "enough" }));
    const gone = { name: "SessionError", closeCode: 9, reason: "enough" };
    await expect(waits[0]).rejects.toMatchObject(gone);
    expect(await waits[1]).toBeNull();
    expect(await waits[2]).toBeNull();
    await expect(incoming.write("late")).rejects.toMatchObject(gone);
    await expect(incoming.closed).rejects.toMatchObject(gone);
    await expect(stream.read()).rejects.toMatchObject(gone);
    await expect(server.createBidirectionalStream()).rejects.toMatchObject(gone);
    expect(server.signal.reason).toMatchObject(gone);
    noLeaks(pair);
  });

  it("comes when what ends its request has come together with it", async () => {
    const pair = await Pair.create({ server: { streamBufferSize: 262_144 } });
    await pair.settle();
    const { listener } = pair.server;
    listener.streamOpened(0);
    listener.data(0, wire(connectRequest(), data(new Uint8Array(70_000))), false);
    await pair.settle();
    expect(pair.accepted).toHaveLength(1);
    expect(await isPending(pair.accepted[0]!.closed)).toBe(false);
    expect(await pair.accepted[0]!.closed).toMatchObject({ clean: false, by: "peer" });
    noLeaks(pair);
  });

  it.each(["P1", "all"] as const)("gives no stream to those who wait for one, with drafts %s", async (drafts) => {
    const pair = await Pair.create({ server: { maxOutgoingStreams: 2, drafts }, client: { drafts } });
    const { client, server } = await pair.session();
    await pair.wait(Promise.all([server.createUnidirectionalStream(), server.createUnidirectionalStream()]));
    const waiting = [server.createUnidirectionalStream(), server.createBidirectionalStream()];
    await pair.wait(client.close({ code: 3 }));
    for (const stream of waiting) await expect(stream).rejects.toMatchObject({ name: "SessionError", closeCode: 3 });
    noLeaks(pair);
  });

  it("leaves completely received streams readable, also those not yet taken", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    await (await client.createUnidirectionalStream()).writeAll("delivered");
    await pair.wait(client.close());
    const received: string[] = [];
    for await (const stream of server.incomingUnidirectionalStreams) received.push(text(await stream.readAll()) ?? "");
    expect(received).toEqual(["delivered"]);
  });

  it("aborts the signal and fulfils draining when asked to drain", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    expect(client.signal.aborted).toBe(false);
    server.drain();
    await pair.wait(client.draining);
    expect(client.state).toBe("draining");
    expect(client.isReady).toBe(true);
    await pair.wait(server.close());
    expect(client.signal.aborted).toBe(true);
  });
});

describe("the end of the connection", () => {
  async function loseConnection(pair: Pair): Promise<{ client: WebTransportSession; server: WebTransportSession }> {
    const sessions = await pair.session();
    const stream = await sessions.client.createBidirectionalStream();
    await stream.write("x");
    await pair.settle();
    return sessions;
  }

  it("by time-out ends everything with by: transport", async () => {
    const pair = await Pair.create();
    const { server } = await loseConnection(pair);
    const next = server.incomingUnidirectionalStreams.next();
    const iterating = (async () => {
      for await (const datagram of server.datagrams) expect.fail(`there is no datagram ${datagram.byteLength}`);
    })();
    iterating.catch(() => {});
    const lost = pair.server.waitFor("connection_lost");
    pair.lose();
    await pair.settle();
    const info = await server.closed;
    expect(info).toMatchObject({ clean: false, by: "transport" });
    expect(info.clean ? undefined : info.error).toBeInstanceOf(ConnectionError);
    await expect(next).rejects.toBeInstanceOf(SessionError);
    await expect(iterating).rejects.toBeInstanceOf(SessionError);
    expect(await pair.server.closed).toMatchObject({ clean: false, by: "transport" });
    expect((await lost).error.code).toBe("ERR_WT_CONNECTION_LOST");
    expect(pair.server.state).toBe("closed");
    noLeaks(pair);
  });

  it("by the peer with H3_NO_ERROR is a clean end, as some clients close", async () => {
    const pair = await Pair.create();
    const { server } = await loseConnection(pair);
    pair.quic.client.close(0x100n, "");
    await pair.settle();
    expect(await server.closed).toEqual({ clean: true, code: 0, reason: "", by: "peer", withoutCapsule: true });
    noLeaks(pair);
  });

  it("by our own close() ends the sessions with code and reason first", async () => {
    const pair = await Pair.create();
    const { client, server } = await loseConnection(pair);
    await pair.wait(pair.server.close({ code: 5, reason: "restart" }));
    expect(await server.closed).toEqual({ clean: true, code: 5, reason: "restart", by: "local" });
    expect(await client.closed).toEqual({ clean: true, code: 5, reason: "restart", by: "peer" });
    await pair.settle();
    expect(pair.client.state).toBe("closed");
    noLeaks(pair);
  });

  it("by our own close() does not wait for an answer that the peer has stopped", async () => {
    const pair = await Pair.create();
    await pair.session();
    const { listener } = pair.server;
    listener.streamOpened(40);
    listener.stopped(40, WireCodes.H3_NO_ERROR);
    listener.finished(40);
    listener.data(40, headers(...getFields), true);
    const closing = pair.server.close();
    await pair.settle();
    expect(await isPending(closing)).toBe(false);
    noLeaks(pair);
  });

  it("by our own close() accepts no further sessions", async () => {
    const pair = await Pair.create();
    const { server } = await pair.session();
    pair.blockDatagrams("server");
    void server.datagrams.send("holds the close up").catch(() => {});
    const closing = pair.server.close();
    const late = pair.client.openSession({ url: "https://localhost/late" });
    await expect(pair.wait(late)).rejects.toMatchObject({ name: "HttpError", status: 503 });
    expect(pair.server.sessions).toEqual([server]);
    void server.close({ abort: true });
    await pair.wait(closing);
    noLeaks(pair);
  });

  it("rejects an opening session with the cause", async () => {
    const pair = await Pair.create({ onSession: () => {} });
    const opening = pair.client.openSession({ url: "https://localhost/" });
    await pair.settle();
    pair.quic.client.end({ by: "transport", kind: "stateless-reset", code: 0n, reason: "" });
    await pair.settle();
    await expect(opening).rejects.toMatchObject({ code: "ERR_WT_CONNECTION_LOST" });
    await expect(pair.client.openSession({ url: "https://localhost/" })).rejects.toBeInstanceOf(ConnectionError);
  });
});

describe("a clean end by the peer", () => {
  it("still brings what was finished before and waits beyond the credit", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const stream = await client.createUnidirectionalStream();
    void stream.writeAll(new Uint8Array(300_000).fill(1));
    const incoming = (await pair.wait(server.incomingUnidirectionalStreams.next()))!;
    // As a peer whose bytes QUIC has acknowledged although nobody has read them.
    pair.client.listener.finished(stream.id);
    await pair.wait(client.close());
    expect(server.state).toBe("closed");
    expect((await incoming.readAll()).byteLength).toBe(300_000);
    noLeaks(pair);
  });

  it("ends what never arrives after a while", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const stream = await client.createUnidirectionalStream();
    await stream.write("unfinished");
    const incoming = (await pair.wait(server.incomingUnidirectionalStreams.next()))!;
    await incoming.read();
    const next = incoming.read();
    pair.quic.client.reset = (): void => {};
    await pair.wait(client.close({ code: 2 }));
    expect(await isPending(next)).toBe(true);
    await pair.time.advance(1000);
    await expect(next).rejects.toMatchObject({ name: "SessionError", closeCode: 2 });
    noLeaks(pair);
  });
});

describe("a reset with WT_SESSION_GONE", () => {
  it("waits for the session's end, which says more, but not for ever", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const { stream, incoming } = await streamOf(pair, client, server);
    const read = incoming.read();
    pair.quic.client.reset(stream.id, 0x170d7b68n);
    pair.quic.client.stop(stream.id, 0x170d7b68n);
    await pair.settle();
    const write = incoming.write("into the void");
    expect(await isPending(read)).toBe(true);
    expect(await isPending(write)).toBe(true);
    await pair.time.advance(5000);
    await expect(read).rejects.toMatchObject({ code: "ERR_WT_STREAM_RESET", streamErrorCode: null });
    await expect(write).rejects.toMatchObject({ code: "ERR_WT_STREAM_STOPPED", streamErrorCode: null });
    expect(server.isReady).toBe(true);
    await pair.wait(client.close({ abort: true }));
    noLeaks(pair);
  });
});
