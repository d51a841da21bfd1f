/** QUIC variable-length integers (RFC 9000 §16), 62 bits; values beyond 2^53 - 1 only as bigint. */

/** Largest value of a varint: 2^62 - 1. */
export const maxVarint = 4_611_686_018_427_387_903n;

/** Bytes of the encoding whose first byte is `first`: 1, 2, 4 or 8. */
export function varintLengthFromFirstByte(first: number): 1 | 2 | 4 | 8 {
  return (1 << (first >> 6)) as 1 | 2 | 4 | 8;
}

/** Bytes of the shortest encoding. Throws RangeError outside 0 to 2^62 - 1. */
export function varintLength(value: number | bigint): 1 | 2 | 4 | 8 {
  if (value < 0 || value > maxVarint || (typeof value === "number" && !Number.isSafeInteger(value))) {
    throw new RangeError(`Cannot encode a varint: current value is ${String(value)}, allowed is 0 to 2^62 - 1`);
  }
  if (value < 64) return 1;
  if (value < 16_384) return 2;
  return value < 1_073_741_824 ? 4 : 8;
}

/** Writes the shortest encoding at `offset` and returns the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, value: number | bigint): number {
  const length = varintLength(value);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  switch (length) {
    case 1:
      view.setUint8(offset, Number(value));
      break;
    case 2:
      view.setUint16(offset, Number(value) | 0x4000);
      break;
    case 4:
      view.setUint32(offset, (Number(value) | 0x8000_0000) >>> 0);
      break;
    case 8:
      view.setBigUint64(offset, BigInt(value) | 0xc000_0000_0000_0000n);
      break;
  }
  return offset + length;
}

export function encodeVarint(value: number | bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(varintLength(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

/** The value at `offset`, or undefined when `bytes` ends inside it. Every length is legal, not only the shortest. */
export function readVarint(bytes: Uint8Array, offset: number): { value: bigint; end: number } | undefined {
  const first = bytes[offset];
  if (first === undefined) return undefined;
  const end = offset + varintLengthFromFirstByte(first);
  if (end > bytes.length) return undefined;
  let value = BigInt(first & 0x3f);
  for (let index = offset + 1; index < end; index += 1) value = (value << 8n) | BigInt(bytes[index] ?? 0);
  return { value, end };
}
