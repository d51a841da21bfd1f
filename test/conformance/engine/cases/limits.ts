import { describe, expect, it } from "vitest";

import type { StreamDirection } from "../../../../src/engine/engine.ts";
import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import { bytes } from "../world.ts";

export function limitCases(factory: EngineFactory): void {
  describe("stream limits", () => {
    for (const direction of ["bidirectional", "unidirectional"] as const) {
      it(
        `of ${direction} streams hold open() back until one has ended on both sides`,
        withWorld(factory, async (world) => {
          const { client, server } = await world.pair({
            serverTransport: {
              maxIncomingBidirectionalStreams: direction === "bidirectional" ? 2 : 10,
              maxIncomingUnidirectionalStreams: direction === "unidirectional" ? 2 : 10,
            },
          });
          const ids = [client.quic.open(direction), client.quic.open(direction)];
          expect(client.quic.open(direction)).toBeUndefined();
          expect(client.quic.open(direction)).toBeUndefined();
          expect(client.quic.open(other(direction))).toBeDefined();
          for (const streamId of ids) client.quic.write(streamId ?? 0, bytes("x"), true);
          await server.events.until(() => ids.every((streamId) => server.events.hasFin(streamId ?? 0)));
          if (direction === "bidirectional") {
            expect(client.events.of("streamsAvailable")).toEqual([]);
            server.quic.write(ids[0] ?? 0, bytes("answer"), true);
          }
          expect(await client.events.first("streamsAvailable")).toEqual({ type: "streamsAvailable", direction });
          const next = client.quic.open(direction);
          expect(next).toBe((ids[1] ?? 0) + 4);
        }),
      );
    }

    it(
      "are the configured ones from the start",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: {
            maxIncomingBidirectionalStreams: 300,
            maxIncomingUnidirectionalStreams: 200,
            initialCredit: 0,
          },
        });
        for (const [direction, limit] of [["bidirectional", 300] as const, ["unidirectional", 200] as const]) {
          for (let opened = 0; opened < limit; opened += 1) {
            const streamId = client.quic.open(direction);
            expect(streamId).toBeDefined();
            client.quic.write(streamId ?? 0, bytes("stays open"), false);
          }
          expect(client.quic.open(direction)).toBeUndefined();
        }
        await server.events.until(() => server.events.of("streamOpened").length === 500);
      }),
    );

    it(
      "leave a place free at once when its stream has ended, however many others stay open",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { maxIncomingUnidirectionalStreams: 40 } });
        for (let opened = 0; opened < 38; opened += 1) {
          client.quic.write(client.quic.open("unidirectional") ?? 0, bytes("stays open"), false);
        }
        for (let round = 0; round < 10; round += 1) {
          const streamId = client.quic.open("unidirectional");
          expect(streamId).toBeDefined();
          client.quic.write(streamId ?? 0, bytes("x"), true);
          await server.events.until(() => server.events.hasFin(streamId ?? 0));
          // Comes with the credit, or after it.
          server.quic.sendDatagram(bytes("a"), bytes("b"));
          await client.events.until(() => client.events.of("datagram").length > round);
        }
        expect(client.events.of("streamsAvailable")).toEqual([]);
      }),
    );

    it(
      "are not told of when nobody was held back",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { maxIncomingUnidirectionalStreams: 4 } });
        for (let count = 0; count < 12; count += 1) {
          const streamId = client.quic.open("unidirectional");
          client.quic.write(streamId ?? 0, bytes("x"), true);
          await server.events.until(() => server.events.hasFin(streamId ?? 0));
          await client.events.first("finished", (event) => event.streamId === streamId);
          await world.under.elapse(1);
          if (count % 3 === 2) {
            // Credit for streams travels with later packets.
            server.quic.sendDatagram(bytes("a"), bytes("b"));
            await client.events.until(() => client.events.of("datagram").length > count / 3);
          }
        }
        expect(client.events.of("streamsAvailable")).toEqual([]);
      }),
    );
  });
}

function other(direction: StreamDirection): StreamDirection {
  return direction === "bidirectional" ? "unidirectional" : "bidirectional";
}
