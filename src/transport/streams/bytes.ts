import type { Bytes, BytesInput } from "../types.ts";

const encoder = new TextEncoder();

/** The bytes of `data`, not copied: a caller that keeps them must copy them. */
export function toBytes(data: BytesInput): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw new TypeError(`Cannot send ${describe(data)}: a string, an ArrayBuffer or a view of one is needed`);
}

/** `bytes` as the owner of a whole ArrayBuffer; copied only where it is part of a larger one. */
export function own(bytes: Bytes): Bytes {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

function describe(value: unknown): string {
  return value === null ? "null" : typeof value === "object" ? "an object" : typeof value;
}
