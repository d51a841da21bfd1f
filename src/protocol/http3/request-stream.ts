import { gather } from "../../base/gather.ts";
import { noBytes } from "../../base/bytes.ts";
import { FrameType, reservedFrameTypes } from "../../constants/http3.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { HeaderList } from "../output.ts";
import { decodeFieldSection } from "../qpack/field-section.ts";
import { TypeLengthReader } from "../type-length.ts";
import type { PayloadUse, TypeLengthHandler } from "../type-length.ts";
import { connectionError, streamError } from "../wire-errors.ts";

/** What comes on a request stream, in this order. */
export type RequestEvent =
  /** A header section: of a request or of a response, interim ones included. */
  | { readonly type: "headers"; readonly fields: HeaderList }
  /** A header section has begun that is a frame of `length` bytes, too many to be kept. */
  | { readonly type: "headersTooLarge"; readonly length: number }
  /** All of a frame has come that was too large to be kept: of a header section, or of trailers. */
  | { readonly type: "headersSkipped" }
  /** A part of the bytes that were pushed. */
  | { readonly type: "data"; readonly bytes: Uint8Array }
  /** FIN: everything has come. */
  | { readonly type: "end" };

export interface BodyRules {
  /** RFC 9114 §4.4: behind the answer to CONNECT there is only DATA. */
  readonly allowsTrailers: boolean;
  /** What `content-length` says. */
  readonly length?: number | undefined;
}

/**
 * The peer's half of one request stream (RFC 9114 §4.1): which frames may come, and in which order. It knows nothing of
 * what the request is for. Bytes go in with {@link push}; what they say is taken out with {@link next}, and nothing is
 * read beyond what has been taken: who takes the header section decides how the body is read.
 */
export class RequestStream implements TypeLengthHandler {
  readonly id: number;
  /** The peer's half has ended: its FIN has been read, or it has reset the stream. */
  receiveEnded = false;
  /** This side's half has ended, or the peer wants no more of it. */
  sendEnded = false;
  readonly #limits: ProtocolLimits;
  readonly #frames = new TypeLengthReader(this);
  /** What has come and is not read. */
  #unread: Uint8Array[] | undefined;
  #hasFin = false;
  #event: RequestEvent | undefined;
  #uncredited = 0;
  #part: "head" | "body" | "trailers" = "head";
  #rules: BodyRules | undefined;
  #bodyLength = 0;
  #idleFrames = 0;
  /** Of a HEADERS frame that is too large to be kept: its length, and how much of it has come. */
  #skippedLength = 0;
  #skipped = 0;

  constructor(id: number, limits: ProtocolLimits) {
    this.id = id;
    this.#limits = limits;
  }

  /** Bytes of the peer, which are the stream's to keep. */
  push(chunk: Uint8Array, fin: boolean): void {
    if (chunk.length > 0) gather((this.#unread ??= []), chunk);
    this.#hasFin ||= fin;
  }

  /** The next event; undefined when more bytes are needed. Throws WireError. */
  next(): RequestEvent | undefined {
    if (this.receiveEnded) return undefined;
    while (this.#unread !== undefined) {
      this.#readSome(this.#unread);
      const event = this.#event;
      if (event === undefined) continue;
      this.#event = undefined;
      return event;
    }
    return this.#hasFin ? this.#end() : undefined;
  }

  /** The final header section has been taken: what follows is its body. */
  beginBody(rules: BodyRules): void {
    this.#part = "body";
    this.#rules = rules;
  }

  /** Bytes of an event are kept: their credit is not to be given back yet. */
  keep(bytes: number): void {
    this.#uncredited -= bytes;
  }

  /** Bytes that have been read since this was last asked: so many more may come. */
  takeCredit(): number {
    const bytes = this.#uncredited;
    this.#uncredited = 0;
    return bytes;
  }

  // TypeLengthHandler.

  begin(type: number, length: number): PayloadUse {
    // draft-ietf-webtrans-http3 §4.3: the signal is the first thing on a stream or nothing.
    if (type === FrameType.webTransportStream)
      throw connectionError("H3_FRAME_ERROR", "WT_STREAM inside a request stream");
    if (reservedFrameTypes.has(type)) throw unexpected(type);
    switch (type) {
      case FrameType.headers:
        return this.#beginHeaders(length);
      case FrameType.data:
        // RFC 9114 §4.1: HEADERS first, nothing behind trailers.
        if (this.#part !== "body") throw unexpected(type);
        if (length === 0) this.#countIdle();
        return "pieces";
      case FrameType.cancelPush:
      case FrameType.settings:
      case FrameType.goaway:
      case FrameType.maxPushId:
      case FrameType.pushPromise:
      case FrameType.priorityUpdateRequest:
      case FrameType.priorityUpdatePush:
        throw unexpected(type);
      default:
        this.#countIdle();
        return "skipped";
    }
  }

  whole(_type: number, payload: Uint8Array): void {
    const fields = decodeFieldSection(payload, this.#limits);
    if (this.#part === "head") {
      this.#tell({ type: "headers", fields });
      return;
    }
    this.#part = "trailers";
    if (fields.some(([name]) => name.startsWith(":"))) {
      throw streamError("H3_MESSAGE_ERROR", "malformed message: a pseudo-header in trailers");
    }
  }

  piece(type: number, piece: Uint8Array): void {
    this.#idleFrames = 0;
    if (type === FrameType.headers) {
      this.#skipHeaders(piece.length);
      return;
    }
    this.#bodyLength += piece.length;
    this.#tell({ type: "data", bytes: piece });
  }

  /** Reads the first of the chunks to its end, or to the next event. */
  #readSome(chunks: Uint8Array[]): void {
    const [chunk = noBytes] = chunks;
    const taken = this.#frames.push(chunk);
    this.#uncredited += taken;
    if (taken < chunk.length) chunks[0] = chunk.subarray(taken);
    else if (chunks.length > 1) chunks.shift();
    else this.#unread = undefined;
  }

  #tell(event: RequestEvent): void {
    this.#event = event;
    this.#frames.pause();
  }

  #beginHeaders(length: number): PayloadUse {
    const isTrailers = this.#part !== "head";
    if (this.#part === "trailers" || (isTrailers && this.#rules?.allowsTrailers !== true)) {
      throw unexpected(FrameType.headers);
    }
    if (length <= this.#limits.maxHeadersPayload) return "whole";
    if (isTrailers) this.#part = "trailers";
    else this.#tell({ type: "headersTooLarge", length });
    this.#skippedLength = length;
    return "pieces";
  }

  #skipHeaders(bytes: number): void {
    this.#skipped += bytes;
    if (this.#skipped > this.#limits.maxSkippedHeaders) {
      throw connectionError("H3_EXCESSIVE_LOAD", `more than ${this.#limits.maxSkippedHeaders} bytes of HEADERS`);
    }
    if (this.#skipped === this.#skippedLength) this.#tell({ type: "headersSkipped" });
  }

  #countIdle(): void {
    this.#idleFrames += 1;
    if (this.#idleFrames > this.#limits.maxIdleFrames) {
      throw connectionError("H3_EXCESSIVE_LOAD", "too many frames without effect");
    }
  }

  #end(): RequestEvent {
    this.receiveEnded = true;
    if (!this.#frames.isAtBoundary) throw connectionError("H3_FRAME_ERROR", "the stream ends inside a frame");
    if (this.#part === "head") {
      throw streamError("H3_REQUEST_INCOMPLETE", "the stream ends before its header section");
    }
    const length = this.#rules?.length;
    if (length !== undefined && length !== this.#bodyLength) {
      throw streamError("H3_MESSAGE_ERROR", "malformed message: content-length and body differ");
    }
    return { type: "end" };
  }
}

function unexpected(type: number): Error {
  return connectionError("H3_FRAME_UNEXPECTED", `frame type 0x${type.toString(16)} on a request stream`);
}
