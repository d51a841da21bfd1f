import { describe, expect, it } from "vitest";

import type { QuicConnection } from "../../../../src/engine/engine.ts";
import type { Recorder } from "../recorder.ts";
import type { EngineFactory } from "../under-test.ts";
import { uncaughtDuring } from "../uncaught.ts";
import { withWorld } from "../with-world.ts";
import { bytes, openStream, passed, pattern } from "../world.ts";

/** Every call that a connection has, on this stream. */
function callEverything(quic: QuicConnection, streamId: number): void {
  quic.write(streamId, bytes("more"), true);
  quic.grant(streamId, 1000);
  quic.setPriority(streamId, 1, 1, 1);
  quic.sendDatagram(bytes("a"), bytes("b"));
  quic.stop(streamId, 1n);
  quic.reset(streamId, 1n);
  quic.maxDatagramSize();
  quic.getStats();
}

export function ruleCases(factory: EngineFactory): void {
  describe("rules", () => {
    it(
      "calls never emit an event before they return, inside a listener or outside",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const emitted: string[] = [];
        let calling = false;
        const watch = (events: Recorder): void => {
          events.onEvent = ({ type }) => {
            if (calling) emitted.push(type);
          };
        };
        watch(client.events);
        const streamId = openStream(client.quic, "bidirectional");
        server.events.onEvent = (event) => {
          if (calling) emitted.push(event.type);
          if (event.type !== "data") return;
          calling = true;
          server.quic.open("bidirectional");
          callEverything(server.quic, event.streamId);
          server.quic.close(0n, "");
          calling = false;
        };
        calling = true;
        client.quic.write(streamId, pattern(200_000), true);
        client.quic.grant(streamId, 10);
        client.quic.sendDatagram(bytes("a"), bytes("b"));
        calling = false;
        await client.events.first("closed");
        await server.events.first("closed");
        expect(emitted).toEqual([]);
      }),
    );

    it(
      "bytes given to a call are captured before it returns",
      withWorld(factory, async (world) => {
        const preamble = bytes("preamble");
        const starting = world.pair({ clientTransport: { preamble: [preamble] } });
        const { client, server } = await starting;
        preamble.fill(0);
        const data = bytes("written");
        const header = bytes("head ");
        const payload = bytes("payload");
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, data, true);
        client.quic.sendDatagram(header, payload);
        for (const given of [data, header, payload]) given.fill(0);
        await server.events.until(() => server.events.hasFin(streamId));
        expect(server.events.text(streamId)).toBe("written");
        expect(server.events.text(2)).toBe("preamble");
        expect(Buffer.from((await server.events.first("datagram")).bytes).toString()).toBe("head payload");
      }),
    );

    it(
      "calls on a stream that has ended or never was are ignored",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, bytes("all"), true);
        await client.events.first("finished");
        callEverything(client.quic, streamId);
        callEverything(server.quic, streamId);
        callEverything(client.quic, 4000);
        expect(client.quic.write(streamId, bytes("more"), true)).toBe(0);
        await passed(client, server);
        expect(server.events.text(streamId)).toBe("all");
        expect(client.events.of("finished").filter((event) => event.streamId === streamId)).toHaveLength(1);
        expect(server.events.of("reset")).toEqual([]);
      }),
    );

    it(
      "calls on a connection that has ended are ignored",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const streamId = openStream(client.quic, "bidirectional");
        client.quic.close(1n, "first");
        const during = [client.quic.open("bidirectional"), client.quic.write(streamId, bytes("x"), false)];
        callEverything(client.quic, streamId);
        await client.events.first("closed");
        await server.events.first("closed");
        for (const { quic } of [client, server]) {
          callEverything(quic, streamId);
          expect(quic.open("unidirectional")).toBeUndefined();
          expect(quic.sendDatagram(bytes("a"), bytes("b"))).toBe("unsupported");
          quic.close(2n, "second");
        }
        expect(during).toEqual([undefined, 0]);
        expect(client.events.of("closed")).toHaveLength(1);
        expect(server.events.of("closed").map(({ info }) => info.code)).toEqual([1n]);
      }),
    );

    it(
      "events of a turn are followed by one turnEnded per connection that had any",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const first = openStream(client.quic, "unidirectional");
        const second = openStream(client.quic, "unidirectional");
        client.quic.write(first, bytes("1"), true);
        client.quic.write(second, bytes("2"), true);
        await server.events.until(() => server.events.hasFin(first) && server.events.hasFin(second));
        await passed(server, client);
        client.quic.close(0n, "");
        for (const { events } of [client, server]) {
          await events.first("closed");
          await events.until(() => events.events.at(-1)?.type === "turnEnded");
          // A server's first turn may consist of nothing but `connection()`.
          const types = events.events.map(({ type }) => type).slice(events === server.events ? 1 : 0);
          expect(types.at(-2)).toBe("closed");
          types.forEach((type, index) => {
            if (type === "turnEnded") expect(types[index - 1]).not.toBe("turnEnded");
          });
          expect(types[0]).not.toBe("turnEnded");
        }
      }),
    );

    it(
      "a listener that throws is reported, and the next event comes",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const fault = new Error("a fault of the layer above");
        const reported = await uncaughtDuring(async () => {
          server.events.onEvent = ({ type }) => {
            if (type === "streamOpened") throw fault;
          };
          const streamId = openStream(client.quic, "unidirectional");
          client.quic.write(streamId, bytes("all the same"), true);
          await server.events.until(() => server.events.hasFin(streamId));
          await server.events.until(() => server.events.events.at(-1)?.type === "turnEnded");
          expect(server.events.text(streamId)).toBe("all the same");
        });
        expect(reported).toEqual([fault]);
        server.events.onEvent = () => {};
        await passed(client, server);
      }),
    );

    it(
      "an endpoint's listener that throws for a connection is reported, and the connection closed",
      withWorld(factory, async (world) => {
        const { endpoint, acceptor } = await world.server();
        const from = await world.endpoint();
        const fault = new Error("not today");
        const reported = await uncaughtDuring(async () => {
          acceptor.onConnection = () => {
            throw fault;
          };
          const { events } = world.connect(from, endpoint.localAddress);
          expect((await events.first("closed")).info).toMatchObject({ by: "peer", kind: "application" });
        });
        expect(reported).toEqual([fault]);
        acceptor.onConnection = () => {};
        const { events } = world.connect(from, endpoint.localAddress);
        await events.first("connected");
      }),
    );

    it(
      "stream ids are those of RFC 9000",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const ids = (quic: QuicConnection): (number | undefined)[] => [
          quic.open("bidirectional"),
          quic.open("bidirectional"),
          quic.open("unidirectional"),
          quic.open("unidirectional"),
        ];
        expect(ids(client.quic)).toEqual([0, 4, 2, 6]);
        expect(ids(server.quic)).toEqual([1, 5, 3, 7]);
      }),
    );

    it(
      "error codes have 62 bits",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const code = 2n ** 62n - 1n;
        const streamId = openStream(client.quic, "bidirectional");
        client.quic.reset(streamId, code);
        expect(await server.events.first("reset")).toMatchObject({ streamId, code });
        client.quic.stop(streamId, code - 1n);
        expect(await server.events.first("stopped")).toMatchObject({ streamId, code: code - 1n });
        client.quic.close(code - 2n, "");
        expect((await server.events.first("closed")).info.code).toBe(code - 2n);
      }),
    );
  });
}
