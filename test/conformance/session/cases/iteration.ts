import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../../engine/under-test.ts";
import { given, rejection, text, withSessions } from "../with-sessions.ts";

export function iterationCases(factory: EngineFactory): void {
  describe("iteration", () => {
    it(
      "of a stream stops it with code 0 on break",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const stream = await client.createUnidirectionalStream();
        await stream.write("first");
        const incoming = given(await server.incomingUnidirectionalStreams.next());
        for await (const chunk of incoming) {
          expect(chunk.byteLength).toBeGreaterThan(0);
          break;
        }
        expect(incoming.isReadable).toBe(false);
        expect(await rejection(stream.writeClosed)).toMatchObject({ streamErrorCode: 0 });
      }),
    );

    it(
      "of incoming streams ends nothing on break, and goes on where it was",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        for (const content of ["1", "2", "3"]) {
          const stream = await client.createUnidirectionalStream();
          await stream.writeAll(content);
          await stream.writeClosed;
        }
        const texts: unknown[] = [];
        for await (const stream of server.incomingStreams()) {
          texts.push(text(await stream.readAll()));
          break;
        }
        expect(server.isReady).toBe(true);
        for await (const stream of server.incomingUnidirectionalStreams) {
          texts.push(text(await stream.readAll()));
          if (texts.length === 3) break;
        }
        expect(texts).toEqual(["1", "2", "3"]);
      }),
    );

    it(
      "of incoming streams and datagrams finishes with a clean end",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const finished = Promise.all([
          drain(server.incomingStreams()),
          drain(server.incomingBidirectionalStreams),
          drain(server.datagrams),
        ]);
        await client.close({ code: 3 });
        expect(await finished).toEqual([0, 0, 0]);
      }),
    );

    it(
      "of incoming streams and datagrams throws when the session does not end cleanly",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const thrown = [
          rejection(drain(server.incomingStreams())),
          rejection(drain(server.incomingUnidirectionalStreams)),
          rejection(drain(server.datagrams)),
        ];
        world.client.quic.reset(0, 0x10cn);
        for (const error of await Promise.all(thrown)) expect(error).toMatchObject({ name: "SessionError" });
        await client.closed;
      }),
    );
  });
}

async function drain(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const item of items) count += item === undefined ? 0 : 1;
  return count;
}
