import { describe, expect, it } from "vitest";

import type { QuicEndpoint } from "../../../../src/engine/engine.ts";
import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import { openStream, passed, pattern } from "../world.ts";

/** The numbers of all slots, read `size` at a time. */
function survey(endpoint: QuicEndpoint, size: number): { readonly slots: number; readonly roundTrips: number[] } {
  const piece = new Float64Array(size);
  const roundTrips: number[] = [];
  for (let first = 0; ; first += size) {
    const slots = endpoint.survey(first, piece);
    roundTrips.push(...Array.from(piece).filter((value) => !Number.isNaN(value)));
    if (first + size >= slots) return { slots, roundTrips };
  }
}

export function surveyCases(factory: EngineFactory): void {
  describe("survey()", () => {
    it(
      "gives the round-trip time of each established connection, in any number of pieces",
      withWorld(factory, async (world) => {
        const { endpoint, acceptor } = await world.server();
        expect(survey(endpoint, 2).roundTrips).toEqual([]);
        const from = await world.endpoint();
        for (let count = 1; count <= 3; count += 1) {
          const client = world.connect(from, endpoint.localAddress);
          await client.events.first("connected");
          await acceptor.connectionNumber(count);
        }
        for (const size of [1, 2, 3, 5]) {
          const { slots, roundTrips } = survey(endpoint, size);
          expect(slots).toBeGreaterThanOrEqual(3);
          const expected = acceptor.accepted.map(({ quic }) => quic.getStats().rtt);
          expect(roundTrips.toSorted()).toEqual(expected.toSorted());
        }
        const { quic, events } = acceptor.accepted[1]!;
        quic.close(0n, "");
        await events.first("closed");
        expect(survey(endpoint, 2).roundTrips).toHaveLength(2);
      }),
    );

    it(
      "counts each packet of its connections once, and what is left of them at their end",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        client.quic.write(openStream(client.quic, "unidirectional"), pattern(10_000), true);
        await passed(client, server);
        for (let times = 0; times < 3; times += 1) {
          survey(server.endpoint, 4);
          const { packets } = server.endpoint.getStats();
          const { packetsSent, packetsReceived, packetsLost, bytesSent, bytesReceived } = server.quic.getStats();
          expect(packets).toEqual({ packetsSent, packetsReceived, packetsLost, bytesSent, bytesReceived });
        }
        const { packets: before } = server.endpoint.getStats();
        client.quic.close(0n, "");
        await server.events.first("closed");
        await server.endpoint.close(0n, "");
        const { packets } = server.endpoint.getStats();
        expect(packets.bytesReceived).toBeGreaterThanOrEqual(before.bytesReceived);
        expect(packets.packetsSent).toBeGreaterThanOrEqual(before.packetsSent);
        expect(server.endpoint.survey(0, new Float64Array(1))).toBe(0);
      }),
    );
  });
}
