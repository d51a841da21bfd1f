import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import type { End } from "../world.ts";
import { openStream, pattern } from "../world.ts";

/** Reads on as fast as data comes. */
function readOn(end: End): void {
  end.events.onEvent = (event) => {
    if (event.type === "data") end.quic.grant(event.streamId, event.chunk.byteLength);
  };
}

export function sendingCases(factory: EngineFactory): void {
  describe("write()", () => {
    it(
      "and accepted together account for every byte",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        readOn(server);
        const sizes = [10, 3_000_000, 0, 70_000];
        const streamId = openStream(client.quic, "unidirectional");
        let atOnce = 0;
        for (const size of sizes) atOnce += client.quic.write(streamId, pattern(size), false);
        const total = sizes.reduce((sum, size) => sum + size, 0);
        expect(atOnce).toBeLessThan(total);
        const later = (): number => client.events.of("accepted").reduce((sum, event) => sum + event.bytes, 0);
        await client.events.until(() => atOnce + later() >= total);
        expect(atOnce + later()).toBe(total);
        expect(client.events.of("accepted").every((event) => event.streamId === streamId && event.bytes > 0)).toBe(
          true,
        );
        await server.events.until(() => server.events.bytes(streamId).byteLength === total);
      }),
    );

    it(
      "keeps what a reader without credit does not take, and goes on with it",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: { streamReceiveWindow: 100_000, initialCredit: 1000 },
        });
        const streamId = openStream(client.quic, "unidirectional");
        const sent = pattern(1_000_000);
        client.quic.write(streamId, sent, true);
        await server.events.until(() => server.events.bytes(streamId).byteLength === 1000);
        expect(client.events.of("finished")).toEqual([]);
        readOn(server);
        server.quic.grant(streamId, 1000);
        await server.events.until(() => server.events.hasFin(streamId));
        expect(Buffer.compare(server.events.bytes(streamId), sent)).toBe(0);
        await client.events.first("finished");
      }),
    );
  });

  describe("setPriority()", () => {
    it(
      "sends streams of a group by order, highest first",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: { receiveWindow: 100_000, streamReceiveWindow: 100_000, initialCredit: 10_000_000 },
        });
        const ids = [0, 1, 2, 3].map(() => openStream(client.quic, "unidirectional"));
        const [filler = 0, low = 0, high = 0, middle = 0] = ids;
        // Fills the window, so that the others wait together.
        client.quic.write(filler, pattern(400_000), true);
        client.quic.setPriority(filler, 0, 0, 100);
        client.quic.setPriority(low, 0, 0, -5);
        client.quic.setPriority(high, 0, 0, 7);
        client.quic.write(low, pattern(150_000), true);
        client.quic.write(high, pattern(150_000), true);
        client.quic.write(middle, pattern(150_000), true);
        const finished = (): number[] =>
          server.events
            .of("data")
            .filter(({ fin }) => fin)
            .map(({ streamId }) => streamId);
        await server.events.until(() => finished().length === 4);
        expect(finished()).toEqual([filler, high, middle, low]);
      }),
    );

    it(
      "lets groups take turns, whatever their orders",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: { receiveWindow: 100_000, streamReceiveWindow: 100_000, initialCredit: 10_000_000 },
        });
        const [filler = 0, first = 0, second = 0] = [0, 1, 2].map(() => openStream(client.quic, "unidirectional"));
        client.quic.write(filler, pattern(300_000), true);
        client.quic.setPriority(first, 0, 1, 1000);
        client.quic.setPriority(second, 0, 2, 0);
        client.quic.write(first, pattern(600_000), true);
        client.quic.write(second, pattern(600_000), true);
        await server.events.until(() => server.events.hasFin(first) || server.events.hasFin(second));
        const other = server.events.hasFin(first) ? second : first;
        // Neither had to wait for the other's end.
        expect(server.events.bytes(other).byteLength).toBeGreaterThan(200_000);
        await server.events.until(() => server.events.hasFin(first) && server.events.hasFin(second));
      }),
    );

    it(
      "shares by bytes between sessions, however many groups they have, and between the groups of each",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: { receiveWindow: 100_000, streamReceiveWindow: 100_000, initialCredit: 10_000_000 },
        });
        const [filler = 0, one = 0, ...many] = [0, 1, 2, 3, 4, 5].map(() => openStream(client.quic, "unidirectional"));
        // Fills the window, so that the others wait together.
        client.quic.write(filler, pattern(100_000), true);
        client.quic.setPriority(one, 1, 1, 0);
        // The first of these groups has a number that the other session has, too.
        many.forEach((streamId, index) => {
          client.quic.setPriority(streamId, 2, 1 + index, 1000);
        });
        for (const streamId of [...many, one]) client.quic.write(streamId, pattern(600_000), true);
        await server.events.until(() => server.events.hasFin(one));
        const sizes = many.map((streamId) => server.events.bytes(streamId).byteLength);
        const sum = sizes.reduce((total, size) => total + size);
        expect(Math.abs(sum - 600_000)).toBeLessThanOrEqual(150_000);
        for (const size of sizes) expect(Math.abs(size - sum / 4)).toBeLessThanOrEqual(50_000);
        await server.events.until(() => many.every((streamId) => server.events.hasFin(streamId)));
      }),
    );

    it(
      "moves a stream that waits to another session's turns",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: { receiveWindow: 100_000, streamReceiveWindow: 100_000, initialCredit: 10_000_000 },
        });
        const [filler = 0, first = 0, moved = 0] = [0, 1, 2].map(() => openStream(client.quic, "unidirectional"));
        client.quic.write(filler, pattern(100_000), true);
        client.quic.setPriority(first, 1, 0, 1);
        client.quic.setPriority(moved, 1, 0, 0);
        client.quic.write(first, pattern(600_000), true);
        client.quic.write(moved, pattern(200_000), true);
        client.quic.setPriority(moved, 2, 0, 0);
        await server.events.until(() => server.events.hasFin(moved));
        expect(server.events.hasFin(first)).toBe(false);
        await server.events.until(() => server.events.hasFin(first));
      }),
    );
  });
}
