import { WireCodes } from "../../constants/wire-codes.ts";
import { DeadlineList } from "../deadlines.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { Outputs } from "../outputs.ts";

import { contentLengthOf, parseRequest } from "./fields.ts";
import type { RequestHead } from "./fields.ts";
import { RequestStream } from "./request-stream.ts";
import { refuseRest, writeResponse } from "./responses.ts";
import type { Response } from "./responses.ts";

/** A CONNECT request: its stream, read to the end of its header section, belongs to whoever gets this. */
export interface ConnectRequest {
  readonly stream: RequestStream;
  readonly head: RequestHead;
}

/** Hears of requests that are none for a session, or are over before they could be. */
export interface SessionIds {
  neverASession(streamId: number): void;
}

interface Request {
  readonly stream: RequestStream;
  /**
   * - `head`: its header section is on its way.
   * - `told`: the caller knows of it. What follows is not read: QUIC's flow control bounds it.
   * - `reading`: the caller takes its body, and gives its credit back.
   * - `answered`: the rest is read and dropped.
   */
  stage: "head" | "told" | "reading" | "answered";
}

/** A server's requests: those that are no CONNECT from their first frame to their end, the others until they are known to be one. */
export class Requests {
  readonly #limits: ProtocolLimits;
  readonly #outputs: Outputs;
  readonly #sessionIds: SessionIds;
  readonly #requests = new Map<number, Request>();
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
    return this.#requests.has(streamId);
  }

  /** Its header section is on its way: nobody knows yet what it asks for. */
  isIncomplete(streamId: number): boolean {
    return this.#requests.get(streamId)?.stage === "head";
  }

  open(streamId: number, now: number): void {
    this.#requests.set(streamId, { stream: new RequestStream(streamId, this.#limits), stage: "head" });
    this.#headDeadlines ??= new DeadlineList(this.#limits.prefixTimeout);
    this.#headDeadlines.set(streamId, now);
  }

  /** Bytes of the peer. Gives the request if it is CONNECT, and forgets it. Throws WireError. */
  push(streamId: number, chunk: Uint8Array, fin: boolean): ConnectRequest | undefined {
    const request = this.#requests.get(streamId);
    request?.stream.push(chunk, fin);
    return request === undefined || request.stage === "told" ? undefined : this.#read(request);
  }

  // What the caller asks for.

  /** The body of a request is wanted: it comes as `requestData`. Throws WireError. */
  readBody(streamId: number): void {
    const request = this.#requests.get(streamId);
    if (request?.stage !== "told") return;
    request.stage = "reading";
    this.#read(request);
  }

  /** Bytes of `requestData` have been used up. */
  consume(streamId: number, bytes: number): void {
    if (this.#requests.has(streamId)) this.#outputs.consumed(streamId, bytes);
  }

  /** Answers a request that was told; what is still to come of it is dropped. Throws WireError. */
  respond(streamId: number, response: Response, body: Uint8Array | undefined): void {
    const request = this.#requests.get(streamId);
    if (request?.stage !== "told" && request?.stage !== "reading") return;
    this.#answer(request, response, body);
    this.#read(request);
  }

  // What ends a request.

  /** Gives whether it had no answer yet. */
  peerReset(streamId: number, code: bigint): boolean {
    const request = this.#requests.get(streamId);
    if (request === undefined) return false;
    request.stream.receiveEnded = true;
    return this.#peerAborted(request, code);
  }

  /** The peer wants no answer, whatever it says. Gives whether it had none yet. */
  peerStopped(streamId: number, code: bigint): boolean {
    const request = this.#requests.get(streamId);
    if (request === undefined) return false;
    request.stream.sendEnded = true;
    return this.#peerAborted(request, code);
  }

  /** The peer has broken a rule on this stream. */
  violated(streamId: number, code: bigint): void {
    const request = this.#requests.get(streamId);
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
    const request = this.#requests.get(streamId);
    if (request !== undefined) this.#end(request, code, code);
  }

  handleTimeout(now: number): void {
    for (const streamId of this.#headDeadlines?.expire(now) ?? []) {
      const request = this.#requests.get(streamId);
      if (request?.stage === "head") this.#end(request, WireCodes.H3_REQUEST_CANCELLED);
      // It was too large and is answered, but has not come to its end.
      else if (request !== undefined) this.#abandon(request, WireCodes.H3_NO_ERROR);
    }
  }

  #read(request: Request): ConnectRequest | undefined {
    const { stream } = request;
    for (let event = stream.next(); event !== undefined; event = stream.next()) {
      switch (event.type) {
        case "headers": {
          const head = parseRequest(event.fields);
          this.#headDeadlines?.cancel(stream.id);
          if (head.method === "CONNECT") {
            this.#requests.delete(stream.id);
            return { stream, head };
          }
          this.#tell(request, head);
          return undefined;
        }
        case "headersTooLarge":
          // At once: a client that is told so need not send the rest; one that does is read until it has.
          this.#answerTooLarge(request);
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

  #forget(streamId: number): void {
    this.#requests.delete(streamId);
    this.#headDeadlines?.cancel(streamId);
    this.#outputs.forget(streamId);
  }
}
