import { noBytes } from "../../base/bytes.ts";
import { decodeUtf8Strict, truncateUtf8 } from "../../base/utf8.ts";
import { encodeVarint, readVarint } from "../../base/varint.ts";
import { CapsuleType, FrameType, maxCloseReasonBytes } from "../../constants/http3.ts";
import type { WireError } from "../../errors/wire-error.ts";
import { encodeFrame } from "../http3/frames.ts";
import { encodeTypeLength, TypeLengthReader } from "../type-length.ts";
import type { PayloadUse, TypeLengthHandler } from "../type-length.ts";
import { streamError } from "../wire-errors.ts";

/** Datagrams in capsules that are larger are skipped: no QUIC packet could have carried them either. */
const maxDatagram = 65_536;

export interface CapsuleEvents {
  closeSession(code: number, reason: string): void;
  drainSession(): void;
  datagram(payload: Uint8Array): void;
  /** Whether capsules of flow control mean something here; without it they are skipped. */
  readonly isFlowControlled: boolean;
  /** A capsule of flow control, all of which hold one number. */
  flowControl(type: number, value: bigint): void;
  /** A capsule has begun, of a type that may be there. */
  count(): void;
}

/** Reads the body of an established CONNECT stream as capsules (RFC 9297 §3.2), at whatever bytes it arrives. */
export class CapsuleReader implements TypeLengthHandler {
  readonly #events: CapsuleEvents;
  readonly #reader = new TypeLengthReader(this);
  #isClosed = false;

  constructor(events: CapsuleEvents) {
    this.#events = events;
  }

  /** Whether the stream may end here. */
  get isAtBoundary(): boolean {
    return this.#reader.isAtBoundary;
  }

  push(chunk: Uint8Array): void {
    const taken = this.#isClosed ? 0 : this.#reader.push(chunk);
    // draft-ietf-webtrans-http3 §6: the close capsule is the last thing on the stream.
    if (taken < chunk.length) throw streamError("H3_MESSAGE_ERROR", "data after WT_CLOSE_SESSION");
  }

  // TypeLengthHandler.

  /** Decides by the declared length, before anything is kept. */
  begin(type: number, length: number): PayloadUse {
    // draft-ietf-webtrans-http3 §5.4: prohibited over HTTP/3.
    if (type === CapsuleType.maxStreamData || type === CapsuleType.streamDataBlocked) {
      throw streamError("H3_MESSAGE_ERROR", `capsule type 0x${type.toString(16)} over HTTP/3`);
    }
    this.#events.count();
    switch (type) {
      case CapsuleType.closeSession:
        if (length < 4 || length > 4 + maxCloseReasonBytes) {
          throw streamError("H3_MESSAGE_ERROR", `WT_CLOSE_SESSION of ${length} bytes`);
        }
        return "whole";
      case CapsuleType.drainSession:
        if (length > 0) throw streamError("H3_MESSAGE_ERROR", `WT_DRAIN_SESSION of ${length} bytes`);
        return "whole";
      case CapsuleType.datagram:
        return length <= maxDatagram ? "whole" : "skipped";
      case CapsuleType.maxData:
      case CapsuleType.maxStreamsBidirectional:
      case CapsuleType.maxStreamsUnidirectional:
      case CapsuleType.dataBlocked:
      case CapsuleType.streamsBlockedBidirectional:
      case CapsuleType.streamsBlockedUnidirectional:
        if (!this.#events.isFlowControlled) return "skipped";
        if (length === 0 || length > 8) throw notOneNumber(type);
        return "whole";
      default:
        return "skipped";
    }
  }

  whole(type: number, value: Uint8Array): void {
    switch (type) {
      case CapsuleType.drainSession:
        this.#events.drainSession();
        break;
      case CapsuleType.datagram:
        this.#events.datagram(value);
        break;
      case CapsuleType.closeSession: {
        const reason = decodeUtf8Strict(value.subarray(4));
        if (reason === undefined) throw streamError("H3_MESSAGE_ERROR", "the reason of WT_CLOSE_SESSION is not UTF-8");
        this.#isClosed = true;
        this.#reader.pause();
        this.#events.closeSession(new DataView(value.buffer, value.byteOffset).getUint32(0), reason);
        break;
      }
      default: {
        const number = readVarint(value, 0);
        if (number?.end !== value.length) throw notOneNumber(type);
        this.#events.flowControl(type, number.value);
      }
    }
  }

  piece(): void {
    // No value is taken in pieces.
  }
}

function notOneNumber(type: number): WireError {
  return streamError("H3_MESSAGE_ERROR", `capsule type 0x${type.toString(16)} does not hold one number`);
}

/** One capsule in one DATA frame: some peers read no other. */
function inDataFrame(type: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeFrame(FrameType.data, encodeTypeLength(type, value));
}

/** WT_CLOSE_SESSION in a DATA frame; the reason is cut at a character's border. */
export function encodeCloseSession(code: number, reason: string): Uint8Array<ArrayBuffer> {
  const text = truncateUtf8(reason, maxCloseReasonBytes);
  const value = new Uint8Array(4 + text.length);
  new DataView(value.buffer).setUint32(0, code);
  value.set(text, 4);
  return inDataFrame(CapsuleType.closeSession, value);
}

/** WT_DRAIN_SESSION in a DATA frame. */
export function encodeDrainSession(): Uint8Array<ArrayBuffer> {
  return inDataFrame(CapsuleType.drainSession, noBytes);
}

/** A capsule that holds one number, in a DATA frame. */
export function encodeVarintCapsule(type: number, value: number): Uint8Array<ArrayBuffer> {
  return inDataFrame(type, encodeVarint(value));
}
