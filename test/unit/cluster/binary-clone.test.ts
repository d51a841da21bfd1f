import { describe, expect, it } from "vitest";

import { fromBytes, toBytes } from "../../../src/cluster/bus/binary-clone.ts";

const roundTrip = (value: unknown): unknown => fromBytes(toBytes(value));

describe("toBytes() and fromBytes()", () => {
  it("keep what structured clone keeps", () => {
    const shared = { name: "shared" };
    const value = {
      map: new Map([[1, new Set(["a"])]]),
      date: new Date(0),
      big: 2n ** 70n,
      pattern: /a+/gi,
      nothing: undefined,
      error: new RangeError("wrong"),
      twice: [shared, shared],
      buffer: Uint8Array.of(1, 2).buffer,
    };
    const copy = roundTrip(value) as typeof value;
    expect(copy).toEqual(value);
    expect(copy.twice[0]).toBe(copy.twice[1]);
    expect(copy.error).toBeInstanceOf(RangeError);
  });

  it.each([
    Int8Array.of(-1),
    Uint8Array.of(255),
    Uint8ClampedArray.of(7),
    Int16Array.of(-300),
    Uint16Array.of(65_535),
    Int32Array.of(-70_000),
    Uint32Array.of(4_000_000_000),
    Float32Array.of(0.5),
    Float64Array.of(Math.PI),
    BigInt64Array.of(-5n),
    BigUint64Array.of(2n ** 63n),
    new DataView(Uint8Array.of(1, 2, 3).buffer, 1),
  ])("keep a %o, with memory of its own", (view) => {
    const copy = roundTrip(["x", view]) as [string, typeof view];
    expect(copy[1]).toEqual(view.constructor === DataView ? new DataView(Uint8Array.of(2, 3).buffer) : view);
    expect(copy[1].byteOffset).toBe(0);
    expect(copy[1].buffer.byteLength).toBe(view.byteLength);
  });

  it("send no more than the view's own bytes, and make a Uint8Array of a Buffer", () => {
    const view = new Uint8Array(1_000_000).subarray(5, 9);
    expect(toBytes(view).byteLength).toBeLessThan(50);
    const copy = roundTrip(Buffer.from("abc"));
    expect(copy).toEqual(Uint8Array.from(Buffer.from("abc")));
    expect(Buffer.isBuffer(copy)).toBe(false);
  });

  it("throw for functions and symbols", () => {
    expect(() => toBytes(() => {})).toThrow();
    expect(() => toBytes({ mark: Symbol("x") })).toThrow();
  });
});
