import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { encodeFrame, FrameReader } from "../../../src/cluster/worker/packet-frames.ts";
import type { ForwardedPacket } from "../../../src/cluster/worker/packet-frames.ts";

const packets: readonly ForwardedPacket[] = [
  {
    endpoint: 0,
    packet: Uint8Array.of(1, 2, 3),
    remoteAddress: { host: "127.0.0.1", port: 4433, family: 4 },
    localHost: undefined,
  },
  {
    endpoint: 1,
    packet: new Uint8Array(65_535).fill(9),
    remoteAddress: { host: "fe80::1%eth0", port: 65_535, family: 6 },
    localHost: "2001:db8::7",
  },
  { endpoint: 255, packet: new Uint8Array(0), remoteAddress: { host: "::1", port: 1, family: 6 }, localHost: "::1" },
];

function read(chunks: readonly Buffer[]): { readonly packets: ForwardedPacket[]; readonly isGood: boolean } {
  const found: ForwardedPacket[] = [];
  const reader = new FrameReader((packet) => found.push({ ...packet, packet: Uint8Array.from(packet.packet) }));
  return { isGood: chunks.every((chunk) => reader.push(chunk)), packets: found };
}

describe("frames of forwarded packets", () => {
  const stream = Buffer.concat(packets.map((packet) => encodeFrame(packet)));

  it("are read as they were written, whole", () => {
    expect(read([stream])).toEqual({ packets, isGood: true });
  });

  it("are read as they were written, byte by byte", () => {
    const short = Buffer.concat([packets[0]!, packets[2]!].map((packet) => encodeFrame(packet)));
    const bytes = [...short].map((byte) => Buffer.of(byte));
    expect(read(bytes)).toEqual({ packets: [packets[0], packets[2]], isGood: true });
  });

  it("are refused when no worker has written them, without an exception and without waiting for gigabytes", () => {
    expect(read([Buffer.from("GET / HTTP/1.1\r\n\r\n")])).toEqual({ packets: [], isGood: false });
    expect(read([Buffer.of(0, 0, 0, 0)]).isGood).toBe(false);
    // A host that is longer than the frame.
    expect(read([Buffer.of(0, 0, 0, 6, 0, 0, 1, 200, 1, 1)]).isGood).toBe(false);
    // A local host that is longer than the frame.
    expect(read([Buffer.of(0, 0, 0, 7, 0, 0, 1, 1, 65, 9, 1)]).isGood).toBe(false);
  });

  it("never throw, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
        read(chunks.map((chunk) => Buffer.from(chunk)));
      }),
    );
  });
});
