import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { VarintAssembler } from "../../src/base/varint-assembler.ts";
import { encodeVarint } from "../../src/base/varint.ts";
import { WireError } from "../../src/errors/wire-error.ts";
import { CapsuleReader, encodeCloseSession } from "../../src/protocol/capsule/capsule-reader.ts";
import { parseRequest, parseResponse } from "../../src/protocol/http3/fields.ts";
import { encodeFrame } from "../../src/protocol/http3/frames.ts";
import { TypeLengthReader } from "../../src/protocol/type-length.ts";
import { decodeSettings, encodeSettings } from "../../src/protocol/http3/settings.ts";
import { defaultLimits } from "../../src/protocol/limits.ts";
import { decodeFieldSection, encodeFieldSection } from "../../src/protocol/qpack/field-section.ts";
import { QpackPeerStream } from "../../src/protocol/qpack/peer-streams.ts";
import { fromWireCode, toWireCode } from "../../src/protocol/webtransport/error-mapping.ts";
import { StreamOpening } from "../../src/protocol/http3/stream-opening.ts";

/** Bytes and the places where they are cut. */
const cutBytes = (bytes: fc.Arbitrary<Uint8Array>) =>
  fc.tuple(bytes, fc.array(fc.nat({ max: 400 }), { maxLength: 12 })).map(([whole, places]) => {
    const cuts = [0, ...places.filter((place) => place < whole.length).sort((a, b) => a - b), whole.length];
    return { whole, pieces: cuts.slice(1).map((end, index) => whole.slice(cuts[index], end)) };
  });

const anyBytes = fc.uint8Array({ maxLength: 300 });
const varint = fc.bigInt({ min: 0n, max: 2n ** 62n - 1n });

/** What a parser made of its input: the events, and what it threw. */
function outcome(run: (log: string[]) => void): { log: string[]; error: string | undefined } {
  const log: string[] = [];
  try {
    run(log);
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return { log, error: (error as WireError).message };
  }
  return { log, error: undefined };
}

const joined = (log: readonly string[]): string =>
  log.join("\n").replaceAll(/\npiece (\d+) (\w*)(?=(\npiece|\n|$))/g, "$2");

describe("varints", () => {
  it("an assembler gives of any bytes what the bytes hold, one value for each varint", () => {
    fc.assert(
      fc.property(
        fc.array(
          varint.filter((value) => value < 2n ** 53n),
          { maxLength: 20 },
        ),
        (values) => {
          const assembler = new VarintAssembler();
          const read: number[] = [];
          for (const value of values) {
            for (const byte of encodeVarint(value)) {
              const done = assembler.push(byte);
              if (done !== undefined) read.push(done);
            }
            expect(assembler.isEmpty).toBe(true);
          }
          expect(read).toEqual(values.map(Number));
        },
      ),
    );
  });
});

describe("TypeLengthReader", () => {
  const read = (pieces: readonly Uint8Array[]) =>
    outcome((log) => {
      const reader = new TypeLengthReader({
        begin: (type, length) => {
          log.push(`begin ${type} ${length}`);
          return type % 3 === 0 ? "pieces" : type % 3 === 1 && length <= 1000 ? "whole" : "skipped";
        },
        whole: (type, payload) => log.push(`whole ${type} ${Buffer.from(payload).toString("hex")}`),
        piece: (type, piece) => log.push(`piece ${type} ${Buffer.from(piece).toString("hex")}`),
      });
      for (const piece of pieces) reader.push(piece);
      log.push(`boundary ${reader.isAtBoundary}`);
    });

  it("gives the same for any bytes, however they are cut", () => {
    fc.assert(
      fc.property(cutBytes(anyBytes), ({ whole, pieces }) => {
        expect(joined(read(pieces).log)).toBe(joined(read([whole]).log));
      }),
    );
  });

  it("gives the frames that were encoded, in order, and then stands at a boundary", () => {
    const frames = fc.array(fc.record({ type: fc.nat({ max: 2 ** 30 }), payload: fc.uint8Array({ maxLength: 40 }) }), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(frames, (list) => {
        const bytes = Uint8Array.from(list.flatMap(({ type, payload }) => [...encodeFrame(type, payload)]));
        const { log } = read([bytes]);
        expect(log.filter((line) => line.startsWith("begin"))).toEqual(
          list.map(({ type, payload }) => `begin ${type} ${payload.length}`),
        );
        expect(log.at(-1)).toBe("boundary true");
      }),
    );
  });
});

describe("CapsuleReader", () => {
  const read = (pieces: readonly Uint8Array[]) =>
    outcome((log) => {
      const reader = new CapsuleReader({
        isFlowControlled: true,
        closeSession: (code, reason) => log.push(`close ${code} ${reason}`),
        drainSession: () => log.push("drain"),
        datagram: (payload) => log.push(`datagram ${Buffer.from(payload).toString("hex")}`),
        flowControl: (type, value) => log.push(`flow ${type} ${value}`),
        count: () => log.push("capsule"),
      });
      for (const piece of pieces) reader.push(piece);
      log.push(`boundary ${reader.isAtBoundary}`);
    });
  const known = fc
    .tuple(fc.constantFrom(0x00, 0x2843, 0x78ae, 0x190b4d3d, 0x190b4d3f, 0x190b4d44, 0x17), anyBytes)
    .map(([type, value]) => encodeFrame(type, value.subarray(0, type === 0x78ae ? 0 : 10)));

  it("gives the same for any bytes, however they are cut", () => {
    const bytes = fc.oneof(
      anyBytes,
      fc.array(known, { maxLength: 6 }).map((list) => Uint8Array.from(list.flatMap((each) => [...each]))),
    );
    fc.assert(
      fc.property(cutBytes(bytes), ({ whole, pieces }) => {
        expect(read(pieces)).toEqual(read([whole]));
      }),
    );
  });

  it("gives of any goodbye its code and its reason, cut to 1024 bytes of UTF-8", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 32 - 1 }), fc.string({ unit: "grapheme", maxLength: 400 }), (code, reason) => {
        const data = encodeCloseSession(code, reason);
        const start = 1 + ((data[1] ?? 0) < 0x40 ? 1 : 2);
        const { log } = read([data.subarray(start)]);
        const [, told] = log;
        expect(told?.startsWith(`close ${code} `)).toBe(true);
        const text = told?.slice(`close ${code} `.length) ?? "";
        expect(reason.startsWith(text)).toBe(true);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
      }),
    );
  });
});

describe("SETTINGS", () => {
  it("are decoded from any bytes, or refused with an error for the connection", () => {
    fc.assert(
      fc.property(anyBytes, (payload) => {
        outcome(() => decodeSettings(payload));
      }),
    );
  });

  it("come back as they were sent", () => {
    const allowed = varint.filter((id) => ![2n, 3n, 4n, 5n, 8n, 0x33n, 0x2b603742n].includes(id));
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(allowed, varint), { maxLength: 40, selector: ([id]) => id }), (pairs) => {
        const frame = encodeSettings(new Map(pairs));
        const start = 1 + ((frame[1] ?? 0) < 0x40 ? 1 : 2);
        expect([...decodeSettings(frame.subarray(start))]).toEqual(pairs);
      }),
    );
  });
});

describe("field sections", () => {
  it("are decoded from any bytes, or refused, and never grow past the limit", () => {
    const limits = { ...defaultLimits, maxFieldSectionSize: 500 };
    const start = fc.constantFrom([], [0, 0]);
    fc.assert(
      fc.property(start, anyBytes, (prefix, rest) => {
        outcome(() => {
          const fields = decodeFieldSection(Uint8Array.from([...prefix, ...rest]), limits);
          const size = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
          expect(size).toBeLessThanOrEqual(500);
        });
      }),
    );
  });

  it("come back as they were encoded", () => {
    const octets = fc.string({ unit: fc.nat({ max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 60 });
    const field = fc.oneof(
      fc.tuple(octets, octets),
      fc.constantFrom<[string, string]>([":status", "200"], [":method", "CONNECT"], ["origin", "https://a"]),
    );
    fc.assert(
      fc.property(fc.array(field, { maxLength: 30 }), (fields) => {
        expect(decodeFieldSection(encodeFieldSection(fields), defaultLimits)).toEqual(fields);
      }),
    );
  });

  it("are requests or responses, or malformed, whatever their fields are", () => {
    const name = fc.oneof(
      fc.constantFrom(":method", ":scheme", ":path", ":authority", ":protocol", ":status", "host", "content-length"),
      fc.string({ maxLength: 8 }),
    );
    const value = fc.oneof(fc.constantFrom("CONNECT", "https", "/", "a", "webtransport", "200", "5"), fc.string());
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 10 }), (fields) => {
        outcome(() => parseRequest(fields));
        outcome(() => parseResponse(fields));
      }),
    );
  });
});

describe("QPACK's streams", () => {
  it.each([
    ["encoder", QpackPeerStream.encoder],
    ["decoder", QpackPeerStream.decoder],
  ] as const)("the %s stream judges any bytes the same, however they are cut", (_, make) => {
    const bytes = fc.oneof(
      anyBytes,
      fc
        .array(fc.constantFrom(0x20, 0x40, 0x48, 0x7f, 0x3f, 0x80), { maxLength: 20 })
        .map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(cutBytes(bytes), ({ whole, pieces }) => {
        const judge = (list: readonly Uint8Array[]) =>
          outcome(() => {
            const stream = make.call(QpackPeerStream);
            for (const piece of list) stream.push(piece);
          }).error;
        expect(judge(pieces)).toBe(judge([whole]));
      }),
    );
  });
});

describe("StreamOpening", () => {
  it("finds the same beginning, however a stream is cut", () => {
    const begin = fc.constantFrom("4041", "80000041", "4054", "00", "01", "40", "c000000000000054", "");
    const bytes = fc
      .tuple(begin, anyBytes)
      .map(([hex, rest]) => Uint8Array.from([...Buffer.from(hex, "hex"), ...rest]));
    const classify = (streamId: number, pieces: readonly Uint8Array[]) => {
      const opening = new StreamOpening(streamId);
      let before = 0;
      for (const piece of pieces) {
        const opened = opening.push(piece);
        if (opened === undefined) {
          before += piece.length;
          continue;
        }
        if (opened.kind === "request") return `request ${before - opened.replay.length}`;
        const body = before + opened.consumed;
        if (opened.kind === "typed") return `typed ${opened.streamType} ${body}`;
        expect(opened.prefixLength).toBe(body);
        return `session ${opened.sessionId} ${body}`;
      }
      return undefined;
    };
    fc.assert(
      fc.property(cutBytes(bytes), fc.constantFrom(0, 1, 2, 3), ({ whole, pieces }, streamId) => {
        expect(classify(streamId, pieces)).toBe(classify(streamId, [whole]));
      }),
    );
  });
});

describe("application codes", () => {
  it("come back from the wire, and only they do", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 32 - 1 }), (code) => {
        expect(fromWireCode(toWireCode(code))).toBe(code);
      }),
    );
    fc.assert(
      fc.property(varint, (wire) => {
        const code = fromWireCode(wire);
        if (code !== undefined) expect(toWireCode(code)).toBe(wire);
      }),
    );
  });
});
