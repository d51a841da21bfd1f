/** Bytes as a peer would send them, legal or not. */
import { concatenate } from "../../../src/base/bytes.ts";
import { encodeVarint } from "../../../src/base/varint.ts";
import { CapsuleType, FrameType, SettingId, StreamType } from "../../../src/constants/http3.ts";
import { encodeFieldSection } from "../../../src/protocol/qpack/field-section.ts";

export type Wire = Uint8Array | string | number | bigint;

/** Joins bytes; text is hexadecimal (spaces allowed), numbers are varints. */
export function wire(...parts: readonly Wire[]): Uint8Array<ArrayBuffer> {
  const pieces = parts.map((part) => {
    if (typeof part === "string") return Uint8Array.from(Buffer.from(part.replaceAll(" ", ""), "hex"));
    return part instanceof Uint8Array ? part : encodeVarint(part);
  });
  return Uint8Array.from(concatenate(pieces));
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

export function frame(type: number, ...payload: readonly Wire[]): Uint8Array<ArrayBuffer> {
  const bytes = wire(...payload);
  return wire(type, bytes.length, bytes);
}

export type Fields = readonly (readonly [string, string])[];

export function headers(...fields: Fields): Uint8Array<ArrayBuffer> {
  return frame(FrameType.headers, encodeFieldSection(fields));
}

export function data(...payload: readonly Wire[]): Uint8Array<ArrayBuffer> {
  return frame(FrameType.data, ...payload);
}

export function capsule(type: number, ...value: readonly Wire[]): Uint8Array<ArrayBuffer> {
  const bytes = wire(...value);
  return wire(type, bytes.length, bytes);
}

export function closeCapsule(code: number, reason: Wire = ""): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(4);
  new DataView(value.buffer).setUint32(0, code);
  return capsule(CapsuleType.closeSession, value, reason);
}

export type SettingPairs = readonly (readonly [id: number | bigint, value: number | bigint])[];

export function settings(...pairs: SettingPairs): Uint8Array<ArrayBuffer> {
  return frame(FrameType.settings, ...pairs.flat());
}

/** SETTINGS of a peer that speaks draft-02 and draft-07, without session flow control. */
export const plainSettings: SettingPairs = [
  [SettingId.enableConnectProtocol, 1],
  [SettingId.h3Datagram, 1],
  [SettingId.enableWebTransport, 1],
];

/** A control stream's beginning. */
export function control(...rest: readonly Wire[]): Uint8Array<ArrayBuffer> {
  return wire(StreamType.control, settings(...plainSettings), ...rest);
}

export const connectFields: Fields = [
  [":method", "CONNECT"],
  [":protocol", "webtransport"],
  [":scheme", "https"],
  [":authority", "example.com"],
  [":path", "/wt"],
  ["origin", "https://example.com"],
];

/** The session request with some fields changed, or left out (undefined), and others behind. */
export function connectRequest(
  changes: Readonly<Record<string, string | undefined>> = {},
  ...more: Fields
): Uint8Array<ArrayBuffer> {
  const fields = connectFields
    .map(([name, value]) => [name, name in changes ? changes[name] : value] as const)
    .filter((field): field is readonly [string, string] => field[1] !== undefined);
  return headers(...fields, ...more);
}

export const getFields: Fields = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "example.com"],
  [":path", "/"],
];

export function uniStream(sessionId: number | bigint, ...body: readonly Wire[]): Uint8Array<ArrayBuffer> {
  return wire(StreamType.webTransport, sessionId, ...body);
}

export function bidiStream(sessionId: number | bigint, ...body: readonly Wire[]): Uint8Array<ArrayBuffer> {
  return wire(FrameType.webTransportStream, sessionId, ...body);
}

/** Types that mean nothing (RFC 9114 §7.2.8, draft-ietf-webtrans-http3 §9). */
export const grease = Object.freeze({ frame: 0x21, stream: 0x1f * 7 + 0x21, setting: 0x1f * 3 + 0x21, capsule: 0x17 });
