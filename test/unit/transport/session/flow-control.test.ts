import { describe, expect, it } from "vitest";

import { concatenate } from "../../../../src/base/bytes.ts";
import { WireCodes } from "../../../../src/constants/wire-codes.ts";
import type { ConnectionSettingsInit } from "../../../../src/transport/connection/settings.ts";
import type { WebTransportSession } from "../../../../src/transport/session/session.ts";

import { bytes, isPending, text } from "../fake-quic.ts";
import type { MemoryConnection } from "../../../../src/engine/memory/memory-connection.ts";
import { Pair } from "../pair.ts";

const window = 65_536;
const small: ConnectionSettingsInit = { maxSessionBufferSize: window, maxIncomingStreams: 2 };

/** A server that lets the client use little in each session. */
function limitedPair(client: ConnectionSettingsInit = {}): Promise<Pair> {
  return Pair.create({ server: small, client });
}

/** Both ends of a unidirectional stream of the client's. */
async function uni(pair: Pair, { client, server }: { client: WebTransportSession; server: WebTransportSession }) {
  const sending = await pair.wait(client.createUnidirectionalStream());
  const receiving = await pair.wait(server.incomingUnidirectionalStreams.next());
  if (receiving === null) throw new Error("The session has ended");
  return { sending, receiving };
}

/** What is written to a unidirectional stream reaches the peer in one piece with its FIN. */
function joinWrites(quic: MemoryConnection): void {
  const held = new Map<number, Uint8Array>();
  const write = quic.write.bind(quic);
  quic.write = (streamId, data, fin) => {
    if ((streamId & 2) === 0) return write(streamId, data, fin);
    const joined = concatenate([held.get(streamId) ?? new Uint8Array(0), data]);
    if (fin) write(streamId, joined, true);
    else held.set(streamId, joined);
    return data.byteLength;
  };
}

describe("session flow control", () => {
  it("is spoken by default, and the draft is told", async () => {
    const pair = await Pair.create();
    await pair.session();
    expect(pair.client.draft).toBe("draft-15");
    expect(pair.server.draft).toBe("draft-15");
  });

  it("is not spoken where one side does not announce it", async () => {
    const pair = await Pair.create({ server: { ...small, drafts: "P1" } });
    const { client } = await pair.session();
    expect(pair.server.draft).toBe("draft-02");
    const streams = Array.from({ length: 10 }, () => client.createUnidirectionalStream());
    expect(await pair.wait(Promise.all(streams))).toHaveLength(10);
  });

  it("holds a writer up until the reader has read", async () => {
    const pair = await limitedPair();
    const { sending, receiving } = await uni(pair, await pair.session());
    const written = sending.writeAll(new Uint8Array(3 * window).fill(7));
    await pair.settle();
    expect(await isPending(written)).toBe(true);
    let total = 0;
    const read = (async () => {
      for await (const chunk of receiving) {
        expect(chunk.every((byte) => byte === 7)).toBe(true);
        total += chunk.byteLength;
      }
    })();
    await pair.wait(read);
    await pair.wait(written);
    await pair.wait(sending.writeClosed);
    expect(total).toBe(3 * window);
  });

  it("never has more on its way than the window, over many streams", async () => {
    const pair = await limitedPair();
    const session = await pair.session();
    const streams = [await uni(pair, session), await uni(pair, session)];
    for (const { sending } of streams) void sending.writeAll(new Uint8Array(40_000)).catch(() => {});
    await pair.settle();
    const buffered = session.server.getStats().bufferedBytes;
    expect(buffered).toBe(window);
    for (const { receiving } of streams) void receiving.readAll().catch(() => {});
    await pair.settle();
    expect(session.server.getStats().bytesReceived).toBe(80_000);
  });

  it("lets waiting streams take turns", async () => {
    const pair = await limitedPair();
    const session = await pair.session();
    const streams = [await uni(pair, session), await uni(pair, session)];
    for (const { sending } of streams) void sending.write(new Uint8Array(2 * window)).catch(() => {});
    const [first, second] = streams;
    await pair.settle();
    for (let round = 0; round < 3; round += 1) {
      for (const { receiving } of streams) while (receiving.tryRead() !== undefined);
      await pair.settle();
    }
    for (const { receiving } of streams) while (receiving.tryRead() !== undefined);
    expect(first!.receiving.bytesRead).toBeGreaterThan(window);
    expect(second!.receiving.bytesRead).toBeGreaterThan(window / 2);
  });

  it("serves the stream with the higher send order first", async () => {
    const pair = await limitedPair();
    const session = await pair.session();
    const [low, high] = [await uni(pair, session), await uni(pair, session)];
    low.sending.sendOrder = 1;
    high.sending.sendOrder = 2;
    void low.sending.write(new Uint8Array(2 * window)).catch(() => {});
    void high.sending.write(new Uint8Array(window)).catch(() => {});
    await pair.settle();
    while (low.receiving.tryRead() !== undefined);
    await pair.settle();
    expect(high.receiving.tryRead()?.byteLength).toBeGreaterThan(0);
    // What was the engine's already when the other one came.
    expect(low.receiving.tryRead()?.byteLength ?? 0).toBeLessThan(10);
  });

  it("serves send groups in turn, whatever their streams' orders", async () => {
    const pair = await limitedPair();
    const session = await pair.session();
    const streams = [await uni(pair, session), await uni(pair, session)];
    for (const [index, { sending }] of streams.entries()) {
      sending.sendGroup = session.client.createSendGroup();
      sending.sendOrder = index;
      void sending.write(new Uint8Array(4 * window)).catch(() => {});
    }
    const [first, second] = streams;
    for (let round = 0; round < 4; round += 1) {
      await pair.settle();
      for (const { receiving } of streams) while (receiving.tryRead() !== undefined);
    }
    // The first window was the first stream's alone.
    expect(first!.receiving.bytesRead).toBeGreaterThan(2 * window);
    expect(second!.receiving.bytesRead).toBeGreaterThan(window);
  });

  it("lets a stream's creation wait for the session's limit", async () => {
    const pair = await limitedPair();
    const session = await pair.session();
    const first = await uni(pair, session);
    await uni(pair, session);
    const third = session.client.createUnidirectionalStream();
    await pair.settle();
    expect(await isPending(third)).toBe(true);
    // The kinds are counted apart.
    await pair.wait(session.client.createBidirectionalStream());
    first.sending.finish();
    await pair.settle();
    await pair.wait(first.receiving.readAll());
    await expect(pair.wait(third)).resolves.toBeDefined();
  });

  it("lets one who waits for a stream give up by time-out, signal or the session's end", async () => {
    const pair = await limitedPair();
    const session = await pair.session();
    await uni(pair, session);
    await uni(pair, session);
    const timed = session.client.createUnidirectionalStream({ timeout: 50 });
    const abort = new AbortController();
    const aborted = session.client.createUnidirectionalStream({ signal: abort.signal });
    const ended = session.client.createUnidirectionalStream({ timeout: 0 });
    await pair.settle();
    await pair.time.advance(50);
    await expect(timed).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT" });
    abort.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await pair.wait(session.client.close({ abort: true }));
    await expect(ended).rejects.toMatchObject({ name: "SessionError" });
    expect(pair.client.counts.waiters).toBe(0);
  });

  it("gives the leave back of one who gave up while waiting for QUIC's own limit", async () => {
    const pair = await limitedPair();
    const session = await pair.session();
    const limit = pair.limit("unidirectional");
    const first = session.client.createUnidirectionalStream({ timeout: 50 });
    await pair.settle();
    await pair.time.advance(50);
    await expect(first).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT" });
    const others = [session.client.createUnidirectionalStream(), session.client.createUnidirectionalStream()];
    limit.allow(5);
    await expect(pair.wait(Promise.all(others))).resolves.toHaveLength(2);
  });

  it("lets a write time out that gets no credit, and the stream be reset", async () => {
    const pair = await limitedPair({ writeTimeout: 100 });
    const { sending, receiving } = await uni(pair, await pair.session());
    const written = sending.write(new Uint8Array(4 * window));
    await pair.settle();
    await pair.time.advance(100);
    await pair.settle();
    await pair.time.advance(100);
    await expect(written).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT" });
    sending.reset(3);
    await pair.settle();
    await expect(receiving.readAll()).rejects.toMatchObject({ streamErrorCode: 3 });
    expect(pair.client.counts.streams).toBe(0);
  });

  it.each(["reset by the peer", "stopped here", "stopped here and then finished by the peer"])(
    "counts a stream that was %s by all that the peer has sent",
    async (how) => {
      const pair = await limitedPair();
      const session = await pair.session();
      for (let round = 0; round < 20; round += 1) {
        const { sending, receiving } = await uni(pair, session);
        void sending.write(new Uint8Array(window)).catch(() => {});
        await pair.settle();
        if (how === "reset by the peer") sending.reset(1);
        else receiving.stop(1);
        await pair.settle();
      }
      expect(pair.server.counts.streams).toBe(0);
      const { sending, receiving } = await uni(pair, session);
      void sending.writeAll(new Uint8Array(window)).catch(() => {});
      expect(await pair.wait(receiving.readAll())).toHaveLength(window);
    },
  );

  it.each(["with", "before"])(
    "counts a stream that was refused %s its FIN by all that the peer has sent",
    async (when) => {
      const pair = await Pair.create({ server: { ...small, maxPendingStreams: 1 } });
      const session = await pair.session();
      if (when === "with") joinWrites(pair.quic.client);
      const taken = await session.client.createUnidirectionalStream();
      await pair.wait(taken.writeAll("x"));
      for (let round = 0; round < 10; round += 1) {
        const refused = await session.client.createUnidirectionalStream();
        void refused.writeAll(new Uint8Array(window / 4)).catch(() => {});
        await pair.settle();
        expect(refused.bufferedAmount).toBe(0);
      }
      expect(session.server.getStats().streamsAccepted).toBe(1);
    },
  );

  it("ends a session whose peer sends more than it may, and no other", async () => {
    const pair = await Pair.create({ server: { ...small, maxSessionBufferSize: 10_000 } });
    const session = await pair.session();
    const other = await pair.session();
    const { sending } = await uni(pair, session);
    // Past the client's own counting, straight into its engine.
    pair.quic.client.write(sending.id, new Uint8Array(10_000), false);
    pair.quic.client.write(sending.id, new Uint8Array(1), false);
    await pair.settle();
    await expect(session.server.closed).resolves.toMatchObject({
      clean: false,
      error: { errorCode: Number(WireCodes.WT_FLOW_CONTROL_ERROR) },
    });
    await expect(pair.wait(session.client.closed)).resolves.toMatchObject({ clean: false, by: "peer" });
    const { sending: fine, receiving } = await uni(pair, other);
    void fine.writeAll("still here").catch(() => {});
    expect(text(await pair.wait(receiving.readAll()))).toBe("still here");
    expect(pair.server.counts).toMatchObject({ sessions: 1 });
  });

  it("counts each session of a connection for itself", async () => {
    const pair = await limitedPair();
    const [one, two] = [await pair.session(), await pair.session()];
    const { sending } = await uni(pair, one);
    void sending.write(new Uint8Array(5 * window)).catch(() => {});
    await pair.settle();
    const free = await uni(pair, two);
    void free.sending.writeAll(bytes("past it")).catch(() => {});
    expect(text(await pair.wait(free.receiving.readAll()))).toBe("past it");
  });

  it("delivers what was finished before the session is closed, as credit allows", async () => {
    const pair = await limitedPair();
    const session = await pair.session();
    const { sending, receiving } = await uni(pair, session);
    void sending.writeAll(new Uint8Array(4 * window)).catch(() => {});
    const closing = session.client.close({ code: 9 });
    const all = receiving.readAll();
    expect(await pair.wait(all)).toHaveLength(4 * window);
    await pair.wait(closing);
    await expect(session.server.closed).resolves.toMatchObject({ clean: true, code: 9 });
  });
});

describe("sessions of one connection", () => {
  it("take turns in sending, and the groups of each are its own", async () => {
    const pair = await Pair.create();
    const priorities: string[] = [];
    pair.quic.client.setPriority = (streamId: number, session: number, group: number, order: number) => {
      priorities.push(`${streamId} ${session} ${group} ${order}`);
    };
    const { client: one } = await pair.session();
    const { client: two } = await pair.session();
    const first = await pair.wait(one.createUnidirectionalStream());
    const second = await pair.wait(two.createUnidirectionalStream());
    const third = await pair.wait(two.createUnidirectionalStream({ sendOrder: 4 }));
    const fourth = await pair.wait(one.createUnidirectionalStream({ sendGroup: one.createSendGroup() }));
    const fifth = await pair.wait(two.createUnidirectionalStream({ sendGroup: two.createSendGroup(), sendOrder: 2 }));
    // Streams of the first session stand where every stream stands at first; CONNECT streams have a share of their own.
    expect(first.sendOrder).toBe(0);
    expect(priorities.splice(0)).toEqual([
      "0 4294967295 0 0",
      "4 4294967295 0 0",
      `${second.id} 1 0 0`,
      `${third.id} 1 0 4`,
      `${fourth.id} 0 1 0`,
      `${fifth.id} 1 1 2`,
    ]);
    fourth.sendGroup = undefined;
    fifth.sendOrder = 7;
    second.sendGroup = fifth.sendGroup;
    expect(priorities).toEqual([`${fourth.id} 0 0 0`, `${fifth.id} 1 1 7`, `${second.id} 1 1 0`]);
  });

  it("get numbers of their own, and the first's when that has ended", async () => {
    const pair = await Pair.create();
    const sessions = [await pair.session(), await pair.session(), await pair.session()];
    const numbers: number[] = [];
    pair.quic.client.setPriority = (_streamId: number, session: number) => {
      numbers.push(session);
    };
    for (const { client } of sessions) await pair.wait(client.createUnidirectionalStream({ sendOrder: 1 }));
    expect(numbers.splice(0)).toEqual([0, 1, 2]);
    await pair.wait(sessions[0]!.client.close());
    const later = [await pair.session(), await pair.session()];
    numbers.length = 0;
    for (const { client } of later) {
      await pair.wait(client.createUnidirectionalStream({ sendOrder: 1 }));
    }
    expect(numbers).toEqual([0, 3]);
  });

  it("do not take each other's send groups", async () => {
    const pair = await Pair.create();
    const [one, two] = [(await pair.session()).client, (await pair.session()).client];
    const [own, foreign] = [one.createSendGroup(), two.createSendGroup()];
    expect([own.id, foreign.id]).toEqual([1, 1]);
    const stream = await pair.wait(one.createUnidirectionalStream({ sendGroup: own, sendOrder: 3 }));
    expect([stream.sendGroup, stream.sendOrder]).toEqual([own, 3]);
    const message = /^Cannot use the send group: it was not made by createSendGroup\(\) of the stream's own session$/;
    for (const group of [foreign, { id: 1 }]) {
      expect(() => (stream.sendGroup = group)).toThrow(message);
      await expect(one.createBidirectionalStream({ sendGroup: group })).rejects.toThrow(TypeError);
      await expect(one.createUnidirectionalStream({ sendGroup: group })).rejects.toThrow(message);
    }
    expect([stream.sendGroup, stream.sendOrder]).toEqual([own, 3]);
    expect(pair.client.counts.streams).toBe(1);
  });
});
