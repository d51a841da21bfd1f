import { describe, expect, it } from "vitest";

import { parseCloseInfo } from "../../../src/w3c/options.ts";
import {
  toBytes,
  toClampedUnsignedLong,
  toEnforcedUnsignedShort,
  toLongLong,
  toUnsignedLong,
  toUsvString,
} from "../../../src/w3c/web-idl.ts";

describe("Web IDL's conversions", () => {
  it.each([
    [0, 0],
    [-1, 0xffff_ffff],
    [2 ** 32 + 5, 5],
    [1.9, 1],
    [NaN, 0],
    ["7", 7],
  ])("unsigned long of %j is %i", (value, expected) => {
    expect(toUnsignedLong(value)).toBe(expected);
  });

  it.each([
    [-1, 0],
    [2 ** 40, 0xffff_ffff],
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [1.4, 1],
    [NaN, 0],
  ])("[Clamp] unsigned long of %j is %i", (value, expected) => {
    expect(toClampedUnsignedLong(value)).toBe(expected);
  });

  it.each([
    [65_535.9, 65_535],
    ["12", 12],
    [null, null],
    [undefined, null],
    [-0.5, -0],
  ])("[EnforceRange] unsigned short? of %j is %j", (value, expected) => {
    expect(toEnforcedUnsignedShort(value, "x")).toBe(expected);
  });

  it.each([-1, 65_536, NaN, Infinity])("[EnforceRange] unsigned short? refuses %d", (value) => {
    expect(() => toEnforcedUnsignedShort(value, "x")).toThrow(TypeError);
  });

  it.each([
    [-5.9, -5],
    [2 ** 64 + 2 ** 40, 2 ** 40],
    [Infinity, 0],
    [null, 0],
  ])("long long of %j is %j", (value, expected) => {
    expect(toLongLong(value)).toBe(expected);
  });

  it("USVString has no lone surrogates", () => {
    expect(toUsvString("a\ud800b\u{1f600}\ufeff")).toBe("a\ufffdb\u{1f600}\ufeff");
  });

  it("BufferSource is copied, and is nothing but bytes of memory that is not shared", () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const copy = toBytes(new DataView(bytes.buffer, 1, 2), "x");
    bytes.fill(9);
    expect(copy).toEqual(Uint8Array.of(2, 3));
    for (const value of ["text", null, [1], new SharedArrayBuffer(1), new Uint8Array(new SharedArrayBuffer(1))]) {
      expect(() => toBytes(value, "x")).toThrow(TypeError);
    }
  });

  it("WebTransportCloseInfo is code 0 without a reason at first", () => {
    expect(parseCloseInfo(undefined)).toEqual({ closeCode: 0, reason: "" });
    expect(parseCloseInfo({ closeCode: -1, reason: 5 })).toEqual({ closeCode: 0xffff_ffff, reason: "5" });
    expect(() => parseCloseInfo("x")).toThrow(TypeError);
  });
});
