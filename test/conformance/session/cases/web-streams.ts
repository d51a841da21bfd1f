import { describe, expect, it } from "vitest";

import { StreamError } from "../../../../src/errors/errors.ts";
import type { EngineFactory } from "../../engine/under-test.ts";
import { given, rejection, text, withSessions } from "../with-sessions.ts";

export function webStreamCases(factory: EngineFactory): void {
  describe("readable and writable", () => {
    it(
      "carry bytes as Web Streams, end to end by pipeTo",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const stream = await client.createBidirectionalStream();
        const incoming = given(
          await Promise.all([server.incomingBidirectionalStreams.next(), stream.write("")]).then(([first]) => first),
        );
        const echoing = incoming.readable.pipeTo(incoming.writable);
        const sent = world.bytes(500_000);
        const writer = stream.writable.getWriter();
        const written = writer.write(sent).then(() => writer.close());
        const chunks: Uint8Array[] = [];
        for await (const chunk of stream.readable) chunks.push(chunk);
        expect(Buffer.compare(Buffer.concat(chunks), sent)).toBe(0);
        await Promise.all([echoing, written]);
      }),
    );

    it(
      "lock the direct methods of their half, and of no other",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const stream = await client.createBidirectionalStream();
        await stream.write("x");
        const incoming = given(await server.incomingBidirectionalStreams.next());
        expect(incoming.readable.locked).toBe(false);
        const locked = { code: "ERR_WT_STREAM_LOCKED" };
        expect(await rejection(incoming.read())).toMatchObject(locked);
        expect(await rejection(incoming.readAll())).toMatchObject(locked);
        await incoming.write("the other half is free");
        expect(incoming.writable.locked).toBe(false);
        expect(await rejection(incoming.write("no"))).toMatchObject(locked);
        incoming.reset(1);
        expect(await rejection(stream.readAll())).toMatchObject({ streamErrorCode: 1 });
      }),
    );

    it(
      "survive a reset without a catch anywhere",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const stream = await client.createBidirectionalStream();
        await stream.write("begun");
        const incoming = given(await server.incomingBidirectionalStreams.next());
        // Nobody listens to what these promises reject with.
        void incoming.readable.pipeThrough(new TransformStream()).pipeTo(new WritableStream());
        const writer = incoming.writable.getWriter();
        void writer.write(world.bytes(2_000_000));
        void writer.write("more");
        stream.reset(4);
        stream.stop(5);
        expect(await rejection(incoming.readClosed)).toMatchObject({ streamErrorCode: 4 });
        expect(await rejection(incoming.writeClosed)).toMatchObject({ streamErrorCode: 5 });
        expect(await rejection(incoming.closed)).toBeInstanceOf(StreamError);
      }),
    );

    it(
      "survive the end of the session without a catch anywhere",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const stream = await client.createBidirectionalStream();
        await stream.write("begun");
        const incoming = given(await server.incomingBidirectionalStreams.next());
        void incoming.readable.pipeTo(incoming.writable);
        void stream.read();
        void stream.writable.getWriter().write(world.bytes(2_000_000));
        void server.incomingUnidirectionalStreams.readable.pipeTo(new WritableStream());
        void server.datagrams.readable.pipeTo(new WritableStream());
        void client.datagrams.receive();
        void client.createUnidirectionalStream();
        world.client.quic.reset(0, 0x10cn);
        world.client.quic.stop(0, 0x10cn);
        expect(await server.closed).toMatchObject({ clean: false, by: "peer" });
        world.client.quic.close(0x10cn, "");
        await client.closed;
      }),
    );

    it(
      "pass the code of a cancel and an abort on",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const stream = await client.createBidirectionalStream();
        await stream.write("begun");
        const incoming = given(await server.incomingBidirectionalStreams.next());
        const error = (streamErrorCode: number): StreamError =>
          new StreamError("as it is", { code: "ERR_WT_STREAM_RESET", streamId: 0, streamErrorCode });
        await incoming.readable.cancel(error(17));
        await incoming.writable.abort(error(18));
        expect(await rejection(stream.writeClosed)).toMatchObject({ streamErrorCode: 17 });
        expect(await rejection(stream.readAll())).toMatchObject({ streamErrorCode: 18 });
      }),
    );

    it(
      "of incoming streams and datagrams give the same as their methods",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const reader = server.incomingUnidirectionalStreams.readable.getReader();
        const stream = await client.createUnidirectionalStream();
        await stream.writeAll("through a reader");
        const { value } = await reader.read();
        expect(text(await value?.readAll())).toBe("through a reader");
        await client.close();
        expect(await reader.read()).toEqual({ done: true, value: undefined });
      }),
    );
  });
}
