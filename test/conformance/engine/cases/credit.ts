import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import { bytes, openStream, passed, pattern } from "../world.ts";

export function creditCases(factory: EngineFactory): void {
  describe("credit", () => {
    it(
      "is never exceeded by the chunks together",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { initialCredit: 1000 } });
        const streamId = openStream(client.quic, "unidirectional");
        const sent = pattern(5000);
        client.quic.write(streamId, sent, true);
        let granted = 1000;
        for (const step of [1, 0, 999, 500]) {
          await server.events.until(() => server.events.bytes(streamId).byteLength === granted);
          await passed(client, server);
          expect(server.events.bytes(streamId).byteLength).toBe(granted);
          granted += step;
          server.quic.grant(streamId, step);
        }
        expect(server.events.hasFin(streamId)).toBe(false);
        server.quic.grant(streamId, 10_000);
        await server.events.until(() => server.events.hasFin(streamId));
        expect(Buffer.compare(server.events.bytes(streamId), sent)).toBe(0);
      }),
    );

    it(
      "is 65536 bytes at first, also for the answer on a stream of our own",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "bidirectional");
        client.quic.write(streamId, pattern(100_000), true);
        await server.events.until(() => server.events.bytes(streamId).byteLength === 65_536);
        server.quic.write(streamId, pattern(100_000), true);
        await client.events.until(() => client.events.bytes(streamId).byteLength === 65_536);
        await passed(client, server);
        await passed(server, client);
        expect(server.events.bytes(streamId).byteLength).toBe(65_536);
        expect(client.events.bytes(streamId).byteLength).toBe(65_536);
      }),
    );

    it(
      "is not needed for FIN and reset",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { initialCredit: 3 } });
        const finished = openStream(client.quic, "unidirectional");
        const reset = openStream(client.quic, "unidirectional");
        client.quic.write(finished, bytes("abc"), false);
        client.quic.write(reset, bytes("abc"), false);
        await server.events.until(() => server.events.text(finished) === "abc" && server.events.text(reset) === "abc");
        client.quic.write(finished, new Uint8Array(0), true);
        client.quic.reset(reset, 9n);
        await server.events.until(() => server.events.hasFin(finished));
        expect(await server.events.first("reset")).toMatchObject({ streamId: reset, code: 9n });
      }),
    );

    it(
      "that is not granted does not keep bytes and FIN from being acknowledged",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { initialCredit: 10 } });
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, pattern(1000), true);
        await client.events.first("finished");
        expect(server.events.hasFin(streamId)).toBe(false);
      }),
    );
  });

  describe("flow-control windows", () => {
    it(
      "of a stream stop its sender, and nobody else",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: { streamReceiveWindow: 50_000, initialCredit: 0 },
        });
        const stuck = openStream(client.quic, "unidirectional");
        const other = openStream(client.quic, "unidirectional");
        const taken = client.quic.write(stuck, pattern(200_000), true);
        client.quic.write(other, bytes("passes"), true);
        await client.events.first("finished", (event) => event.streamId === other);
        await passed(server, client);
        const accepted = client.events.of("accepted").filter((event) => event.streamId === stuck);
        expect(taken + accepted.reduce((sum, event) => sum + event.bytes, 0)).toBe(50_000);
        expect(client.events.of("finished").map(({ streamId }) => streamId)).not.toContain(stuck);
        server.quic.grant(stuck, 200_000);
        await server.events.until(() => server.events.hasFin(stuck));
      }),
    );

    it(
      "of a connection stop all of its streams together",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: { receiveWindow: 60_000, streamReceiveWindow: 50_000, initialCredit: 0 },
        });
        const [first = 0, second = 0] = [0, 1].map(() => openStream(client.quic, "unidirectional"));
        let taken = client.quic.write(first, pattern(50_000), false);
        taken += client.quic.write(second, pattern(50_000), false);
        const later = (): number => client.events.of("accepted").reduce((sum, event) => sum + event.bytes, 0);
        await client.events.until(() => taken + later() >= 60_000);
        await server.events.first("streamOpened", (event) => event.streamId === second);
        server.quic.grant(first, 50_000);
        await server.events.until(() => server.events.bytes(first).byteLength === 50_000);
        server.quic.grant(second, 50_000);
        await server.events.until(() => server.events.bytes(second).byteLength === 50_000);
      }),
    );

    it(
      "of a connection are told when unread bytes leave less than half, and can be changed while it lives",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: { receiveWindow: 60_000, streamReceiveWindow: 50_000, initialCredit: 0 },
        });
        const [first = 0, second = 0] = [0, 1].map(() => openStream(client.quic, "unidirectional"));
        const sent = (): number => server.quic.unreadBytes();
        client.quic.write(first, pattern(29_000), false);
        await server.events.first("streamOpened", (event) => event.streamId === first);
        client.quic.write(second, pattern(50_000), false);
        await server.events.first("receiveWindowLow");
        expect(sent()).toBeGreaterThan(30_000);
        expect(sent()).toBeLessThanOrEqual(60_000);
        expect(server.quic.setReceiveWindow(90_000)).toBe(90_000);
        await server.events.until(() => server.events.of("receiveWindowLow").length === 2);
        expect(server.quic.unreadBytes(first)).toBe(29_000);
        expect(server.quic.unreadBytes()).toBe(29_000 + server.quic.unreadBytes(second));
        server.quic.grant(first, 29_000);
        await server.events.until(() => server.events.bytes(first).byteLength === 29_000);
        expect(server.quic.unreadBytes(first)).toBe(0);
        // What was allowed is not taken back before as much is read.
        expect(server.quic.setReceiveWindow(60_000)).toBeGreaterThan(60_000);
        server.quic.grant(second, 50_000);
        await server.events.until(() => server.events.bytes(second).byteLength === 50_000);
        expect(server.quic.unreadBytes()).toBe(0);
        expect(server.quic.setReceiveWindow(60_000)).toBe(60_000);
      }),
    );

    it(
      "get back what a stopped or reset stream had taken",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: { receiveWindow: 60_000, streamReceiveWindow: 50_000, initialCredit: 0 },
        });
        for (let round = 0; round < 6; round += 1) {
          const streamId = openStream(client.quic, "unidirectional");
          client.quic.write(streamId, pattern(40_000), false);
          await server.events.first("streamOpened", (event) => event.streamId === streamId);
          if (round % 2 === 0) client.quic.reset(streamId, 1n);
          else server.quic.stop(streamId, 1n);
          await client.events.first("finished", (event) => event.streamId === streamId);
        }
        const last = openStream(client.quic, "unidirectional");
        client.quic.write(last, pattern(40_000), true);
        await server.events.first("streamOpened", (event) => event.streamId === last);
        server.quic.grant(last, 40_000);
        await server.events.until(() => server.events.hasFin(last));
      }),
    );
  });
}
