import { describe, expect, it } from "vitest";

import { FrameType } from "../../src/constants/http3.ts";
import { encodeCloseSession, encodeDrainSession } from "../../src/protocol/capsule/capsule-reader.ts";
import { encodeFrame } from "../../src/protocol/http3/frames.ts";
import { defaultLimits } from "../../src/protocol/limits.ts";
import { decodeFieldSection, encodeFieldSection } from "../../src/protocol/qpack/field-section.ts";
import { QpackReader, writeInteger } from "../../src/protocol/qpack/prefix-integer.ts";
import { staticTable } from "../../src/protocol/qpack/static-table.ts";
import { ProtocolConnection } from "../../src/protocol/connection.ts";
import { fromWireCode, toWireCode } from "../../src/protocol/webtransport/error-mapping.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

describe("prefix integers (RFC 7541 §C.1)", () => {
  it.each([
    [10, 5, "0a"],
    [1337, 5, "1f9a0a"],
    [42, 8, "2a"],
  ])("%i with a prefix of %i bits is %s", (value, prefix, bytes) => {
    const target: number[] = [];
    writeInteger(target, value, prefix, 0);
    expect(hex(Uint8Array.from(target))).toBe(bytes);
    expect(new QpackReader(unhex(bytes)).integer(prefix)).toBe(value);
  });
});

describe("QPACK's static table (RFC 9204 Appendix A)", () => {
  it.each([
    [0, ":authority", ""],
    [1, ":path", "/"],
    [4, "content-length", "0"],
    [15, ":method", "CONNECT"],
    [17, ":method", "GET"],
    [23, ":scheme", "https"],
    [24, ":status", "103"],
    [25, ":status", "200"],
    [27, ":status", "404"],
    [63, ":status", "100"],
    [71, ":status", "500"],
    [72, "accept-language", ""],
    [73, "access-control-allow-credentials", "FALSE"],
    [74, "access-control-allow-credentials", "TRUE"],
    [90, "origin", ""],
    [92, "server", ""],
    [95, "user-agent", ""],
    [98, "x-frame-options", "sameorigin"],
  ])("has at %i %s: %s", (index, name, value) => {
    expect(staticTable[index]).toEqual([name, value]);
  });

  it("has 99 entries, whose names are in lower case", () => {
    expect(staticTable).toHaveLength(99);
    for (const [name] of staticTable) expect(name).toBe(name.toLowerCase());
  });
});

describe("field sections", () => {
  it("the one of RFC 9204 §B.1 is a path", () => {
    const section = unhex("0000 510b2f696e6465782e68746d6c");
    expect(decodeFieldSection(section, defaultLimits)).toEqual([[":path", "/index.html"]]);
  });

  it.each([
    ["200", "01 03 0000 d9"],
    ["404", "01 03 0000 db"],
    ["302", "01 04 0000 ff03"],
    ["400", "01 04 0000 ff04"],
    ["403", "01 04 0000 ff05"],
    ["421", "01 04 0000 ff06"],
    ["500", "01 04 0000 ff08"],
  ])("a response with status %s is the frame %s", (status, bytes) => {
    const frame = encodeFrame(FrameType.headers, encodeFieldSection([[":status", status]]));
    expect(hex(frame)).toBe(bytes.replaceAll(" ", ""));
  });

  it.each([
    ["405", "0000 5f09 03 343035"],
    ["429", "0000 5f09 03 343239"],
    ["431", "0000 5f09 03 343331"],
    ["501", "0000 5f09 03 353031"],
  ])("status %s can be a literal without Huffman code", (status, bytes) => {
    expect(decodeFieldSection(unhex(bytes), defaultLimits)).toEqual([[":status", status]]);
    const encoded = encodeFieldSection([[":status", status]]);
    expect(decodeFieldSection(encoded, defaultLimits)).toEqual([[":status", status]]);
  });

  it("a response to draft 02 is decoded", () => {
    const section = unhex(
      "0000 d9 27157365632d7765627472616e73706f72742d68747470332d6472616674 0764726166743032",
    );
    expect(decodeFieldSection(section, defaultLimits)).toEqual([
      [":status", "200"],
      ["sec-webtransport-http3-draft", "draft02"],
    ]);
  });

  it("a session request is decoded", () => {
    const section = unhex(
      `0000 cf 27023a70726f746f636f6c 0c7765627472616e73706f7274 d7 500b6578616d706c652e636f6d 51032f7774
       5f4b1368747470733a2f2f6578616d706c652e636f6d`.replaceAll(/\s/g, ""),
    );
    expect(decodeFieldSection(section, defaultLimits)).toEqual([
      [":method", "CONNECT"],
      [":protocol", "webtransport"],
      [":scheme", "https"],
      [":authority", "example.com"],
      [":path", "/wt"],
      ["origin", "https://example.com"],
    ]);
  });
});

describe("application codes (draft-ietf-webtrans-http3 §4.4)", () => {
  it.each([
    [0, 0x52e4a40fa8dbn],
    [1, 0x52e4a40fa8dcn],
    [29, 0x52e4a40fa8f8n],
    [30, 0x52e4a40fa8fan],
    [59, 0x52e4a40fa917n],
    [60, 0x52e4a40fa919n],
    [255, 0x52e4a40fa9e2n],
    [256, 0x52e4a40fa9e3n],
    [4242, 0x52e4a40fb9fan],
    [65_535, 0x52e4a410b162n],
    [2 ** 31 - 1, 0x52e52853ed1en],
    [2 ** 32 - 1, 0x52e5ac983162n],
  ])("%i is on the wire %s, and back", (code, wire) => {
    expect(toWireCode(code)).toBe(wire);
    expect(fromWireCode(wire)).toBe(code);
  });

  it.each([0n, 0x10cn, 0x170d7b68n, 0x52e4a40fa8dan, 0x52e5ac983163n, 0x52e4a40fa8f9n, 0x52e4a40fa918n])(
    "%s stands for none",
    (wire) => {
      expect(fromWireCode(wire)).toBeUndefined();
    },
  );

  it.each([-1, 0.5, 2 ** 32, Number.NaN])("%s is none", (code) => {
    expect(() => toWireCode(code)).toThrow(RangeError);
  });
});

describe("capsules", () => {
  it("a goodbye with code 1234 and reason bye", () => {
    expect(hex(encodeCloseSession(1234, "bye"))).toBe("000a684307000004d2627965");
  });

  it("a reason is cut at 1024 bytes, at a character's border", () => {
    const capsule = encodeCloseSession(0, `${"a".repeat(1023)}ä`);
    expect(Buffer.from(capsule).toString("utf8").endsWith("aaa")).toBe(true);
    expect(hex(capsule).slice(0, 20)).toBe("00440768434403000000");
  });

  it("the wish to drain", () => {
    expect(hex(encodeDrainSession())).toBe("0005800078ae00");
  });
});

describe("prefixes", () => {
  const core = new ProtocolConnection("server");
  it.each([
    ["unidirectional", 0, "405400"],
    ["bidirectional", 0, "404100"],
    ["bidirectional", 4, "404104"],
    ["unidirectional", 64, "40544040"],
  ] as const)("of a %s stream of session %i", (direction, sessionId, bytes) => {
    expect(hex(core.streamPrefix(sessionId, direction))).toBe(bytes);
  });

  it.each([
    [0, "00"],
    [4, "01"],
    [256, "4040"],
  ])("of a datagram of session %i", (sessionId, bytes) => {
    expect(hex(core.datagramPrefix(sessionId))).toBe(bytes);
  });
});
