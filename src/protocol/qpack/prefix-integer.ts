/** Integers and strings with a prefix (RFC 9204 §4.1.1 and §4.1.2, RFC 7541 §5). */
import type { ByteBuilder } from "../../base/byte-builder.ts";
import { maxVarint } from "../../base/varint.ts";

import { decodeHuffman, encodeHuffman, huffmanLength } from "./huffman.ts";

/** What the bytes cannot mean; the caller knows which error code that is where it stands. */
export class QpackError extends Error {
  override readonly name = "QpackError";
}

/** Thrown when the bytes end before the value does. */
export class QpackTruncated extends QpackError {}

/** Thrown for a string that is well encoded, but longer than its reader wants. */
export class QpackTooLong extends QpackError {}

/** Reads over `bytes`; every method moves `offset`. */
export class QpackReader {
  readonly bytes: Uint8Array;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.offset >= this.bytes.length;
  }

  /** The next byte, without moving past it: its high bits say what follows. */
  peek(): number {
    const byte = this.bytes[this.offset];
    if (byte === undefined) throw new QpackTruncated("truncated");
    return byte;
  }

  /** An integer whose first byte has `prefixBits` of it. At most 2^62 - 1. */
  integer(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1;
    const first = this.#next() & mask;
    if (first < mask) return first;
    let value = BigInt(mask);
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#next();
      value += BigInt(byte & 0x7f) << shift;
      if (value > maxVarint || shift > 63n) throw new QpackError("an integer past 2^62 - 1");
      if ((byte & 0x80) === 0) return Number(value);
    }
  }

  /** A string whose first byte has a Huffman flag and `prefixBits` of its length. At most `maxLength` bytes decoded. */
  string(prefixBits: number, maxLength: number): Uint8Array {
    const isHuffman = (this.peek() & (1 << prefixBits)) !== 0;
    const length = this.integer(prefixBits);
    const end = this.offset + length;
    if (end > this.bytes.length) throw new QpackTruncated("a string longer than what holds it");
    const encoded = this.bytes.subarray(this.offset, end);
    this.offset = end;
    const decoded = isHuffman ? decodeHuffman(encoded, maxLength) : encoded;
    if (decoded === undefined || decoded.length > maxLength) throw new QpackTooLong("a string longer than allowed");
    return decoded;
  }

  #next(): number {
    const byte = this.peek();
    this.offset += 1;
    return byte;
  }
}

/** Appends an integer; `flags` are the bits above the prefix. */
export function writeInteger(
  target: { push(byte: number): unknown },
  value: number,
  prefixBits: number,
  flags: number,
): void {
  const mask = 2 ** prefixBits - 1;
  if (value < mask) {
    target.push(flags | value);
    return;
  }
  target.push(flags | mask);
  let rest = value - mask;
  while (rest >= 128) {
    target.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  target.push(rest);
}

/** Appends a string, Huffman-coded where that is shorter. */
export function writeString(target: ByteBuilder, bytes: Uint8Array, prefixBits: number, flags: number): void {
  const encodedLength = huffmanLength(bytes);
  if (encodedLength < bytes.length) {
    writeInteger(target, encodedLength, prefixBits, flags | (1 << prefixBits));
    target.append(encodeHuffman(bytes));
  } else {
    writeInteger(target, bytes.length, prefixBits, flags);
    target.append(bytes);
  }
}
