import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import { bytes, passed } from "../world.ts";

const nothing = new Uint8Array(0);

export function datagramCases(factory: EngineFactory): void {
  describe("datagrams", () => {
    it(
      "consist of header and payload, either of which may be empty",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        expect(client.quic.sendDatagram(bytes("head"), bytes("body"))).toBe("queued");
        expect(client.quic.sendDatagram(nothing, bytes("body"))).toBe("queued");
        expect(client.quic.sendDatagram(nothing, nothing)).toBe("queued");
        await server.events.until(() => server.events.of("datagram").length === 3);
        const texts = server.events.of("datagram").map((event) => Buffer.from(event.bytes).toString());
        expect(texts).toEqual(["headbody", "body", ""]);
        server.quic.sendDatagram(bytes("b"), bytes("ack"));
        expect(Buffer.from((await client.events.first("datagram")).bytes).toString()).toBe("back");
      }),
    );

    it(
      "are at most maxDatagramSize() long",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const most = client.quic.maxDatagramSize();
        expect(most).toBeGreaterThanOrEqual(client.info.maxDatagramSize);
        expect(client.quic.sendDatagram(nothing, new Uint8Array(most))).toBe("queued");
        expect(client.quic.sendDatagram(new Uint8Array(1), new Uint8Array(65_535))).toBe("too-large");
        expect((await server.events.first("datagram")).bytes).toHaveLength(most);
        expect(client.quic.getStats().datagramsDropped).toBe(1);
      }),
    );

    it(
      "are no larger than the peer takes",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { maxDatagramFrameSize: 500 } });
        const most = client.quic.maxDatagramSize();
        expect(most).toBeLessThanOrEqual(500);
        expect(most).toBeGreaterThan(450);
        expect(client.quic.sendDatagram(nothing, new Uint8Array(most + 1))).toBe("too-large");
        expect(client.quic.sendDatagram(nothing, new Uint8Array(most))).toBe("queued");
        expect((await server.events.first("datagram")).bytes).toHaveLength(most);
      }),
    );

    it(
      "are unsupported in both directions when one side has disabled them",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ serverTransport: { maxDatagramFrameSize: 0 } });
        // What each knows of its peer.
        expect(client.info.maxDatagramSize).toBe(0);
        expect(server.info.maxDatagramSize).toBeGreaterThan(0);
        for (const { quic } of [client, server]) {
          expect(quic.maxDatagramSize()).toBe(0);
          expect(quic.sendDatagram(nothing, bytes("x"))).toBe("unsupported");
        }
      }),
    );

    it(
      "are blocked when the send buffer is full, and writable again once it has room",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ clientTransport: { datagramSendBufferSize: 5000 } });
        let queued = 0;
        let result = client.quic.sendDatagram(nothing, new Uint8Array(1000));
        while (result === "queued") {
          queued += 1;
          result = client.quic.sendDatagram(nothing, new Uint8Array(1000));
        }
        expect(result).toBe("blocked");
        expect(queued).toBeGreaterThan(2);
        await client.events.first("datagramsWritable");
        expect(client.quic.sendDatagram(nothing, bytes("again"))).toBe("queued");
        await server.events.until(() => server.events.of("datagram").length === queued + 1);
        await passed(client, server);
        expect(client.events.of("datagramsWritable")).toHaveLength(1);
      }),
    );
  });
}
