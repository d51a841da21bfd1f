/** One request stream. Every transition of a session's state lives in this file. */
import { CapsuleReader } from "../capsule/capsule-reader.ts";
import type { CapsuleEvents } from "../capsule/capsule-reader.ts";
import { FrameType, reservedFrameTypes } from "../../constants/http3.ts";
import { TypeLengthReader } from "../type-length.ts";
import { connectionError, streamError } from "../wire-errors.ts";
import type { TypeLengthHandler, PayloadUse } from "../type-length.ts";
import { RateLimit } from "../limits.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { HeaderList, SessionEnd } from "../output.ts";
import { decodeFieldSection } from "../qpack/field-section.ts";

import type { FlowResource, SessionFlowControl } from "./flow-control.ts";

/**
 * | state    | means                                                              | left by                         |
 * |----------|--------------------------------------------------------------------|---------------------------------|
 * | head     | the header section (a client: the final response) has not arrived  | `headers`                       |
 * | waiting  | a server's session request that has not been answered              | `establish`, `discard`, an end  |
 * | open     | an established session: the body is capsules                       | `closeLocally`, an end          |
 * | closing  | this side has said goodbye, the peer not yet                       | an end                          |
 * | discard  | no session, or not any more: only the rules of framing are checked | the end of the stream           |
 */
export type RequestState = "head" | "waiting" | "open" | "closing" | "discard";

/** What a request stream tells its connection. */
export interface RequestEvents {
  /** A header section. The connection answers by changing the state, or throws WireError. */
  headers(stream: RequestStream, fields: HeaderList): void;
  /** The header section is a frame of `length` bytes, too many to be kept. The connection answers, or throws WireError. */
  headersTooLarge(stream: RequestStream, length: number): void;
  /** All of such a frame has come. */
  headersSkipped(stream: RequestStream): void;
  /** The session has ended, once. */
  ended(stream: RequestStream, end: SessionEnd): void;
  /** The request has ended before it was answered. */
  cancelled(stream: RequestStream): void;
  draining(stream: RequestStream): void;
  datagram(stream: RequestStream, payload: Uint8Array): void;
  /** The peer has raised a limit of the session. */
  creditRaised(stream: RequestStream, resource: FlowResource): void;
  /** `bytes` have been taken in and may come again. */
  consumed(stream: RequestStream, bytes: number): void;
}

export class RequestStream implements TypeLengthHandler, CapsuleEvents {
  readonly id: number;
  state: RequestState = "head";
  /** The peer has sent FIN or a reset. */
  hasEnded = false;
  /** This side's half has ended. */
  isFinished = false;
  readonly #events: RequestEvents;
  readonly #limits: ProtocolLimits;
  readonly #frames = new TypeLengthReader(this);
  readonly #capsules = new CapsuleReader(this);
  readonly #capsuleRate: RateLimit;
  #now = 0;
  #early: Uint8Array[] = [];
  #earlyLength = 0;
  #idleFrames = 0;
  #hasTrailers = false;
  /** Of a HEADERS frame that is too large to be kept: its length, and how much of it has come. */
  #skippedLength = 0;
  #skipped = 0;
  #localEnd: SessionEnd | undefined;
  #isTold = false;
  /** Body bytes of a plain request, against its content-length. */
  #bodyLength = 0;
  contentLength: number | undefined;
  /** The answer must name draft-02. */
  wantsDraft02 = false;
  /** Where the session's streams and bytes are counted; undefined when they are not. */
  flow: SessionFlowControl | undefined;

  constructor(id: number, limits: ProtocolLimits, events: RequestEvents) {
    this.id = id;
    this.#limits = limits;
    this.#events = events;
    this.#capsuleRate = new RateLimit(limits.maxCapsules, 1000);
  }

  /** The application, or the core for it, has decided. */
  get isAnswered(): boolean {
    return this.state !== "head" && this.state !== "waiting";
  }

  /** Bytes of the peer. Throws WireError. */
  push(chunk: Uint8Array, fin: boolean, now: number): void {
    this.#now = now;
    const early = this.#earlyLength;
    this.#frames.push(chunk);
    // What waits for the answer is not given back: the peer is stopped by flow control.
    this.#events.consumed(this, chunk.length - (this.#earlyLength - early));
    if (fin) this.#fin();
  }

  /** The session is established: what has come early is parsed now. Throws WireError. */
  establish(now: number): void {
    this.#now = now;
    this.state = "open";
    const early = this.#early;
    const length = this.#earlyLength;
    this.#early = [];
    this.#earlyLength = 0;
    for (const piece of early) this.#body(piece);
    this.#events.consumed(this, length);
    if (this.hasEnded) this.#fin();
  }

  /** There will be no session: what has come early is dropped. */
  discard(): void {
    this.state = "discard";
    this.#events.consumed(this, this.#earlyLength);
    this.#early = [];
    this.#earlyLength = 0;
  }

  /** This side has said goodbye; the end follows when the peer has, too. */
  closeLocally(end: SessionEnd): void {
    this.#localEnd = end;
    this.state = "closing";
    if (this.hasEnded) this.#end(end);
  }

  /** Ends the session now, for a reason that only this side knows. */
  abort(end: SessionEnd): void {
    if (this.state === "waiting") this.#cancel();
    else this.#end(end);
    this.discard();
  }

  /** The peer has reset its half, or asked this side to stop: the end of the session in any case. */
  peerAborted(code: bigint, what: string): void {
    if (this.state === "waiting") this.#cancel();
    // draft-ietf-webtrans-http3 §6: how a stream ends after the goodbye says nothing more.
    else this.#end({ clean: false, by: "peer", wireCode: code, message: `${what} with code 0x${code.toString(16)}` });
    this.discard();
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
        if (this.state === "head" || this.#hasTrailers) throw unexpected(type);
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
    if (this.state === "head") {
      this.#events.headers(this, fields);
      return;
    }
    this.#hasTrailers = true;
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
    if (this.state === "waiting") {
      this.#earlyLength += piece.length;
      if (this.#earlyLength > this.#limits.maxEarlyBody) {
        throw streamError("H3_EXCESSIVE_LOAD", "too much of a body before the answer");
      }
      this.#early.push(piece);
    } else if (this.state === "discard") {
      this.#bodyLength += piece.length;
    } else {
      this.#body(piece);
    }
  }

  // CapsuleEvents.

  closeSession(code: number, reason: string): void {
    this.#end({ clean: true, code, reason, by: "peer" });
  }

  drainSession(): void {
    if (this.state === "open") this.#events.draining(this);
  }

  datagram(payload: Uint8Array): void {
    if (this.state === "open") this.#events.datagram(this, payload);
  }

  get isFlowControlled(): boolean {
    return this.flow !== undefined;
  }

  flowControl(type: number, value: bigint): void {
    if (this.state !== "open") return;
    const resource = this.flow?.takeCapsule(type, value);
    if (resource !== undefined) this.#events.creditRaised(this, resource);
  }

  count(): void {
    if (!this.#capsuleRate.count(this.#now)) throw connectionError("H3_EXCESSIVE_LOAD", "too many capsules");
  }

  #body(piece: Uint8Array): void {
    this.#capsules.push(piece);
  }

  #beginHeaders(length: number): PayloadUse {
    const isTrailers = this.state !== "head";
    // RFC 9114 §4.4: behind the answer to CONNECT there is only DATA.
    if (this.#hasTrailers || (isTrailers && (this.state !== "discard" || this.#localEnd !== undefined))) {
      throw unexpected(FrameType.headers);
    }
    if (length <= this.#limits.maxHeadersPayload) return "whole";
    if (isTrailers) this.#hasTrailers = true;
    else this.#events.headersTooLarge(this, length);
    this.#skippedLength = length;
    return "pieces";
  }

  #skipHeaders(bytes: number): void {
    this.#skipped += bytes;
    if (this.#skipped > this.#limits.maxSkippedHeaders) {
      throw connectionError("H3_EXCESSIVE_LOAD", `more than ${this.#limits.maxSkippedHeaders} bytes of HEADERS`);
    }
    if (this.#skipped === this.#skippedLength) this.#events.headersSkipped(this);
  }

  #countIdle(): void {
    this.#idleFrames += 1;
    if (this.#idleFrames > this.#limits.maxIdleFrames) {
      throw connectionError("H3_EXCESSIVE_LOAD", "too many frames without effect");
    }
  }

  #fin(): void {
    this.hasEnded = true;
    if (!this.#frames.isAtBoundary) throw connectionError("H3_FRAME_ERROR", "the stream ends inside a frame");
    switch (this.state) {
      case "head":
        throw streamError("H3_REQUEST_INCOMPLETE", "the stream ends before its header section");
      case "waiting":
        break;
      case "open":
      case "closing":
        if (!this.#capsules.isAtBoundary) throw streamError("H3_MESSAGE_ERROR", "the stream ends inside a capsule");
        // draft-ietf-webtrans-http3 §6: FIN alone means code 0 and no reason.
        this.#end({ clean: true, code: 0, reason: "", by: "peer", withoutCapsule: true });
        break;
      case "discard":
        if (this.contentLength !== undefined && this.contentLength !== this.#bodyLength) {
          throw streamError("H3_MESSAGE_ERROR", "malformed message: content-length and body differ");
        }
        break;
    }
  }

  /** The first goodbye counts: when this side has said it, the peer's says nothing new. */
  #end(end: SessionEnd): void {
    if (this.state !== "open" && this.state !== "closing") return;
    // Not "discard" yet: what follows the goodbye is still judged as the session's body.
    this.state = "closing";
    const told = this.#localEnd ?? end;
    if (this.#isTold) return;
    this.#isTold = true;
    this.#localEnd = told;
    this.#events.ended(this, told);
  }

  #cancel(): void {
    this.discard();
    this.#events.cancelled(this);
  }
}

function unexpected(type: number): Error {
  return connectionError("H3_FRAME_UNEXPECTED", `frame type 0x${type.toString(16)} on a request stream`);
}
