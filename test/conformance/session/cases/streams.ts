import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../../engine/under-test.ts";
import { pattern } from "../../engine/world.ts";
import type { SessionWorld } from "../session-world.ts";
import { given, rejection, text, withSessions } from "../with-sessions.ts";

type Side = "client" | "server";
const sides: [from: Side, to: Side][] = [
  ["client", "server"],
  ["server", "client"],
];

/** WebTransport application codes at the borders of the mapping (draft §4.4: every 31st wire code is reserved). */
const codes = [0, 29, 30, 2 ** 32 - 1];

export function streamCases(factory: EngineFactory): void {
  for (const [from, to] of sides) {
    describe(`streams that the ${from} opens`, () => {
      async function bidirectional(world: SessionWorld) {
        const session = await world.session();
        const stream = await session[from].createBidirectionalStream();
        await stream.write("begun");
        const incoming = given(await session[to].incomingBidirectionalStreams.next());
        expect(text(await incoming.readExactly(5))).toBe("begun");
        return { session, stream, incoming };
      }

      it(
        "carry bytes one way",
        withSessions(factory, async (world) => {
          const session = await world.session();
          const stream = await session[from].createUnidirectionalStream();
          await stream.writeAll("all of it");
          const incoming = given(await session[to].incomingUnidirectionalStreams.next());
          expect(incoming.id).toBe(stream.id);
          expect(text(await incoming.readAll())).toBe("all of it");
          await Promise.all([stream.writeClosed, stream.closed, incoming.readClosed, incoming.closed]);
          expect([stream.state, incoming.state]).toEqual(["closed", "closed"]);
          expect([stream.bytesWritten, incoming.bytesRead]).toEqual([9, 9]);
        }),
      );

      it(
        "end each direction by itself",
        withSessions(factory, async (world) => {
          const { stream, incoming } = await bidirectional(world);
          stream.finish();
          expect(await incoming.read()).toBeNull();
          expect(incoming.state).toBe("half_closed_remote");
          await incoming.write("still ");
          await incoming.writeAll("open");
          expect(text(await stream.readAll())).toBe("still open");
          await Promise.all([stream.closed, incoming.closed]);
        }),
      );

      it(
        "of no bytes are known to the peer all the same",
        withSessions(factory, async (world) => {
          const session = await world.session();
          const silent = await session[from].createUnidirectionalStream();
          const incoming = given(await session[to].incomingUnidirectionalStreams.next());
          expect(incoming.id).toBe(silent.id);
          silent.finish();
          expect((await incoming.readAll()).byteLength).toBe(0);
        }),
      );

      it(
        "carry megabytes against a reader that takes its time",
        withSessions(factory, async (world) => {
          const session = await world.session();
          const sent = world.bytes(2_000_000);
          const stream = await session[from].createUnidirectionalStream();
          const written = stream.writeAll(sent);
          const incoming = given(await session[to].incomingUnidirectionalStreams.next());
          const chunks: Uint8Array[] = [];
          let most = 0;
          for await (const chunk of incoming) {
            most = Math.max(most, session[to].getStats().bufferedBytes);
            chunks.push(chunk);
          }
          expect(Buffer.compare(Buffer.concat(chunks), sent)).toBe(0);
          expect(most).toBeLessThanOrEqual(65_536);
          await written;
          await stream.writeClosed;
        }),
      );

      for (const code of codes) {
        it(
          `tell the code ${code} of a reset and of a stop`,
          withSessions(factory, async (world) => {
            const { stream, incoming } = await bidirectional(world);
            stream.reset(code);
            expect(await rejection(incoming.read())).toMatchObject({
              name: "StreamError",
              code: "ERR_WT_STREAM_RESET",
              streamErrorCode: code,
            });
            stream.stop(code);
            const stopped = { name: "StreamError", code: "ERR_WT_STREAM_STOPPED", streamErrorCode: code };
            expect(await rejection(incoming.writeClosed)).toMatchObject(stopped);
            expect(await rejection(incoming.write("late"))).toMatchObject(stopped);
            expect(incoming.isWritable).toBe(false);
            expect(await stream.read()).toBeNull();
            expect(await rejection(stream.write("late"))).toMatchObject({ code: "ERR_WT_STREAM_RESET" });
          }),
        );
      }

      it(
        "tell null for a wire code that no application has sent",
        withSessions(factory, async (world) => {
          const { stream, incoming } = await bidirectional(world);
          world[from].quic.reset(stream.id, 0x10cn);
          const unmapped = { streamErrorCode: null, errorCode: 0x10c };
          expect(await rejection(incoming.read())).toMatchObject(unmapped);
          world[from].quic.stop(stream.id, 0x52e4a40fa8f9n);
          expect(await rejection(incoming.writeClosed)).toMatchObject({ streamErrorCode: null });
        }),
      );

      it(
        "tell a stop to a sender that is idle, and one that waits",
        withSessions(factory, async (world) => {
          const { stream, incoming } = await bidirectional(world);
          const waiting = rejection(stream.write(world.bytes(2_000_000)));
          incoming.stop(7);
          expect(await waiting).toMatchObject({ streamErrorCode: 7 });
          const idle = incoming;
          const ended = rejection(idle.writeClosed);
          stream.stop(8);
          expect(await ended).toMatchObject({ streamErrorCode: 8 });
        }),
      );

      it(
        "reset one half and leave the other",
        withSessions(factory, async (world) => {
          const { stream, incoming } = await bidirectional(world);
          stream.reset(1);
          expect(await rejection(incoming.readAll())).toMatchObject({ streamErrorCode: 1 });
          await incoming.writeAll("unharmed");
          expect(text(await stream.readAll())).toBe("unharmed");
        }),
      );

      it(
        "refuse codes that are not 32 bits at the call",
        withSessions(factory, async (world) => {
          const { stream } = await bidirectional(world);
          for (const code of [-1, 2 ** 32, 0.5, Number.NaN]) {
            expect(() => {
              stream.reset(code);
            }).toThrow(RangeError);
            expect(() => {
              stream.stop(code);
            }).toThrow(RangeError);
          }
          expect([stream.isReadable, stream.isWritable]).toEqual([true, true]);
        }),
      );

      it(
        "give what was finished even if the other direction is reset",
        withSessions(factory, async (world) => {
          const { stream, incoming } = await bidirectional(world);
          await incoming.writeAll("answer");
          await incoming.writeClosed;
          incoming.stop(3);
          expect(text(await stream.readAll())).toBe("answer");
          expect(await rejection(stream.writeClosed)).toMatchObject({ streamErrorCode: 3 });
          expect(await rejection(stream.closed)).toMatchObject({ streamErrorCode: 3 });
        }),
      );
    });
  }

  describe("several streams", () => {
    it(
      "do not mix, in either direction",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const texts = Array.from({ length: 20 }, (_, index) => `stream ${index} `.repeat(50 * index));
        const echo = (async () => {
          let count = 0;
          for await (const stream of server.incomingBidirectionalStreams) {
            void stream.readAll().then((all) => stream.writeAll(all));
            count += 1;
            if (count === texts.length) break;
          }
        })();
        const echoed = await Promise.all(
          texts.map(async (content) => {
            const stream = await client.createBidirectionalStream();
            await stream.writeAll(content);
            return text(await stream.readAll());
          }),
        );
        await echo;
        expect(echoed).toEqual(texts);
      }),
    );

    it(
      "are sent by sendOrder, highest first, and are told of it",
      withSessions(
        factory,
        async (world) => {
          const { client, server } = await world.session();
          const filler = await client.createUnidirectionalStream({ sendOrder: 100 });
          void filler.writeAll(pattern(200_000));
          const orders = [-5, 7, 0];
          for (const sendOrder of orders) {
            const stream = await client.createUnidirectionalStream({ sendOrder });
            expect(stream.sendOrder).toBe(sendOrder);
            void stream.writeAll(pattern(80_000 + sendOrder));
          }
          const ended: number[] = [];
          const reading: Promise<void>[] = [];
          for (let count = 0; count < 4; count += 1) {
            const stream = given(await server.incomingUnidirectionalStreams.next());
            reading.push(
              stream.readAll().then((all) => {
                ended.push(all.byteLength);
              }),
            );
          }
          await Promise.all(reading);
          expect(ended.filter((size) => size !== 200_000)).toEqual([80_007, 80_000, 79_995]);
        },
        { serverTransport: { receiveWindow: 100_000, streamReceiveWindow: 100_000 } },
      ),
    );
  });

  describe("reading", () => {
    it(
      "takes lines, records and exact counts however the bytes come",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const stream = await client.createUnidirectionalStream();
        await stream.writeAll("first line\r\nsecond\n--abc--rest");
        const incoming = given(await server.incomingUnidirectionalStreams.next());
        expect(await incoming.readLine()).toBe("first line");
        expect(await incoming.readLine()).toBe("second");
        expect(text(await incoming.readExactly(2))).toBe("--");
        expect(text(await incoming.readUntil("--"))).toBe("abc--");
        expect(await rejection(incoming.readExactly(5))).toMatchObject({ code: "ERR_WT_STREAM_ENDED_EARLY" });
        expect(await incoming.read()).toBeNull();
      }),
    );

    it(
      "is taken back by a signal without losing bytes",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const stream = await client.createUnidirectionalStream();
        await stream.write("12");
        const incoming = given(await server.incomingUnidirectionalStreams.next());
        expect(text(await incoming.readExactly(2))).toBe("12");
        const abort = new AbortController();
        const reading = incoming.read({ signal: abort.signal });
        abort.abort(new Error("later"));
        expect(await rejection(reading)).toMatchObject({ message: "later" });
        await stream.writeAll("34");
        expect(text(await incoming.readAll())).toBe("34");
      }),
    );
  });
}
