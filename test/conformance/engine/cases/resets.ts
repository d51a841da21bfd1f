import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import { bytes, openStream, passed, pattern } from "../world.ts";

export function resetCases(factory: EngineFactory): void {
  describe("reset()", () => {
    it(
      "ends the sending half with its code and final size, and leaves the other one",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "bidirectional");
        client.quic.write(streamId, bytes("begun"), false);
        await server.events.until(() => server.events.text(streamId) === "begun");
        client.quic.reset(streamId, 42n);
        expect(await server.events.first("reset")).toEqual({
          type: "reset",
          streamId,
          code: 42n,
          finalSize: 5,
          reliableSize: 0,
        });
        server.quic.write(streamId, bytes("still here"), true);
        await client.events.until(() => client.events.hasFin(streamId));
        expect(client.events.text(streamId)).toBe("still here");
      }),
    );

    it(
      "drops what is queued, is finished once when it is acknowledged, and holds",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { streamReceiveWindow: 1000 } });
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, pattern(100_000), true);
        await server.events.first("data");
        client.quic.reset(streamId, 1n);
        client.quic.reset(streamId, 2n);
        client.quic.write(streamId, bytes("late"), true);
        await client.events.first("finished");
        expect(await server.events.first("reset")).toMatchObject({ code: 1n });
        await passed(client, server);
        expect(client.events.of("finished").filter((event) => event.streamId === streamId)).toHaveLength(1);
        expect(server.events.of("reset")).toHaveLength(1);
        expect(server.events.bytes(streamId).byteLength).toBeLessThan(100_000);
        expect(server.events.hasFin(streamId)).toBe(false);
      }),
    );

    it(
      "makes a stream known that nothing was written to",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.reset(streamId, 3n);
        expect(await server.events.first("reset")).toEqual({
          type: "reset",
          streamId,
          code: 3n,
          finalSize: 0,
          reliableSize: 0,
        });
        expect(server.events.of("streamOpened")).toHaveLength(1);
      }),
    );

    it(
      "keeps the beginning of a stream reliable where both sides have RESET_STREAM_AT",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { initialCredit: 4 } });
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, bytes("kept, and lost"), false);
        client.quic.reset(streamId, 8n, 4);
        const { code, reliableSize } = await server.events.first("reset");
        expect(code).toBe(8n);
        expect(reliableSize).toBe(client.info.resetStreamAt ? 4 : 0);
        if (client.info.resetStreamAt) expect(server.events.text(streamId).slice(0, 4)).toBe("kept");
        await client.events.first("finished");
        expect(server.events.hasFin(streamId)).toBe(false);
      }),
    );

    it(
      "tells the reset behind the reliable bytes only, as far as the credit goes",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { initialCredit: 0 } });
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, pattern(3000), false);
        client.quic.reset(streamId, 8n, 2000);
        if (!client.info.resetStreamAt) {
          await server.events.first("reset");
          return;
        }
        await passed(client, server);
        expect(server.events.of("reset")).toEqual([]);
        server.quic.grant(streamId, 1999);
        await server.events.until(() => server.events.bytes(streamId).byteLength === 1999);
        await passed(client, server);
        expect(server.events.of("reset")).toEqual([]);
        server.quic.grant(streamId, 1);
        await server.events.first("reset");
        expect(Buffer.compare(server.events.bytes(streamId), pattern(3000).subarray(0, 2000))).toBe(0);
        await client.events.first("finished", (event) => event.streamId === streamId);
      }),
    );

    it(
      "delivers reliable bytes that the peer's window did not allow yet",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({
          serverTransport: { initialCredit: 0, streamReceiveWindow: 1000 },
        });
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, pattern(5000), false);
        client.quic.reset(streamId, 5n, 4000);
        server.events.onEvent = ({ type }) => {
          if (type === "streamOpened") server.quic.grant(streamId, 5000);
        };
        const reset = await server.events.first("reset");
        expect(reset).toMatchObject({ streamId, code: 5n });
        if (client.info.resetStreamAt) {
          expect(reset.reliableSize).toBe(4000);
          expect(Buffer.compare(server.events.bytes(streamId).subarray(0, 4000), pattern(4000))).toBe(0);
        }
        await client.events.first("finished");
      }),
    );

    for (const by of ["a further reset()", "the peer's stop()"] as const) {
      it(
        `keeps code and final size when ${by} lowers the reliable size`,
        withWorld(factory, async (world) => {
          const transport = { initialCredit: 100, streamReceiveWindow: 1000 };
          const { client, server } = await world.pair({ serverTransport: transport });
          const streamId = openStream(client.quic, "unidirectional");
          client.quic.write(streamId, pattern(5000), false);
          await server.events.until(() => server.events.bytes(streamId).byteLength === 100);
          client.quic.reset(streamId, 5n, 4000);
          await passed(client, server);
          if (by === "the peer's stop()") {
            server.quic.stop(streamId, 6n);
          } else {
            // Neither raises it.
            client.quic.reset(streamId, 6n, 4001);
            client.quic.reset(streamId, 6n, 0);
            client.quic.reset(streamId, 7n, 4000);
          }
          const reset = await server.events.first("reset");
          expect(reset).toMatchObject({ streamId, code: 5n, reliableSize: 0 });
          expect(reset.finalSize).toBeGreaterThanOrEqual(100);
          await client.events.first("finished", (event) => event.streamId === streamId);
          await passed(client, server);
          expect(client.events.of("finished").filter((event) => event.streamId === streamId)).toHaveLength(1);
          expect(client.events.of("stopped")).toEqual([]);
          expect(server.events.of("reset")).toHaveLength(1);
          expect(server.events.bytes(streamId)).toHaveLength(100);
        }),
      );
    }

    it(
      "keeps nothing reliable where one side does not have RESET_STREAM_AT",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ clientTransport: { resetStreamAt: false } });
        expect([client.info.resetStreamAt, server.info.resetStreamAt]).toEqual([false, false]);
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, pattern(100), false);
        client.quic.reset(streamId, 1n, 100);
        await server.events.first("reset");
        await client.events.first("finished");
      }),
    );
  });

  describe("stop()", () => {
    it(
      "is told with its code to an idle sender, and answered with RESET_STREAM of the same code",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "bidirectional");
        client.quic.write(streamId, bytes("begun"), false);
        await server.events.until(() => server.events.text(streamId) === "begun");
        server.quic.stop(streamId, 11n);
        expect(await client.events.first("stopped")).toEqual({ type: "stopped", streamId, code: 11n });
        expect(await server.events.first("reset")).toEqual({
          type: "reset",
          streamId,
          code: 11n,
          finalSize: 5,
          reliableSize: 0,
        });
        await client.events.first("finished", (event) => event.streamId === streamId);
        expect(client.quic.write(streamId, bytes("late"), false)).toBe(0);
        server.quic.write(streamId, bytes("other half"), true);
        await client.events.until(() => client.events.hasFin(streamId));
      }),
    );

    it(
      "is followed by no data, not even of the same turn",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "unidirectional");
        let isStopped = false;
        const late: number[] = [];
        server.events.onEvent = (event) => {
          if (event.type !== "data" || event.streamId !== streamId) return;
          if (isStopped) late.push(event.chunk.byteLength);
          isStopped = true;
          server.quic.stop(streamId, 1n);
          server.quic.grant(streamId, 1_000_000);
        };
        for (let count = 0; count < 50; count += 1) client.quic.write(streamId, pattern(3000), count === 49);
        await client.events.until(() => isStopped);
        await passed(client, server);
        expect(late).toEqual([]);
      }),
    );

    for (const where of ["outside of an event", "in an event"] as const) {
      it(
        `after a grant, before what it allowed is delivered, leaves the reset only (${where})`,
        withWorld(factory, async (world) => {
          const { client, server } = await world.pair({ serverTransport: { initialCredit: 1000 } });
          const streamId = openStream(client.quic, "unidirectional");
          client.quic.write(streamId, pattern(10_000), true);
          await client.events.first("finished");
          await passed(client, server);
          const delivered = server.events.bytes(streamId).byteLength;
          expect(delivered).toBe(1000);
          const grantAndStop = (): void => {
            server.quic.grant(streamId, 10_000);
            server.quic.stop(streamId, 7n);
          };
          if (where === "in an event") {
            server.events.onEvent = ({ type }) => {
              if (type === "streamOpened") grantAndStop();
            };
            client.quic.write(openStream(client.quic, "unidirectional"), bytes("x"), true);
          } else {
            grantAndStop();
          }
          const reset = await server.events.first("reset");
          expect(reset).toEqual({ type: "reset", streamId, code: 7n, finalSize: 10_000, reliableSize: 0 });
          await passed(client, server);
          await passed(server, client);
          expect(server.events.of("reset")).toHaveLength(1);
          expect(server.events.bytes(streamId)).toHaveLength(delivered);
          expect(server.events.hasFin(streamId)).toBe(false);
        }),
      );
    }

    it(
      "of a stream that the peer has not begun reaches its sender",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "bidirectional");
        client.quic.stop(streamId, 6n);
        expect(await server.events.first("stopped")).toEqual({ type: "stopped", streamId, code: 6n });
        expect(server.events.of("streamOpened")).toHaveLength(1);
        expect(await client.events.first("reset")).toMatchObject({ streamId, code: 6n, finalSize: 0 });
      }),
    );

    for (const order of ["reset() and stop()", "stop() and reset()"]) {
      it(
        `leaves before the reset of the same turn: ${order}`,
        withWorld(factory, async (world) => {
          const { client, server } = await world.pair();
          const streamId = openStream(client.quic, "bidirectional");
          client.quic.write(streamId, bytes("begun"), false);
          await server.events.until(() => server.events.text(streamId) === "begun");
          server.quic.write(streamId, bytes("answer"), false);
          await client.events.until(() => client.events.text(streamId) === "answer");
          if (order.startsWith("reset")) server.quic.reset(streamId, 77n);
          server.quic.stop(streamId, 77n);
          if (order.startsWith("stop")) server.quic.reset(streamId, 77n);
          await client.events.first("stopped");
          await client.events.first("reset");
          const ends = client.events.events.map(({ type }) => type).filter((type) => /^(stopped|reset)$/.test(type));
          expect(ends).toEqual(["stopped", "reset"]);
        }),
      );
    }

    it(
      "after everything was acknowledged tells the sender nothing",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { initialCredit: 1 } });
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, bytes("complete"), true);
        await client.events.first("finished");
        server.quic.stop(streamId, 1n);
        await passed(server, client);
        await passed(client, server);
        expect(client.events.of("stopped")).toEqual([]);
        expect(server.events.text(streamId)).toBe("c");
      }),
    );

    it(
      "and reset that cross end the stream once",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, bytes("x"), false);
        await server.events.first("data");
        client.quic.reset(streamId, 1n);
        server.quic.stop(streamId, 2n);
        await client.events.first("finished", (event) => event.streamId === streamId);
        await passed(server, client);
        await passed(client, server);
        expect(client.events.of("stopped")).toEqual([]);
        expect(server.events.of("reset").map(({ code }) => code)).toEqual([1n]);
        expect(client.events.of("finished").filter((event) => event.streamId === streamId)).toHaveLength(1);
      }),
    );
  });
}
