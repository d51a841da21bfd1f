import { WireCodes } from "../../constants/wire-codes.ts";
import { DeadlineList } from "../deadlines.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { Outputs } from "../outputs.ts";

import { contentLengthOf, parseRequest } from "./fields.ts";
import type { RequestHead } from "./fields.ts";
import { RequestStream } from "./request-stream.ts";
import { refuseRest, writeResponse } from "./responses.ts";
import type { Response } from "./responses.ts";

/** A CONNECT request. Its stream has been read to the end of the header section, and belongs to the receiver of this. */
export interface ConnectRequest {
  readonly stream: RequestStream;
  readonly head: RequestHead;
}

/** Is told of requests that ask for no session, or have ended before they could. */
export interface SessionIds {
  neverASession(streamId: number): void;
}

interface Request {
  readonly stream: RequestStream;
  /**
   * - `head`: its header section is on its way.
   * - `told`: the output `request` has been given. What follows is not read: QUIC's flow control bounds it.
   * - `reading`: its body is given as `requestData`; the caller gives the credit back.
   * - `answered`: the rest is read and dropped.
   */
  stage: "head" | "told" | "reading" | "answered";
}

/** A server's requests: those that are no CONNECT from their first frame to their end, the others until they are known to be one. */
export class Requests {
  readonly #limits: ProtocolLimits;
  readonly #outputs: Outputs;
  readonly #sessionIds: SessionIds;
  /** Most connections have none for most of their time. */
  #requests: Map<number, Request> | undefined;
  #headDeadlines: DeadlineList<number> | undefined;

  constructor(limits: ProtocolLimits, outputs: Outputs, sessionIds: SessionIds) {
    this.#limits = limits;
    this.#outputs = outputs;
    this.#sessionIds = sessionIds;
  }

  get nextDeadline(): number {
    return this.#headDeadlines?.next ?? Infinity;
  }

  has(streamId: number): boolean {
    return this.#requests?.has(streamId) === true;
  }

  /** Its header section has not come to its end. */
  isIncomplete(streamId: number): boolean {
    return this.#requests?.get(streamId)?.stage === "head";
  }

  open(streamId: number): void {
    this.#requests ??= new Map();
    this.#requests.set(streamId, { stream: new RequestStream(streamId, this.#limits), stage: "head" });
  }

  /** Bytes of the peer. Gives the request if it is CONNECT, and forgets it. Throws WireError. */
  push(streamId: number, chunk: Uint8Array, fin: boolean, now: number): ConnectRequest | undefined {
    const request = this.#requests?.get(streamId);
    if (request === undefined) return undefined;
    request.stream.push(chunk, fin);
    return request.stage === "told" ? undefined : this.#read(request, now);
  }

  // What the caller asks for.

  /** The body of a request is wanted: it comes as `requestData`. Throws WireError. */
  readBody(streamId: number, now: number): void {
    const request = this.#requests?.get(streamId);
    if (request?.stage !== "told") return;
    request.stage = "reading";
    this.#read(request, now);
  }

  /** Bytes of `requestData` have been used up. */
  consume(streamId: number, bytes: number): void {
    if (this.has(streamId)) this.#outputs.consumed(streamId, bytes);
  }

  /** Answers a request that was told; what is still to come of it is dropped. Throws WireError. */
  respond(streamId: number, response: Response, body: Uint8Array | undefined, now: number): void {
    const request = this.#requests?.get(streamId);
    if (request?.stage !== "told" && request?.stage !== "reading") return;
    this.#answer(request, response, body);
    this.#read(request, now);
  }

  // What ends a request.

  /** Gives whether it had no answer yet. */
  peerReset(streamId: number, code: bigint): boolean {
    const request = this.#requests?.get(streamId);
    if (request === undefined) return false;
    request.stream.receiveEnded = true;
    return this.#peerAborted(request, code);
  }

  /** The peer wants no answer, whatever it says. Gives whether it had none yet. */
  peerStopped(streamId: number, code: bigint): boolean {
    const request = this.#requests?.get(streamId);
    if (request === undefined) return false;
    request.stream.sendEnded = true;
    return this.#peerAborted(request, code);
  }

  /** The peer has broken a rule on this stream. */
  violated(streamId: number, code: bigint): void {
    const request = this.#requests?.get(streamId);
    if (request === undefined) return;
    if (request.stage === "head" && code === WireCodes.H3_EXCESSIVE_LOAD) {
      // Friendlier than a reset, whose code no browser shows.
      this.#answerTooLarge(request);
      refuseRest(this.#outputs, request.stream);
      this.#forget(streamId);
    } else {
      this.#end(request, code, code);
    }
  }

  /** Ends a request that the caller does not know. */
  refuse(streamId: number, code: bigint): void {
    const request = this.#requests?.get(streamId);
    if (request !== undefined) this.#end(request, code, code);
  }

  handleTimeout(now: number): void {
    for (const streamId of this.#headDeadlines?.expire(now) ?? []) {
      const request = this.#requests?.get(streamId);
      if (request?.stage === "head") this.#end(request, WireCodes.H3_REQUEST_CANCELLED);
      // It was too large and is answered, but has not come to its end.
      else if (request !== undefined) this.#abandon(request, WireCodes.H3_NO_ERROR);
    }
  }

  #read(request: Request, now: number): ConnectRequest | undefined {
    const { stream } = request;
    for (let event = stream.next(); event !== undefined; event = stream.next()) {
      switch (event.type) {
        case "headers": {
          const head = parseRequest(event.fields);
          if (head.method === "CONNECT") {
            this.#release(stream.id);
            return { stream, head };
          }
          this.#headDeadlines?.cancel(stream.id);
          this.#tell(request, head);
          return undefined;
        }
        case "headersTooLarge":
          // At once: a client that is told so need not send the rest; one that does is read until it has.
          this.#answerTooLarge(request);
          this.#awaitHead(stream.id, now);
          break;
        case "headersSkipped":
          this.#skipped(request);
          return undefined;
        case "data":
          if (request.stage !== "reading") break;
          stream.keep(event.bytes.length);
          this.#outputs.push({ type: "requestData", streamId: stream.id, data: Uint8Array.from(event.bytes) });
          break;
        case "end":
          if (request.stage === "reading") this.#outputs.push({ type: "requestEnded", streamId: stream.id });
          break;
      }
    }
    this.#outputs.consumed(stream.id, stream.takeCredit());
    if (request.stage === "head") this.#awaitHead(stream.id, now);
    if (stream.receiveEnded && stream.sendEnded) this.#forget(stream.id);
    return undefined;
  }

  /** What follows waits, unread, until its body is wanted or it is answered. */
  #tell(request: Request, head: RequestHead): void {
    const { stream } = request;
    request.stage = "told";
    stream.beginBody({ allowsTrailers: true, length: contentLengthOf(head.fields) });
    this.#outputs.consumed(stream.id, stream.takeCredit());
    this.#outputs.push({ type: "request", streamId: stream.id, headers: head.fields });
    this.#sessionIds.neverASession(stream.id);
  }

  /** RFC 6585 §5. */
  #answerTooLarge(request: Request): void {
    this.#answer(request, { status: 431, headers: [] });
    this.#sessionIds.neverASession(request.stream.id);
    this.#outputs.push({ type: "requestRefused", status: 431, cause: "headers", headers: [] });
  }

  #answer(request: Request, response: Response, body?: Uint8Array): void {
    request.stage = "answered";
    writeResponse(this.#outputs, request.stream, response, body);
  }

  /** Trailers or a header section that were too large have come to their end: nothing behind them is wanted. */
  #skipped(request: Request): void {
    const { stream } = request;
    if (request.stage !== "reading") {
      this.#abandon(request, WireCodes.H3_NO_ERROR);
      return;
    }
    // The body is complete, and the answer is still to come.
    this.#outputs.push({ type: "requestEnded", streamId: stream.id });
    this.#outputs.stop(stream.id, WireCodes.H3_NO_ERROR);
    stream.receiveEnded = true;
  }

  #peerAborted(request: Request, code: bigint): boolean {
    const wasAnswered = request.stage === "answered";
    this.#end(request, WireCodes.H3_REQUEST_CANCELLED, code);
    return !wasAnswered;
  }

  /** `cause`: what the caller is told, if it knows of the request. */
  #end(request: Request, code: bigint, cause = code): void {
    const { stream, stage } = request;
    if (stage === "told" || stage === "reading") {
      this.#outputs.push({ type: "requestAborted", streamId: stream.id, code: cause });
    }
    if (stage === "head") this.#sessionIds.neverASession(stream.id);
    this.#abandon(request, code);
  }

  #abandon({ stream }: Request, code: bigint): void {
    this.#outputs.abandon(stream, code);
    this.#forget(stream.id);
  }

  /** Its header section has begun, and has to come to its end. */
  #awaitHead(streamId: number, now: number): void {
    this.#headDeadlines ??= new DeadlineList(this.#limits.prefixTimeout);
    if (!this.#headDeadlines.has(streamId)) this.#headDeadlines.set(streamId, now);
  }

  #forget(streamId: number): void {
    this.#release(streamId);
    this.#outputs.forget(streamId);
  }

  #release(streamId: number): void {
    this.#headDeadlines?.cancel(streamId);
    this.#requests?.delete(streamId);
    if (this.#requests?.size === 0) this.#requests = undefined;
  }
}
