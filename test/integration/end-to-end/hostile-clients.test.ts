import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { WireCodes } from "../../../src/constants/wire-codes.ts";
import type { StreamDirection } from "../../../src/engine/engine.ts";
import { controlStreamPreamble } from "../../../src/protocol/options.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { echoed, leftIn, LocalServer, turnsUntil } from "./local-server.ts";
import { Random } from "./random.ts";
import { RawClient } from "./raw-client.ts";

const settings = controlStreamPreamble();
const control = 0x00;
const encoder = 0x02;
const decoder = 0x03;
/** WebTransport stream headers: of a unidirectional stream, and of a bidirectional one. */
const webTransportStream = [0x40, 0x54] as const;
const webTransportSignal = [0x40, 0x41] as const;

describe("beside a client that sends garbage", () => {
  let server: LocalServer;
  let bystander: WebTransportSession;

  beforeEach(async () => {
    server = await LocalServer.start((app) => app.route("/echo", echoHandler));
    bystander = await server.connect("/echo");
  });

  afterEach(async () => {
    expect(await echoed(bystander, "undisturbed")).toBe("undisturbed");
    await bystander.close();
    await server.empty();
    await server.close();
  });

  /** All that is left are the bystander's session, its connection and that one's native handle. */
  async function onlyBystander(): Promise<void> {
    await turnsUntil(() => leftIn(server.stats) === 3);
    expect(server.stats).toMatchObject({ sessions: 1, streams: 0, connections: 1, engineConnections: 1 });
  }

  async function sendPackets(packets: readonly Uint8Array[]): Promise<void> {
    const socket = createSocket("udp4");
    for (const packet of packets) {
      await new Promise((resolve) => {
        socket.send(packet, server.port, "127.0.0.1", resolve);
      });
    }
    // What the loop has taken after a whole echo of the bystander came after these packets.
    await echoed(bystander, "after the packets");
    socket.close();
    await once(socket, "close");
  }

  it("random UDP packets of every size change nothing", async () => {
    const random = new Random(1);
    await sendPackets(Array.from({ length: 2000 }, (_, index) => random.bytes(index % 1500)));
    await onlyBystander();
  });

  it("packets that look like QUIC leave no connection behind", async () => {
    const random = new Random(2);
    const version1 = [0, 0, 0, 1];
    const versions = [version1, [0, 0, 0, 0], [0x6b, 0x33, 0x43, 0xcf], [0x1a, 0x2a, 0x3a, 0x4a]] as const;
    const packets = Array.from({ length: 1000 }, () => {
      const connectionId = [...random.bytes(8)];
      const token = [0x00];
      const length = [0x44, 0x80];
      const start = [
        random.pick([0xc0, 0xd0, 0xe0, 0xf0, 0xc3, 0xff, 0x40]),
        ...random.pick(versions as unknown as [number[], ...number[][]]),
        ...[8, ...connectionId],
        ...[random.pick([0, 8, 20, 255]), ...random.bytes(8)],
        ...token,
        ...length,
      ];
      return Uint8Array.from([...start, ...random.bytes(1200 - start.length)]);
    });
    await sendPackets(packets);
    await onlyBystander();
  });

  it.each<[string, bigint, (client: RawClient) => void]>([
    [
      "a control stream that begins without SETTINGS",
      WireCodes.H3_MISSING_SETTINGS,
      (client) => client.send("unidirectional", [control, 0x07, 0x01, 0x00]),
    ],
    [
      "a second control stream",
      WireCodes.H3_STREAM_CREATION_ERROR,
      (client) => {
        client.send("unidirectional", settings);
        client.send("unidirectional", settings);
      },
    ],
    [
      "a control stream that ends",
      WireCodes.H3_CLOSED_CRITICAL_STREAM,
      (client) => client.send("unidirectional", settings, true),
    ],
    [
      "a setting given twice",
      WireCodes.H3_SETTINGS_ERROR,
      (client) => client.send("unidirectional", [control, 0x04, 0x04, 0x33, 0x01, 0x33, 0x01]),
    ],
    [
      "a setting of HTTP/2",
      WireCodes.H3_SETTINGS_ERROR,
      (client) => client.send("unidirectional", [control, 0x04, 0x02, 0x02, 0x01]),
    ],
    [
      "SETTINGS that are cut short",
      WireCodes.H3_FRAME_ERROR,
      (client) => client.send("unidirectional", [control, 0x04, 0x01, 0x80]),
    ],
    [
      "a frame of HTTP/2 on the control stream",
      WireCodes.H3_FRAME_UNEXPECTED,
      (client) => client.send("unidirectional", [...settings, 0x02, 0x00]),
    ],
    [
      "DATA on the control stream",
      WireCodes.H3_FRAME_UNEXPECTED,
      (client) => client.send("unidirectional", [...settings, 0x00, 0x00]),
    ],
    [
      "a push stream of a client",
      WireCodes.H3_STREAM_CREATION_ERROR,
      (client) => client.send("unidirectional", [0x01, 0x00]),
    ],
    [
      "a request that begins with DATA",
      WireCodes.H3_FRAME_UNEXPECTED,
      (client) => {
        client.send("unidirectional", settings);
        client.send("bidirectional", [0x00, 0x01, 0xff]);
      },
    ],
    [
      "a field section with an index beyond the static table",
      WireCodes.QPACK_DECOMPRESSION_FAILED,
      (client) => {
        client.send("unidirectional", settings);
        client.send("bidirectional", [0x01, 0x05, 0x00, 0x00, 0xff, 0xff, 0x7f]);
      },
    ],
    [
      "an insertion into a QPACK table of capacity 0",
      WireCodes.QPACK_ENCODER_STREAM_ERROR,
      (client) => {
        client.send("unidirectional", settings);
        client.send("unidirectional", [encoder, 0xc0, 0x01, 0x61]);
      },
    ],
    [
      "an acknowledgement on the QPACK decoder stream of what was never sent",
      WireCodes.QPACK_DECODER_STREAM_ERROR,
      (client) => {
        client.send("unidirectional", settings);
        client.send("unidirectional", [decoder, 0x3f, 0xff, 0x01]);
      },
    ],
  ])("%s ends that connection with its own code, and nothing else", async (_, code, misbehave) => {
    const client = await RawClient.connect(server.port);
    misbehave(client);
    expect(await client.closed).toMatchObject({ by: "peer", kind: "application", code });
    await client.close();
    await onlyBystander();
  });

  it("a frame of declared terabytes costs no memory", async () => {
    const client = await RawClient.connect(server.port);
    client.send("unidirectional", settings);
    client.send("bidirectional", [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]);
    await Promise.race([client.closed, echoed(bystander, "meanwhile")]);
    await client.close();
    await onlyBystander();
  });

  it("streams of sessions that do not exist are kept within limits, and gone with their connection", async () => {
    const client = await RawClient.connect(server.port);
    client.send("unidirectional", settings);
    for (let session = 0; session < 200; session += 4) {
      client.send("unidirectional", [...webTransportStream, 0x40, session & 0x3f, ...new Uint8Array(1000)], true);
      client.send("bidirectional", [...webTransportSignal, 0x40, session & 0x3f, ...new Uint8Array(1000)]);
    }
    expect(await echoed(bystander, "meanwhile")).toBe("meanwhile");
    await client.close();
    await onlyBystander();
  });

  it("random bytes on streams of every kind, with resets and half a header, end at most that connection", async () => {
    const random = new Random(3);
    for (let round = 0; round < 60; round += 1) {
      const client = await RawClient.connect(server.port);
      if (random.below(2) === 0) client.send("unidirectional", settings);
      for (let count = random.below(20); count > 0; count -= 1) {
        const start = random.pick<readonly number[]>([
          [],
          [control],
          [encoder],
          [decoder],
          [0x01],
          [0x00],
          webTransportStream,
          webTransportSignal,
          [0x40],
        ]);
        const direction = random.pick<StreamDirection>(["unidirectional", "bidirectional"]);
        const stream = client.send(direction, [...start, ...random.bytes(random.below(300))], random.below(3) === 0);
        if (stream !== undefined && random.below(4) === 0) client.connection.reset(stream, BigInt(random.below(1000)));
        if (stream !== undefined && direction === "bidirectional" && random.below(4) === 0) {
          client.connection.stop(stream, BigInt(random.below(1000)));
        }
        client.connection.sendDatagram(random.bytes(random.below(9)), random.bytes(random.below(100)));
      }
      if (round % 10 === 0) expect(await echoed(bystander, `round ${round}`)).toBe(`round ${round}`);
      await client.close();
    }
    await onlyBystander();
  });
});
