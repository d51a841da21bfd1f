import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import { bytes, openStream, passed, pattern } from "../world.ts";

export function streamCases(factory: EngineFactory): void {
  describe("streams", () => {
    for (const from of ["client", "server"] as const) {
      it(
        `carry bytes both ways and end each half on its own (opened by the ${from})`,
        withWorld(factory, async (world) => {
          const ends = await world.pair();
          const opener = ends[from];
          const answerer = ends[from === "client" ? "server" : "client"];
          const streamId = openStream(opener.quic, "bidirectional");
          opener.quic.write(streamId, bytes("ques"), false);
          opener.quic.write(streamId, bytes("tion"), true);
          await answerer.events.until(() => answerer.events.hasFin(streamId));
          expect(answerer.events.text(streamId)).toBe("question");
          expect(answerer.events.of("streamOpened")).toEqual([{ type: "streamOpened", streamId }]);
          answerer.quic.write(streamId, bytes("answer"), false);
          await opener.events.until(() => opener.events.text(streamId) === "answer");
          expect(opener.events.hasFin(streamId)).toBe(false);
          answerer.quic.write(streamId, new Uint8Array(0), true);
          await opener.events.until(() => opener.events.hasFin(streamId));
          expect(opener.events.of("streamOpened")).toEqual([]);
        }),
      );
    }

    it(
      "are known to the peer with their first frame, and with them those of their kind before",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const ids = [1, 2, 3].map(() => openStream(client.quic, "unidirectional"));
        await passed(server, client);
        expect(server.events.of("streamOpened")).toEqual([]);
        client.quic.write(ids[2] ?? 0, bytes("third"), true);
        await server.events.until(() => server.events.hasFin(ids[2] ?? 0));
        expect(server.events.of("streamOpened").map(({ streamId }) => streamId)).toEqual(ids);
      }),
    );

    it(
      "are opened before their data",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        for (let count = 0; count < 20; count += 1) {
          client.quic.write(openStream(client.quic, "unidirectional"), bytes("x"), true);
        }
        await server.events.until(() => server.events.of("data").filter(({ fin }) => fin).length === 20);
        const opened = new Set<number>();
        for (const event of server.events.events) {
          if (event.type === "streamOpened") opened.add(event.streamId);
          if (event.type === "data") expect(opened).toContain(event.streamId);
        }
      }),
    );

    it(
      "of no bytes at all end with an empty chunk",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, new Uint8Array(0), false);
        client.quic.write(streamId, new Uint8Array(0), true);
        await server.events.until(() => server.events.hasFin(streamId));
        const chunks = server.events.of("data");
        expect(chunks).toHaveLength(1);
        expect(chunks[0]?.chunk).toHaveLength(0);
        expect((await client.events.first("finished")).streamId).toBe(streamId);
      }),
    );

    it(
      "keep their bytes in order, in chunks that own their ArrayBuffers",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const sent = pattern(300_000);
        const streamId = openStream(client.quic, "unidirectional");
        server.events.onEvent = (event) => {
          if (event.type === "data") server.quic.grant(event.streamId, event.chunk.byteLength);
        };
        client.quic.write(streamId, sent.subarray(0, 100_000), false);
        client.quic.write(streamId, sent.subarray(100_000), true);
        await server.events.until(() => server.events.hasFin(streamId));
        expect(Buffer.compare(server.events.bytes(streamId), sent)).toBe(0);
        const buffers = new Set<ArrayBuffer>();
        for (const { chunk, fin } of server.events.of("data")) {
          expect([chunk.byteOffset, chunk.byteLength]).toEqual([0, chunk.buffer.byteLength]);
          expect(Object.getPrototypeOf(chunk)).toBe(Uint8Array.prototype);
          expect(chunk.byteLength > 0 || fin).toBe(true);
          buffers.add(chunk.buffer);
        }
        expect(buffers.size).toBe(server.events.of("data").length);
      }),
    );

    it(
      "are finished exactly once, when all bytes and FIN are acknowledged",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const done = openStream(client.quic, "unidirectional");
        const open = openStream(client.quic, "unidirectional");
        client.quic.write(open, bytes("no FIN"), false);
        client.quic.write(done, bytes("FIN"), true);
        expect((await client.events.first("finished")).streamId).toBe(done);
        await passed(client, server);
        const finished = client.events.of("finished").map(({ streamId }) => streamId);
        expect(finished.filter((streamId) => streamId === done)).toEqual([done]);
        expect(finished).not.toContain(open);
      }),
    );

    it(
      "of several connections do not mix",
      withWorld(factory, async (world) => {
        const first = await world.pair();
        const second = await world.pair();
        for (const [index, { client }] of [first, second].entries()) {
          client.quic.write(openStream(client.quic, "unidirectional"), bytes(`of ${index}`), true);
        }
        for (const [index, { server }] of [first, second].entries()) {
          await server.events.until(() => server.events.hasFin(2));
          expect(server.events.text(2)).toBe(`of ${index}`);
        }
      }),
    );
  });

  describe("getStats()", () => {
    it(
      "counts what has travelled",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        await passed(client, server);
        const stats = client.quic.getStats();
        expect(stats.packetsSent).toBeGreaterThan(0);
        expect(stats.packetsReceived).toBeGreaterThan(0);
        expect(stats.bytesSent).toBeGreaterThan(0);
        expect(stats.bytesReceived).toBeGreaterThan(0);
        expect(stats.congestionWindow).toBeGreaterThan(0);
        expect(stats.mtu).toBeGreaterThanOrEqual(1200);
        expect(stats.rtt).toBeGreaterThanOrEqual(0);
        expect(stats.minRtt).toBeLessThanOrEqual(Math.max(stats.rtt, stats.minRtt));
        expect([stats.packetsLost, stats.datagramsDropped]).toEqual([0, 0]);
        expect(JSON.parse(JSON.stringify(stats))).toEqual(stats);
      }),
    );
  });

  describe("the peer's address", () => {
    it(
      "is told when it has changed",
      withWorld(factory, async (world) => {
        const paths: Awaited<ReturnType<typeof world.under.path>>[] = [];
        const { client, server } = await world.pair({}, async (address) => {
          const path = await world.under.path(address);
          paths.push(path);
          return path.address;
        });
        const before = server.quic.remoteAddress;
        await paths[0]?.changeAddress(client.quic);
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, bytes("from elsewhere"), true);
        const { remoteAddress } = await server.events.first("addressChanged");
        expect(remoteAddress).not.toEqual(before);
        expect(remoteAddress).toMatchObject({ host: "127.0.0.1", family: 4 });
        expect(server.quic.remoteAddress).toEqual(remoteAddress);
        await server.events.until(() => server.events.hasFin(streamId));
      }),
    );
  });
}
