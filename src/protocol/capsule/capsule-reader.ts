import { concatenate, noBytes } from "../../base/bytes.ts";
import { gather } from "../../base/gather.ts";
import { decodeUtf8Strict, truncateUtf8 } from "../../base/utf8.ts";
import { VarintAssembler } from "../../base/varint-assembler.ts";
import { encodeVarint, readVarint } from "../../base/varint.ts";
import { CapsuleType, FrameType } from "../../constants/http3.ts";
import type { WireError } from "../../errors/wire-error.ts";
import { encodeFrame, streamError } from "../http3/frame-reader.ts";

/** draft-ietf-webtrans-http3 §6: the reason of WT_CLOSE_SESSION, bytes of UTF-8. */
export const maxReasonLength = 1024;

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
  /** A capsule of a known type has begun. */
  count(): void;
}

/** Splits the body of an established CONNECT stream into capsules (RFC 9297 §3.2), at whatever bytes it arrives. */
export class CapsuleReader {
  readonly #events: CapsuleEvents;
  readonly #varint = new VarintAssembler();
  #type: number | undefined;
  #inValue = false;
  #isClosed = false;
  #isWanted = false;
  #missing = 0;
  #pieces: Uint8Array[] = [];

  constructor(events: CapsuleEvents) {
    this.#events = events;
  }

  /** Whether the stream may end here. */
  get isAtBoundary(): boolean {
    return this.#type === undefined && this.#varint.isEmpty;
  }

  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length || (this.#inValue && this.#missing === 0)) {
      if (!this.#inValue) {
        this.#header(chunk[offset] ?? 0);
        offset += 1;
        continue;
      }
      const piece = chunk.subarray(offset, offset + Math.min(this.#missing, chunk.length - offset));
      offset += piece.length;
      this.#missing -= piece.length;
      if (this.#isWanted && piece.length > 0) gather(this.#pieces, piece);
      if (this.#missing === 0) this.#end();
    }
  }

  #header(byte: number): void {
    // draft-ietf-webtrans-http3 §6: the goodbye is the last thing on the stream.
    if (this.#isClosed) throw streamError("H3_MESSAGE_ERROR", "data after WT_CLOSE_SESSION");
    const value = this.#varint.push(byte);
    if (value === undefined) return;
    if (this.#type === undefined) {
      this.#type = value;
      return;
    }
    this.#missing = value;
    this.#inValue = true;
    this.#isWanted = this.#wants(this.#type, value);
  }

  /** Decides by the declared length, before anything is kept. */
  #wants(type: number, length: number): boolean {
    switch (type) {
      case CapsuleType.closeSession:
        this.#events.count();
        if (length < 4 || length > 4 + maxReasonLength) {
          throw streamError("H3_MESSAGE_ERROR", `WT_CLOSE_SESSION of ${length} bytes`);
        }
        return true;
      case CapsuleType.drainSession:
        this.#events.count();
        if (length > 0) throw streamError("H3_MESSAGE_ERROR", `WT_DRAIN_SESSION of ${length} bytes`);
        return true;
      case CapsuleType.datagram:
        this.#events.count();
        return length <= maxDatagram;
      case CapsuleType.maxStreamData:
      case CapsuleType.streamDataBlocked:
        // draft-ietf-webtrans-http3 §5.4: prohibited over HTTP/3.
        throw streamError("H3_MESSAGE_ERROR", `capsule type 0x${type.toString(16)} over HTTP/3`);
      case CapsuleType.maxData:
      case CapsuleType.maxStreamsBidirectional:
      case CapsuleType.maxStreamsUnidirectional:
      case CapsuleType.dataBlocked:
      case CapsuleType.streamsBlockedBidirectional:
      case CapsuleType.streamsBlockedUnidirectional:
        this.#events.count();
        if (this.#events.isFlowControlled && (length === 0 || length > 8)) throw notOneNumber(type);
        return this.#events.isFlowControlled;
      default:
        this.#events.count();
        return false;
    }
  }

  #end(): void {
    const type = this.#type;
    const value = this.#pieces.length === 0 ? noBytes : concatenate(this.#pieces);
    const isWanted = this.#isWanted;
    this.#type = undefined;
    this.#inValue = false;
    this.#pieces = [];
    if (!isWanted) return;
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
        this.#events.closeSession(new DataView(value.buffer, value.byteOffset).getUint32(0), reason);
        break;
      }
      case undefined:
        break;
      default: {
        const number = readVarint(value, 0);
        if (number?.end !== value.length) throw notOneNumber(type);
        this.#events.flowControl(type, number.value);
      }
    }
  }
}

function notOneNumber(type: number): WireError {
  return streamError("H3_MESSAGE_ERROR", `capsule type 0x${type.toString(16)} does not hold one number`);
}

/** One capsule in one DATA frame: some peers read no other. */
function inDataFrame(type: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeFrame(FrameType.data, encodeFrame(type, value));
}

/** WT_CLOSE_SESSION in a DATA frame; the reason is cut at a character's border. */
export function encodeCloseSession(code: number, reason: string): Uint8Array<ArrayBuffer> {
  const text = truncateUtf8(reason, maxReasonLength);
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
