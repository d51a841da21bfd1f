import { isRequestId } from "../../base/stream-id.ts";
import { readVarint } from "../../base/varint.ts";
import { FrameType, reservedFrameTypes } from "../../constants/http3.ts";
import type { ProtocolLimits } from "../limits.ts";
import { RateLimit } from "../limits.ts";
import { TypeLengthReader } from "../type-length.ts";
import type { PayloadUse, TypeLengthHandler } from "../type-length.ts";
import { connectionError } from "../wire-errors.ts";

import { decodeSettings } from "./settings.ts";
import type { Settings } from "./settings.ts";

/** Frames that belong on other streams (RFC 9114 §7.2, Table 1). */
const misplaced: ReadonlySet<number> = new Set([FrameType.data, FrameType.headers, FrameType.pushPromise]);

export type ControlEvent =
  { readonly type: "settings"; readonly settings: Settings } | { readonly type: "goaway"; readonly id: bigint };

/** The peer's control stream (RFC 9114 §6.2.1): bytes go in with {@link push}, what they say comes out of {@link next}. */
export class ControlStream implements TypeLengthHandler {
  readonly #reader = new TypeLengthReader(this);
  readonly #role: "client" | "server";
  readonly #limits: ProtocolLimits;
  readonly #rate: RateLimit;
  #unread: Uint8Array | undefined;
  #event: ControlEvent | undefined;
  #now = 0;
  #hasSettings = false;
  #goaway: bigint | undefined;
  #maxPushId: bigint | undefined;

  constructor(role: "client" | "server", limits: ProtocolLimits) {
    this.#role = role;
    this.#limits = limits;
    this.#rate = new RateLimit(limits.maxControlFrames, limits.rateWindow);
  }

  push(chunk: Uint8Array, now: number): void {
    this.#now = now;
    this.#unread = chunk;
  }

  /** To be called until it gives undefined, before the next bytes come. Throws WireError. */
  next(): ControlEvent | undefined {
    while (this.#unread !== undefined) {
      const chunk = this.#unread;
      const taken = this.#reader.push(chunk);
      this.#unread = taken < chunk.length ? chunk.subarray(taken) : undefined;
      const event = this.#event;
      this.#event = undefined;
      if (event !== undefined) return event;
    }
    return undefined;
  }

  begin(type: number, length: number): PayloadUse {
    if (!this.#rate.count(this.#now))
      throw connectionError("H3_EXCESSIVE_LOAD", "too many frames on the control stream");
    // RFC 9114 §6.2.1: the first frame is SETTINGS.
    if (!this.#hasSettings && type !== FrameType.settings) {
      throw connectionError("H3_MISSING_SETTINGS", `the control stream begins with frame type 0x${type.toString(16)}`);
    }
    // draft-ietf-webtrans-http3 §4.3: the signal is the first thing on a stream or nothing.
    if (type === FrameType.webTransportStream)
      throw connectionError("H3_FRAME_ERROR", "WT_STREAM on the control stream");
    if (reservedFrameTypes.has(type) || misplaced.has(type) || this.#isOtherSides(type)) {
      throw connectionError("H3_FRAME_UNEXPECTED", `frame type 0x${type.toString(16)} on the control stream`);
    }
    if (!handled.has(type)) return "skipped";
    if (length > this.#limits.maxControlPayload) {
      throw connectionError("H3_EXCESSIVE_LOAD", `a frame of ${length} bytes on the control stream`);
    }
    return "whole";
  }

  whole(type: number, payload: Uint8Array): void {
    switch (type) {
      case FrameType.settings:
        if (this.#hasSettings) throw connectionError("H3_FRAME_UNEXPECTED", "a second SETTINGS frame");
        this.#hasSettings = true;
        this.#tell({ type: "settings", settings: decodeSettings(payload) });
        break;
      case FrameType.goaway:
        this.#takeGoaway(onlyVarint(payload, "GOAWAY"));
        break;
      case FrameType.maxPushId: {
        const id = onlyVarint(payload, "MAX_PUSH_ID");
        if (id < (this.#maxPushId ?? 0n)) throw connectionError("H3_ID_ERROR", "MAX_PUSH_ID lower than before");
        this.#maxPushId = id;
        break;
      }
      case FrameType.cancelPush:
        // Nothing is ever pushed here, in neither direction.
        onlyVarint(payload, "CANCEL_PUSH");
        throw connectionError("H3_ID_ERROR", "CANCEL_PUSH for a push that was never promised");
      case FrameType.priorityUpdateRequest: {
        // RFC 9218 §7.2. Sessions are not prioritised, so only the id is looked at.
        const id = readVarint(payload, 0);
        if (id === undefined) throw connectionError("H3_FRAME_ERROR", "PRIORITY_UPDATE without an id");
        if (!isRequestId(id.value)) throw connectionError("H3_ID_ERROR", "PRIORITY_UPDATE for what is no request");
        break;
      }
      case FrameType.priorityUpdatePush:
        throw connectionError("H3_ID_ERROR", "PRIORITY_UPDATE for a push that was never promised");
    }
  }

  piece(): void {
    // No payload of this stream is taken in pieces.
  }

  #isOtherSides(type: number): boolean {
    const clientOnly =
      type === FrameType.maxPushId || type === FrameType.priorityUpdateRequest || type === FrameType.priorityUpdatePush;
    return clientOnly && this.#role === "client";
  }

  #takeGoaway(id: bigint): void {
    // RFC 9114 §5.2: a server names a request; ids never grow.
    if (this.#role === "client" && !isRequestId(id)) throw connectionError("H3_ID_ERROR", "GOAWAY names no request");
    if (this.#goaway !== undefined && id > this.#goaway)
      throw connectionError("H3_ID_ERROR", "GOAWAY with a larger id");
    this.#goaway = id;
    this.#tell({ type: "goaway", id });
  }

  #tell(event: ControlEvent): void {
    this.#event = event;
    this.#reader.pause();
  }
}

const handled: ReadonlySet<number> = new Set([
  FrameType.settings,
  FrameType.goaway,
  FrameType.maxPushId,
  FrameType.cancelPush,
  FrameType.priorityUpdateRequest,
  FrameType.priorityUpdatePush,
]);

function onlyVarint(payload: Uint8Array, name: string): bigint {
  const varint = readVarint(payload, 0);
  if (varint?.end !== payload.length) throw connectionError("H3_FRAME_ERROR", `${name} must hold one varint`);
  return varint.value;
}
