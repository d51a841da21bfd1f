import { concatenate } from "../../base/bytes.ts";
import { encodeVarint } from "../../base/varint.ts";
import { encodeTypeLength } from "../type-length.ts";

/** A frame (RFC 9114 §7.1). */
export function encodeFrame(type: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeTypeLength(type, payload);
}

export function encodeVarints(...values: readonly (number | bigint)[]): Uint8Array {
  return concatenate(values.map((value) => encodeVarint(value)));
}
