import { describe, expect, it } from "vitest";

import type { ConnectionListener } from "../../../../src/engine/engine.ts";
import { decodeEvents, parseSocketAddress } from "../../../../src/engine/native/event-decoder.ts";
import type { EventTarget } from "../../../../src/engine/native/event-decoder.ts";
import { StopsInTurn } from "../../../../src/engine/native/stops-in-turn.ts";

interface Fields {
  readonly type: number;
  readonly flags?: number;
  readonly connection?: number;
  readonly stream?: number;
  readonly code?: bigint;
  readonly payload?: Uint8Array;
  /** Index of a payload beside the records. */
  readonly beside?: number;
  readonly length?: number;
}

/** A record as `native/README.md` describes it. */
function record({
  type,
  flags = 0,
  connection = 1,
  stream = 0,
  code = 0n,
  payload,
  beside,
  length,
}: Fields): Uint8Array {
  const bytes = new Uint8Array(32 + Math.ceil((payload?.length ?? 0) / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, type);
  view.setUint8(1, flags);
  view.setUint32(4, connection, true);
  view.setBigUint64(8, BigInt(stream), true);
  view.setBigUint64(16, code, true);
  view.setUint32(24, length ?? payload?.length ?? 0, true);
  view.setUint32(28, beside ?? 0, true);
  if (payload !== undefined) bytes.set(payload, 32);
  return bytes;
}

/** The payload of a completed handshake. */
function connected(port: number, texts: readonly string[], certificates: readonly number[] = []): Uint8Array {
  const lengths = texts.map((text) => text.length);
  return new Uint8Array([
    // 0x0003_02_01 microseconds
    1,
    2,
    3,
    0,
    port & 0xff,
    port >> 8,
    ...lengths,
    ...new TextEncoder().encode(texts.join("")),
    ...certificates,
  ]);
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

/** Decodes records for one connection, and gives what its listener heard. `act` runs at each event. */
function decode(
  records: readonly Uint8Array[],
  large: readonly ArrayBuffer[] = [],
  act?: (stops: StopsInTurn) => void,
) {
  const heard: unknown[][] = [];
  const stops = new StopsInTurn();
  const listener = new Proxy({} as ConnectionListener, {
    get:
      (_, name) =>
      (...values: unknown[]) => {
        heard.push([name, ...values]);
        act?.(stops);
      },
  });
  const bytes = new Uint8Array(records.reduce((total, { length }) => total + length, 0));
  let offset = 0;
  for (const part of records) {
    bytes.set(part, offset);
    offset += part.length;
  }
  const errors: unknown[] = [];
  const target: EventTarget = {
    reached: () => listener,
    accepted: (...values) => heard.push(["accepted", ...values]),
    addressChanged: (...values) => heard.push(["addressChanged", ...values]),
    closed: (...values) => heard.push(["closed", ...values]),
    foreignPacket: (...values) => heard.push(["foreignPacket", ...values]),
    stopCode: (connection, stream) => stops.codeOf(connection, stream),
    threw: (error) => errors.push(error),
  };
  stops.begin();
  const taken: number[] = [];
  decodeEvents(
    bytes,
    bytes.length,
    (index) => {
      taken.push(index);
      return large[index] ?? new ArrayBuffer(0);
    },
    target,
  );
  stops.end();
  return { heard, errors, taken };
}

const data = (stream: number, text: string, flags = 0, code = 0n): Uint8Array =>
  record({ type: 3, flags, stream, code, payload: new TextEncoder().encode(text) });

describe("decodeEvents()", () => {
  it("gives every chunk a buffer of its own", () => {
    const { heard } = decode([data(4, "abc"), data(8, "", 1)]);
    const chunk = heard[0]?.[2] as Uint8Array;
    expect(heard[0]).toEqual(["data", 4, new TextEncoder().encode("abc"), false]);
    expect(chunk.buffer.byteLength).toBe(3);
    expect(heard[1]).toEqual(["data", 8, new Uint8Array(0), true]);
  });

  it("takes a large payload from beside the records, and goes on behind its header", () => {
    const large = new Uint8Array(5000).fill(7).buffer;
    const { heard } = decode(
      [record({ type: 3, flags: 3, stream: 4, length: 5000, beside: 0 }), data(8, "next")],
      [large],
    );
    expect(heard.map(([name, stream]) => [name, stream])).toEqual([
      ["data", 4],
      ["data", 8],
    ]);
    expect((heard[0]?.[2] as Uint8Array).buffer).toBe(large);
    expect(heard[0]?.[3]).toBe(true);
  });

  it("tells code, final size and reliable size of a reset in full", () => {
    const code = 2n ** 62n - 1n;
    const payload = Buffer.concat([u64(2 ** 45), u64(2 ** 44)]);
    const { heard } = decode([record({ type: 4, stream: 2 ** 40, code, payload })]);
    expect(heard).toEqual([["reset", 2 ** 40, code, 2 ** 45, 2 ** 44]]);
  });

  it("drops the data of a stream that was stopped in this turn, and tells its FIN as a reset", () => {
    const records = [
      record({ type: 9 }),
      data(4, "late"),
      data(8, "other"),
      record({ type: 3, flags: 3, stream: 4, code: 99n, length: 5000, beside: 0 }),
    ];
    const { heard, taken } = decode(records, [], (stops) => {
      stops.add(1, 4, 7n, false);
      stops.add(1, 4, 8n, false);
    });
    expect(heard.slice(1).map(([name, stream]) => [name, stream])).toEqual([
      ["data", 8],
      ["reset", 4],
    ]);
    expect(heard.at(-1)).toEqual(["reset", 4, 7n, 99, 0]);
    expect(taken).toEqual([0]);
  });

  it("hands on what a listener throws, and decodes the next record", () => {
    let first = true;
    const { heard, errors } = decode([data(4, "a"), data(8, "b")], [], () => {
      if (first) {
        first = false;
        throw new Error("listener");
      }
    });
    expect(heard).toHaveLength(2);
    expect(errors).toEqual([new Error("listener")]);
  });

  it("reads a packet for another worker, with the peer's address and the local one", () => {
    const packet = [0x40, 1, 2, 3];
    const foreign = (remote: string, local: string): Uint8Array =>
      record({
        type: 14,
        code: 300n,
        payload: Buffer.concat([
          Buffer.from([0x51, 0x11, remote.length, local.length]),
          Buffer.from(remote + local),
          Buffer.from(packet),
        ]),
      });
    const { heard } = decode([foreign("127.0.0.1", ""), foreign("2001:db8::1", "::1"), data(4, "next")]);
    expect(heard.slice(0, 2)).toEqual([
      ["foreignPacket", 300, new Uint8Array(packet), { host: "127.0.0.1", port: 4433, family: 4 }, undefined],
      ["foreignPacket", 300, new Uint8Array(packet), { host: "2001:db8::1", port: 4433, family: 6 }, "::1"],
    ]);
    expect(heard[2]?.[0]).toBe("data");
  });

  it("reads a completed handshake with its flags and certificates", () => {
    const payload = connected(5, ["::ffff:127.0.0.1", "localhost", "h3"], [2, 0, 0, 0, 1, 2, 1, 0, 0, 0, 3]);
    const { heard } = decode([
      record({ type: 1, flags: 3, code: 1200n, payload }),
      record({ type: 1, connection: 9, payload: connected(65_535, ["1.2.3.4", "", "h3"]) }),
    ]);
    expect(heard[0]).toEqual([
      "connected",
      {
        remoteAddress: { host: "127.0.0.1", port: 5, family: 4 },
        alpn: "h3",
        serverName: "localhost",
        peerCertificates: [new Uint8Array([1, 2]), new Uint8Array([3])],
        maxDatagramSize: 1200,
        resetStreamAt: true,
        handshakeDuration: 197.121,
      },
    ]);
    expect(heard[1]?.slice(0, 2)).toEqual(["accepted", 9]);
    expect(heard[1]?.[2]).toMatchObject({
      remoteAddress: { host: "1.2.3.4", port: 65_535, family: 4 },
      serverName: undefined,
      resetStreamAt: false,
      peerCertificates: [],
    });
  });
});

describe("parseSocketAddress()", () => {
  it("reads either family, and an IPv4 address that is mapped into IPv6 as IPv4", () => {
    expect(parseSocketAddress("1.2.3.4:5")).toEqual({ host: "1.2.3.4", port: 5, family: 4 });
    expect(parseSocketAddress("[::1]:65535")).toEqual({ host: "::1", port: 65535, family: 6 });
    expect(parseSocketAddress("[::ffff:10.0.0.1]:1")).toEqual({ host: "10.0.0.1", port: 1, family: 4 });
  });
});
