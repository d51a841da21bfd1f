import { describe, expect, it } from "vitest";

import type { WebTransportSendStream } from "../../../../src/transport/streams/send-stream.ts";
import type { EngineFactory } from "../../engine/under-test.ts";
import { withSessions } from "../with-sessions.ts";

/** Bytes that each stream sends: many times what the server's end takes at a time. */
const length = 600_000;
const serverWindow = 100_000;

export function sharingCases(factory: EngineFactory): void {
  describe("sessions of one connection", () => {
    it(
      "share what a receiver that holds back lets through, however many send groups they have",
      withSessions(
        factory,
        async (world) => {
          const filling = await world.session();
          const [many, one] = [await world.session(), await world.session()];
          const read = new Map<number, number>();
          const total = (streams: readonly WebTransportSendStream[]): number =>
            streams.reduce((sum, { id }) => sum + (read.get(id) ?? 0), 0);
          const open = [many, many, many, many, one].map(({ client }, index) =>
            client.createUnidirectionalStream({ sendGroup: client.createSendGroup(), sendOrder: -index }),
          );
          const streams = await Promise.all(open);
          const grouped = streams.slice(0, 4);
          const single = streams.slice(4);
          let groupedAtSinglesEnd: number[] | undefined;
          const readAll = async ({ server }: typeof many, count: number): Promise<void> => {
            const reading: Promise<void>[] = [];
            for await (const incoming of server.incomingUnidirectionalStreams) {
              const readOne = async (): Promise<void> => {
                for await (const chunk of incoming) read.set(incoming.id, (read.get(incoming.id) ?? 0) + chunk.length);
                if (server === one.server) groupedAtSinglesEnd = grouped.map((stream) => total([stream]));
              };
              reading.push(readOne());
              if (reading.length === count) break;
            }
            await Promise.all(reading);
          };
          const reading = [readAll(many, 4), readAll(one, 1)];
          // Fills the window, so that the others wait together.
          const filler = await filling.client.createUnidirectionalStream();
          const filled = filler.writeAll(world.bytes(serverWindow));
          void filling.server.incomingUnidirectionalStreams.next().then((incoming) => incoming?.readAll());
          const sent = world.bytes(length);
          await Promise.all(streams.map((stream) => stream.writeAll(sent)));
          await Promise.all([...reading, ...streams.map((stream) => stream.writeClosed), filled]);
          expect([total(grouped), total(single)]).toEqual([4 * sent.length, sent.length]);
          const shares = groupedAtSinglesEnd ?? [];
          const sum = shares.reduce((all, share) => all + share, 0);
          expect(Math.abs(sum - sent.length)).toBeLessThanOrEqual(sent.length / 4);
          for (const share of shares) expect(Math.abs(share - sum / 4)).toBeLessThanOrEqual(sent.length / 6);
        },
        { serverWindow },
      ),
    );

    it(
      "say what concerns a session before streams of the highest order are through",
      withSessions(
        factory,
        async (world) => {
          const { client, server } = await world.session();
          const stream = await client.createUnidirectionalStream({ sendOrder: 1_000_000 });
          const sent = world.bytes(length);
          const writing = stream.writeAll(sent);
          client.drain();
          const incoming = await server.incomingUnidirectionalStreams.next();
          let read = 0;
          let readWhenDraining: number | undefined;
          void server.draining.then(() => {
            readWhenDraining = read;
          });
          while (incoming !== null) {
            const chunk = await incoming.read();
            if (chunk === null) break;
            read += chunk.length;
          }
          await writing;
          expect(read).toBe(sent.length);
          expect(readWhenDraining).toBeLessThan(sent.length / 2);
        },
        { serverWindow },
      ),
    );
  });
}
