import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../../engine/under-test.ts";
import { given, rejection, withSessions } from "../with-sessions.ts";

export function waitingCases(factory: EngineFactory): void {
  describe("a stream beyond the peer's limit", () => {
    // The client's control stream is one of them.
    const serverTransport = { maxIncomingUnidirectionalStreams: 2 };

    it(
      "waits until another one has ended",
      withSessions(
        factory,
        async (world) => {
          const { client, server } = await world.session();
          const first = await client.createUnidirectionalStream();
          await first.write("holds the place");
          let isOpen = false;
          const second = client.createUnidirectionalStream({ timeout: 0 }).then((stream) => {
            isOpen = true;
            return stream;
          });
          const incoming = given(await server.incomingUnidirectionalStreams.next());
          expect(isOpen).toBe(false);
          expect(world.client.connection.counts.waiters).toBe(1);
          first.finish();
          await incoming.readAll();
          expect((await second).isWritable).toBe(true);
        },
        { serverTransport },
      ),
    );

    it(
      "is given up after its timeout, by its signal, and with the session",
      withSessions(
        factory,
        async (world) => {
          const { client } = await world.session();
          const first = await client.createUnidirectionalStream();
          await first.write("holds the place");
          const late = rejection(client.createUnidirectionalStream({ timeout: 100 }));
          expect(await world.elapsing(200, late)).toMatchObject({ name: "TimeoutError", timeoutDuration: 100 });
          const abort = new AbortController();
          const aborted = rejection(client.createUnidirectionalStream({ signal: abort.signal }));
          abort.abort(new Error("enough"));
          expect(await aborted).toMatchObject({ message: "enough" });
          const last = rejection(client.createUnidirectionalStream({ timeout: 0 }));
          await client.close({ abort: true });
          expect(await last).toMatchObject({ name: "SessionError" });
          expect(world.client.connection.counts.waiters).toBe(0);
        },
        { serverTransport },
      ),
    );
  });

  describe("write()", () => {
    it(
      "waits while a reader does not read, and goes on with it",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const stream = await client.createUnidirectionalStream();
        const sent = world.bytes(3_000_000);
        let isWritten = false;
        const writing = stream.write(sent).then(() => {
          isWritten = true;
        });
        const incoming = given(await server.incomingUnidirectionalStreams.next());
        await world.passed();
        expect(isWritten).toBe(false);
        expect(Buffer.compare(await incoming.readExactly(sent.byteLength), sent)).toBe(0);
        await writing;
        await stream.flush();
      }),
    );

    it(
      "times out when nothing is taken",
      withSessions(
        factory,
        async (world) => {
          const { client } = await world.session();
          const stream = await client.createUnidirectionalStream();
          await stream.write("x");
          await world.passed();
          const writing = rejection(stream.write(world.bytes(3_000_000)));
          await world.passed();
          expect(await world.elapsing(1000, writing)).toMatchObject({ name: "TimeoutError" });
        },
        { client: { writeTimeout: 300 } },
      ),
    );
  });
}
