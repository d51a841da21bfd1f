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
      "are raised up to the configured ones as streams are used",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: { maxIncomingUnidirectionalStreams: 200, initialCredit: 0 },
        });
        let opened = 0;
        while (opened < 200) {
          const streamId = client.quic.open("unidirectional");
          if (streamId === undefined) {
            const told = client.events.of("streamsAvailable").length;
            await client.events.until(() => client.events.of("streamsAvailable").length > told);
          } else {
            opened += 1;
            client.quic.write(streamId, bytes("stays open"), false);
          }
        }
        expect(client.quic.open("unidirectional")).toBeUndefined();
        await server.events.until(() => server.events.of("streamOpened").length === 200);
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
