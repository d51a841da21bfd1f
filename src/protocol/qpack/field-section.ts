/** Field sections with a dynamic table of capacity 0 (RFC 9204 §4.5). */
import { ByteBuilder } from "../../base/byte-builder.ts";
import { encodeUtf8 } from "../../base/utf8.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { WireError } from "../../errors/wire-error.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { HeaderList } from "../output.ts";

import { HuffmanError } from "./huffman.ts";
import { QpackError, QpackReader, QpackTooLong, writeInteger, writeString } from "./prefix-integer.ts";
import { staticTable } from "./static-table.ts";

/** What RFC 9114 §4.2.2 adds to a field's name and value. */
const fieldOverhead = 32;

/** The static table by name and by whole field, for encoding. */
const indexOfField = new Map<string, number>();
const indexOfName = new Map<string, number>();
for (const [index, [name, value]] of staticTable.entries()) {
  indexOfField.set(`${name}\0${value}`, index);
  if (!indexOfName.has(name)) indexOfName.set(name, index);
}

/**
 * Decodes a field section, in the order of the wire. Names and values are octets as Latin-1 text. Throws WireError:
 * QPACK_DECOMPRESSION_FAILED for the connection, or H3_EXCESSIVE_LOAD for the stream when the section is too large.
 */
export function decodeFieldSection(section: Uint8Array, limits: ProtocolLimits): HeaderList {
  try {
    return decode(new QpackReader(section), limits);
  } catch (error) {
    if (error instanceof QpackTooLong) throw tooLarge();
    if (!(error instanceof QpackError || error instanceof HuffmanError)) throw error;
    throw new WireError("connection", WireCodes.QPACK_DECOMPRESSION_FAILED, `field section: ${error.message}`);
  }
}

function decode(reader: QpackReader, limits: ProtocolLimits): HeaderList {
  const requiredInsertCount = reader.integer(8);
  const isBaseNegative = (reader.peek() & 0x80) !== 0;
  reader.integer(7);
  if (requiredInsertCount !== 0) throw new QpackError("it needs entries of a dynamic table that has no capacity");
  if (isBaseNegative) throw new QpackError("a negative base");
  const fields: (readonly [string, string])[] = [];
  let size = 0;
  while (!reader.isAtEnd) {
    const field = decodeField(reader, limits.maxFieldSectionSize);
    size += field[0].length + field[1].length + fieldOverhead;
    if (size > limits.maxFieldSectionSize || fields.length === limits.maxFields) {
      throw tooLarge();
    }
    fields.push(field);
  }
  return fields;
}

function tooLarge(): WireError {
  return new WireError("stream", WireCodes.H3_EXCESSIVE_LOAD, "the field section is too large");
}

function decodeField(reader: QpackReader, maxLength: number): readonly [string, string] {
  const first = reader.peek();
  if ((first & 0x80) !== 0) {
    requireStatic(first, 0x40);
    return staticField(reader.integer(6));
  }
  if ((first & 0xc0) === 0x40) {
    requireStatic(first, 0x10);
    const [name] = staticField(reader.integer(4));
    return [name, latin1(reader.string(7, maxLength))];
  }
  if ((first & 0xe0) === 0x20) {
    const name = latin1(reader.string(3, maxLength));
    return [name, latin1(reader.string(7, maxLength))];
  }
  throw new QpackError("a post-base reference");
}

function requireStatic(first: number, flag: number): void {
  if ((first & flag) === 0) throw new QpackError("a reference to the dynamic table");
}

function staticField(index: number): readonly [string, string] {
  const field = staticTable[index];
  if (field === undefined) throw new QpackError(`static index ${index}`);
  return field;
}

/** Of a section as RFC 9114 §4.2.2 counts it. */
export function fieldSectionSize(fields: HeaderList): number {
  let size = 0;
  for (const [name, value] of fields) size += octets(name).length + octets(value).length + fieldOverhead;
  return size;
}

/** Encodes with static references and literals only. Values are Latin-1 text, as the decoder gives them. */
export function encodeFieldSection(fields: HeaderList): Uint8Array<ArrayBuffer> {
  const target = new ByteBuilder();
  // Required insert count 0, base 0.
  target.push(0);
  target.push(0);
  for (const [name, value] of fields) {
    const field = indexOfField.get(`${name}\0${value}`);
    const nameIndex = indexOfName.get(name);
    if (field !== undefined) {
      writeInteger(target, field, 6, 0xc0);
    } else if (nameIndex !== undefined) {
      writeInteger(target, nameIndex, 4, 0x50);
      writeString(target, octets(value), 7, 0);
    } else {
      writeString(target, octets(name), 3, 0x20);
      writeString(target, octets(value), 7, 0);
    }
  }
  return target.build();
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Characters past Latin-1 cannot stand in a field; they go out as UTF-8. */
function octets(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0xff) return encodeUtf8(text);
    bytes[index] = code;
  }
  return bytes;
}
