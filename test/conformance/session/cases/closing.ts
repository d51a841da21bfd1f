import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../../engine/under-test.ts";
import { given, rejection, text, withSessions } from "../with-sessions.ts";

const sides = [
  ["client", "server"],
  ["server", "client"],
] as const;

export function closingCases(factory: EngineFactory, keepsDatagrams: boolean): void {
  for (const [from, to] of sides) {
    describe(`close() of the ${from}`, () => {
      it(
        "gives code and reason to both sides",
        withSessions(factory, async (world) => {
          const session = await world.session();
          const { signal } = session[to];
          await session[from].close({ code: 0xffff_ffff, reason: "see you 👋" });
          const end = { clean: true, code: 0xffff_ffff, reason: "see you 👋" };
          expect(await session[from].closed).toEqual({ ...end, by: "local" });
          expect(await session[to].closed).toEqual({ ...end, by: "peer" });
          expect(await session[to].waitClosed()).toEqual({ ...end, by: "peer" });
          expect([session[from].state, session[to].state]).toEqual(["closed", "closed"]);
          expect(signal.aborted).toBe(true);
          expect(session[from].signal.aborted).toBe(true);
        }),
      );

      it(
        "is code 0 without a reason by default, and harmless when repeated",
        withSessions(factory, async (world) => {
          const session = await world.session();
          await Promise.all([session[from].close(), session[from].close({ code: 5 })]);
          await session[from].close({ code: 6 });
          expect(await session[to].closed).toEqual({ clean: true, code: 0, reason: "", by: "peer" });
          await session[to].close({ code: 7 });
          expect(await session[from].closed).toMatchObject({ code: 0, by: "local" });
        }),
      );

      it(
        "cuts a reason at 1024 bytes, between characters",
        withSessions(factory, async (world) => {
          const session = await world.session();
          await session[from].close({ reason: `${"x".repeat(1022)}€${"y".repeat(10)}` });
          expect(await session[to].closed).toMatchObject({ reason: "x".repeat(1022) });
          const other = await world.session();
          await other[from].close({ reason: `${"x".repeat(1021)}€more` });
          expect(await other[to].closed).toMatchObject({ reason: `${"x".repeat(1021)}€` });
        }),
      );

      it(
        "refuses a code that is not 32 bits at the call",
        withSessions(factory, async (world) => {
          const session = await world.session();
          for (const code of [-1, 2 ** 32, 1.5]) {
            expect(() => session[from].close({ code })).toThrow(RangeError);
          }
          expect(session[from].isReady).toBe(true);
        }),
      );

      it(
        "first delivers what was finished, and resets what was not",
        withSessions(factory, async (world) => {
          const session = await world.session();
          const sent = world.bytes(600_000);
          const finished = await session[from].createUnidirectionalStream();
          void finished.writeAll(sent);
          const unfinished = await session[from].createUnidirectionalStream();
          await unfinished.write("never finished");
          const first = given(await session[to].incomingUnidirectionalStreams.next());
          const second = given(await session[to].incomingUnidirectionalStreams.next());
          const [whole, half] = first.id === finished.id ? [first, second] : [second, first];
          const ended = rejection(half.readAll());
          const closing = session[from].close({ code: 4, reason: "done" });
          expect(session[from].state).toBe("closing");
          expect(await rejection(session[from].createUnidirectionalStream())).toMatchObject({ name: "SessionError" });
          expect(Buffer.compare(await whole.readAll(), sent)).toBe(0);
          await closing;
          await finished.writeClosed;
          const end = { name: "SessionError", closeCode: 4, reason: "done" };
          expect(await ended).toMatchObject(end);
          expect(await rejection(unfinished.writeClosed)).toMatchObject(end);
        }),
      );

      it(
        "is done after closeTimeout with a reader that never reads",
        withSessions(
          factory,
          async (world) => {
            const session = await world.session();
            const stream = await session[from].createUnidirectionalStream();
            void stream.writeAll(world.bytes(3_000_000));
            await session[to].incomingUnidirectionalStreams.next();
            const closing = session[from].close({ code: 1 });
            await world.elapsing(1000, closing);
            expect(await rejection(stream.writeClosed)).toMatchObject({ name: "SessionError" });
            expect(await session[to].closed).toMatchObject({ clean: true, code: 1 });
          },
          { client: { closeTimeout: 300 }, server: { closeTimeout: 300 } },
        ),
      );

      it(
        "with abort waits for no delivery",
        withSessions(factory, async (world) => {
          const session = await world.session();
          const stream = await session[from].createUnidirectionalStream();
          void stream.writeAll(world.bytes(3_000_000));
          await session[from].close({ code: 9, abort: true });
          expect(await rejection(stream.writeClosed)).toMatchObject({ closeCode: 9 });
          expect(await session[to].closed).toMatchObject({ clean: true, code: 9 });
        }),
      );

      it(
        "leaves what had arrived to be read",
        withSessions(factory, async (world) => {
          const session = await world.session();
          const stream = await session[from].createUnidirectionalStream();
          await stream.writeAll("complete");
          await session[from].close();
          await session[to].closed;
          const incoming = given(await session[to].incomingUnidirectionalStreams.next());
          expect(text(await incoming.readAll())).toBe("complete");
          expect(await session[to].incomingUnidirectionalStreams.next()).toBeNull();
        }),
      );

      if (keepsDatagrams) {
        it(
          "delivers queued datagrams first",
          withSessions(factory, async (world) => {
            const session = await world.session();
            for (let count = 0; count < 20; count += 1) void session[from].datagrams.send(`${count}`);
            await session[from].close();
            await session[to].closed;
            const received: unknown[] = [];
            for await (const datagram of session[to].datagrams) received.push(text(datagram));
            // They may overtake each other, and be overtaken by the end.
            expect(received.length).toBeGreaterThan(0);
          }),
        );
      }
    });
  }

  describe("close() of both sides", () => {
    it(
      "at once ends both cleanly, each by the first that it knows of",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        await Promise.all([client.close({ code: 1 }), server.close({ code: 2 })]);
        const [atClient, atServer] = await Promise.all([client.closed, server.closed]);
        expect([atClient.clean, atServer.clean]).toEqual([true, true]);
        if (atClient.clean) expect(atClient.code).toBe(atClient.by === "local" ? 1 : 2);
        if (atServer.clean) expect(atServer.code).toBe(atServer.by === "local" ? 2 : 1);
      }),
    );
  });

  describe("await using", () => {
    it(
      "closes a session",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        await client[Symbol.asyncDispose]();
        expect(await server.closed).toEqual({ clean: true, code: 0, reason: "", by: "peer" });
      }),
    );
  });
}
