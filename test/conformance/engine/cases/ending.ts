import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import type { Ends, World } from "../world.ts";
import { bytes, openStream, passed, pattern } from "../world.ts";

export function endingCases(factory: EngineFactory): void {
  describe("close()", () => {
    for (const from of ["client", "server"] as const) {
      it(
        `tells code and reason to both sides, once, as the last event (by the ${from})`,
        withWorld(factory, async (world) => {
          const ends = await world.pair();
          const closer = ends[from];
          const other = ends[from === "client" ? "server" : "client"];
          closer.quic.close(0x1234n, "good bye 👋");
          const common = { kind: "application", code: 0x1234n, reason: "good bye 👋" };
          expect((await closer.events.first("closed")).info).toEqual({ by: "local", ...common });
          expect((await other.events.first("closed")).info).toEqual({ by: "peer", ...common });
          for (const { events } of [closer, other]) {
            await events.until(() => events.events.at(-1)?.type === "turnEnded");
            expect(events.events.at(-2)?.type).toBe("closed");
            expect(events.of("closed")).toHaveLength(1);
          }
        }),
      );
    }

    it(
      "discards what is not sent",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, bytes("never sent"), true);
        client.quic.close(0n, "");
        await server.events.first("closed");
        expect(server.events.of("streamOpened")).toEqual([]);
        expect(client.events.of("finished")).toEqual([]);
      }),
    );

    it(
      "comes behind what had been delivered, read or not, whatever the credit",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { initialCredit: 10 } });
        const [first = 0, second = 0] = [0, 1].map(() => openStream(client.quic, "unidirectional"));
        const sent = pattern(30_000);
        client.quic.write(first, sent, true);
        client.quic.write(second, bytes("no end, but all of it"), false);
        await client.events.first("finished", (event) => event.streamId === first);
        await passed(client, server);
        expect(server.events.bytes(first).byteLength).toBe(10);
        client.quic.close(0n, "");
        await server.events.first("closed");
        expect(Buffer.compare(server.events.bytes(first), sent)).toBe(0);
        expect(server.events.hasFin(first)).toBe(true);
        expect(server.events.text(second)).toBe("no end, but all of it");
        const types = server.events.events.map(({ type }) => type).filter((type) => type !== "turnEnded");
        expect(types.at(-1)).toBe("closed");
      }),
    );

    it(
      "of both sides at once ends both, each by itself or by the other",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        client.quic.close(1n, "client");
        server.quic.close(2n, "server");
        const infos = [await client.events.first("closed"), await server.events.first("closed")];
        expect(infos.map(({ info }) => info.kind)).toEqual(["application", "application"]);
        expect([client.events.of("closed").length, server.events.of("closed").length]).toEqual([1, 1]);
      }),
    );

    it(
      "in a listener holds",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        server.events.onEvent = ({ type }) => {
          if (type === "streamOpened") server.quic.close(9n, "no streams here");
        };
        client.quic.write(openStream(client.quic, "unidirectional"), pattern(10_000), true);
        expect((await client.events.first("closed")).info).toMatchObject({ by: "peer", code: 9n });
        expect((await server.events.first("closed")).info).toMatchObject({ by: "local", code: 9n });
      }),
    );
  });

  describe("a connection that has ended", () => {
    it(
      "ignores calls",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "bidirectional");
        client.quic.write(streamId, bytes("begun"), false);
        await server.events.first("data");
        client.quic.close(0n, "");
        for (const { quic, events } of [client, server]) {
          await events.first("closed");
          expect(quic.open("unidirectional")).toBeUndefined();
          expect(quic.write(streamId, bytes("late"), true)).toBe(0);
          quic.reset(streamId, 1n);
          quic.stop(streamId, 1n);
          quic.grant(streamId, 1);
          quic.setPriority(streamId, 0, 0, 1);
          quic.close(2n, "again");
          expect(quic.maxDatagramSize()).toBe(0);
          expect(quic.sendDatagram(bytes("x"), bytes("y"))).toBe("unsupported");
          expect(quic.getStats().datagramsDropped).toBe(1);
          expect(() => quic.exportKeyingMaterial("label", bytes("context"), 32)).toThrow(
            expect.objectContaining({ code: "unavailable", message: expect.stringContaining("has ended") as string }),
          );
        }
        for (const { events } of [client, server]) {
          expect(events.of("closed")).toHaveLength(1);
          expect(events.of("reset")).toEqual([]);
        }
      }),
    );
  });

  describe("time-outs", () => {
    async function disturbed(world: World, idle: { client: number; server: number }): Promise<Ends & { cut(): void }> {
      const paths: Awaited<ReturnType<typeof world.under.path>>[] = [];
      const ends = await world.pair(
        {
          clientTransport: { maxIdleTimeout: idle.client, keepAliveInterval: 0 },
          serverTransport: { maxIdleTimeout: idle.server, keepAliveInterval: 0, initialCredit: 2 },
        },
        async (address) => {
          const path = await world.under.path(address);
          paths.push(path);
          return path.address;
        },
      );
      return {
        ...ends,
        cut: () => {
          paths[0]?.cut();
        },
      };
    }

    it(
      "of an idle connection end it on both sides after the smaller of the two, behind unread data",
      withWorld(factory, async (world) => {
        const { client, server, cut } = await disturbed(world, { client: 300, server: 60_000 });
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, bytes("unread"), false);
        await server.events.first("data");
        await passed(client, server);
        cut();
        await world.under.elapse(1000);
        for (const { events } of [client, server]) {
          expect((await events.first("closed")).info).toEqual({
            by: "transport",
            kind: "idle-timeout",
            code: 0n,
            reason: "",
          });
        }
        expect(server.events.text(streamId)).toBe("unread");
      }),
    );

    it(
      "do not end a connection that keeps itself alive",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          clientTransport: { maxIdleTimeout: 400, keepAliveInterval: 50 },
          serverTransport: { maxIdleTimeout: 400, keepAliveInterval: 0 },
        });
        const sent = server.quic.getStats().packetsReceived;
        // PINGs are events of their own, which nothing tells: count the packets.
        while (server.quic.getStats().packetsReceived < sent + 12) {
          await world.under.elapse(50);
          await new Promise(setImmediate);
        }
        expect(client.events.of("closed")).toEqual([]);
        await passed(client, server);
      }),
    );

    it(
      "of 0 are none",
      withWorld(factory, async (world) => {
        const { client, server } = await disturbed(world, { client: 0, server: 0 });
        await world.under.elapse(1e9);
        await passed(client, server);
      }),
    );
  });
}
