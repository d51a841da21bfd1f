import { concatenate } from "../../base/bytes.ts";
import { encodeVarint } from "../../base/varint.ts";
import { FrameType } from "../../constants/http3.ts";
import type { HeaderList } from "../output.ts";
import { encodeFieldSection } from "../qpack/field-section.ts";
import { encodeTypeLength } from "../type-length.ts";

/** A frame (RFC 9114 §7.1). */
export function encodeFrame(type: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeTypeLength(type, payload);
}

export function encodeHeaders(fields: HeaderList): Uint8Array<ArrayBuffer> {
  return encodeFrame(FrameType.headers, encodeFieldSection(fields));
}

export function encodeVarints(...values: readonly (number | bigint)[]): Uint8Array {
  return concatenate(values.map((value) => encodeVarint(value)));
}
