import { readVarint } from "../../base/varint.ts";
import { FrameType, reservedSettings, SettingId } from "../../constants/http3.ts";

import { encodeFrame, encodeVarints } from "./frames.ts";
import type { WireError } from "../../errors/wire-error.ts";
import { connectionError } from "../wire-errors.ts";

export type Settings = ReadonlyMap<bigint, bigint>;

/** Pairs that one SETTINGS frame may hold. */
const maxSettings = 128;

/** Settings that are switches: any value besides 0 and 1 is an error. */
const switches: ReadonlySet<bigint> = new Set([
  SettingId.enableConnectProtocol,
  SettingId.h3Datagram,
  SettingId.enableWebTransport,
]);

export function encodeSettings(settings: Settings): Uint8Array<ArrayBuffer> {
  return encodeFrame(FrameType.settings, encodeVarints(...[...settings].flat()));
}

/** The payload of a SETTINGS frame (RFC 9114 §7.2.4). Throws WireError. */
export function decodeSettings(payload: Uint8Array): Settings {
  const settings = new Map<bigint, bigint>();
  let offset = 0;
  while (offset < payload.length) {
    const id = readVarint(payload, offset);
    const value = id === undefined ? undefined : readVarint(payload, id.end);
    if (id === undefined || value === undefined) throw connectionError("H3_FRAME_ERROR", "SETTINGS end inside a pair");
    offset = value.end;
    if (settings.size === maxSettings) throw connectionError("H3_EXCESSIVE_LOAD", `more than ${maxSettings} settings`);
    if (settings.has(id.value)) throw wrongSetting(id.value, "twice");
    if (reservedSettings.has(id.value)) throw wrongSetting(id.value, "is reserved");
    if (switches.has(id.value) && value.value > 1n) {
      throw wrongSetting(id.value, `is ${value.value}, allowed are 0 and 1`);
    }
    settings.set(id.value, value.value);
  }
  return settings;
}

function wrongSetting(id: bigint, what: string): WireError {
  return connectionError("H3_SETTINGS_ERROR", `setting 0x${id.toString(16)} ${what}`);
}
