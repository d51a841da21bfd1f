import { noBytes } from "../../base/bytes.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { DeadlineList } from "../deadlines.ts";
import { encodeHeaders } from "../http3/frames.ts";
import { connectionError } from "../wire-errors.ts";
import { RateLimit } from "../limits.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { HeaderList, SessionEnd } from "../output.ts";

import type { FlowResource } from "./flow-control.ts";
import type { Outputs } from "./outputs.ts";
import { RequestStream } from "./request-stream.ts";
import type { RequestEvents } from "./request-stream.ts";

/** Requests that ended without a session whose ids are remembered: their streams are told another code. */
const maxRemembered = 64;

/** What differs between the two roles in the life of a request. Methods may throw WireError. */
export interface RequestRole {
  /** Requests are the peer's, and their answers this side's: a server's role. */
  readonly answers: boolean;
  /** A header section has come: a server's request, a client's response. */
  headers(request: RequestStream, fields: HeaderList): void;
  /** One that is too large to be kept has begun. */
  headersTooLarge(request: RequestStream, length: number): void;
  /** The request has ended without a session: `code` is what the peer gave, or is given, which did wrong what `fault` says. */
  failed(request: RequestStream, code: bigint, fault?: string): void;
  /** Nothing of the request is kept any more. */
  forgotten(sessionId: number): void;
}

/** What the requests need of what stands around them. */
export interface RequestHost {
  /** When the last input came. */
  now(): number;
  /** There will be no session: what was parked for it is refused. */
  dropParked(sessionId: number): void;
}

/** The request streams of a connection, from their first frame until both halves have ended. */
export class Requests implements RequestEvents {
  role!: RequestRole;
  /** Sessions that are open or wait for their answer. */
  sessions = 0;
  readonly #limits: ProtocolLimits;
  readonly #outputs: Outputs;
  readonly #host: RequestHost;
  readonly #requests = new Map<number, RequestStream>();
  readonly #headDeadlines: DeadlineList<number>;
  /** Sessions that have ended here, whose peer has not ended its half. */
  readonly #closingDeadlines: DeadlineList<number>;
  readonly #resets: RateLimit;
  readonly #neverSessions = new Set<number>();

  constructor(limits: ProtocolLimits, outputs: Outputs, host: RequestHost) {
    this.#limits = limits;
    this.#outputs = outputs;
    this.#host = host;
    this.#headDeadlines = new DeadlineList(limits.prefixTimeout);
    this.#closingDeadlines = new DeadlineList(limits.closeTimeout);
    this.#resets = new RateLimit(limits.maxRequests, limits.rateWindow);
  }

  get nextDeadline(): number {
    return Math.min(this.#headDeadlines.next, this.#closingDeadlines.next);
  }

  get(streamId: number): RequestStream | undefined {
    return this.#requests.get(streamId);
  }

  create(streamId: number): RequestStream {
    // How long an answer may take is for the caller to say.
    if (this.role.answers) this.#headDeadlines.set(streamId, this.#host.now());
    const request = new RequestStream(streamId, this.#limits, this);
    this.#requests.set(streamId, request);
    return request;
  }

  /** The final header section has come: the request's own deadline is met. */
  hasHead(request: RequestStream): void {
    this.#headDeadlines.cancel(request.id);
  }

  /** Whether a stream that is gone belonged to a request that never became a session. */
  wasNeverSession(streamId: number): boolean {
    return this.#neverSessions.has(streamId);
  }

  push(request: RequestStream, chunk: Uint8Array, fin: boolean): void {
    request.push(chunk, fin, this.#host.now());
    this.forgetIfOver(request);
  }

  handleTimeout(now: number): void {
    for (const streamId of this.#headDeadlines.expire(now)) {
      const request = this.#requests.get(streamId);
      if (request?.state === "head") this.refuse(request, WireCodes.H3_REQUEST_CANCELLED);
      // It was too large and is answered, but has not come to its end.
      else if (request !== undefined) this.headersSkipped(request);
    }
    for (const streamId of this.#closingDeadlines.expire(now)) {
      const request = this.#requests.get(streamId);
      if (request === undefined) continue;
      request.peerAborted(WireCodes.WT_SESSION_GONE, "never ended by the peer");
      this.abandon(request, WireCodes.WT_SESSION_GONE);
    }
  }

  peerReset(request: RequestStream, code: bigint): void {
    const wasAnswered = request.isAnswered;
    request.hasEnded = true;
    this.#peerAborted(request, code, "reset");
    if (!wasAnswered) this.countReset();
  }

  peerStopped(request: RequestStream, code: bigint): void {
    const wasAnswered = request.isAnswered;
    request.isFinished = true;
    // RFC 9114 §4.1: from a server H3_NO_ERROR says that the answer is complete, or on its way. Whatever a client says, it
    // wants no answer.
    if (!this.role.answers && request.state === "head" && code === WireCodes.H3_NO_ERROR) return;
    // The peer's goodbye may come behind it: webtransport-go closes with STOP_SENDING, capsule and FIN, in this order.
    if (request.state === "open" && code === WireCodes.WT_SESSION_GONE && !request.hasEnded) {
      this.#closingDeadlines.set(request.id, this.#host.now());
      return;
    }
    this.#peerAborted(request, code, "stopped");
    if (!wasAnswered) this.countReset();
  }

  /** A request was given up before its answer, which is cheap for the peer. Throws WireError when there are too many. */
  countReset(): void {
    if (!this.#resets.count(this.#host.now())) {
      throw connectionError("H3_EXCESSIVE_LOAD", "too many requests were reset");
    }
  }

  /** This side has said goodbye in `capsule`. */
  close(request: RequestStream, capsule: Uint8Array, end: SessionEnd): void {
    if (!request.isFinished) this.#outputs.write(request.id, capsule, true);
    request.isFinished = true;
    this.#closingDeadlines.set(request.id, this.#host.now());
    request.closeLocally(end);
  }

  /** What the peer did wrong on this stream, or with this session, ends it. */
  violated(request: RequestStream, code: bigint, message: string): void {
    if (request.state === "open" || request.state === "closing") {
      request.abort({ clean: false, by: "local", wireCode: code, message });
      this.abandon(request, code);
    } else {
      this.refuse(request, code, message);
    }
  }

  /** Answers without a session. `stop`: nothing more of the request is wanted. */
  respond(request: RequestStream, status: number, headers: HeaderList, stop = true): void {
    if (request.state === "waiting") this.sessions -= 1;
    this.role.forgotten(request.id);
    request.discard();
    if (!request.isFinished) {
      this.#outputs.write(request.id, encodeHeaders([[":status", String(status)], ...headers]), true);
    }
    request.isFinished = true;
    this.#neverASession(request.id);
    if (!stop || request.hasEnded) return;
    // RFC 9114 §4.1: a complete answer makes the rest of the request unnecessary.
    this.#outputs.stop(request.id, WireCodes.H3_NO_ERROR);
    this.#forget(request);
  }

  /** Ends a request that has no session, with this code; `fault`: what the peer did wrong. */
  refuse(request: RequestStream, code: bigint, fault?: string): void {
    const { state } = request;
    if (state === "waiting") this.sessions -= 1;
    request.discard();
    if (state === "head" || state === "waiting") this.role.failed(request, code, fault);
    this.#neverASession(request.id);
    this.abandon(request, code);
  }

  /** RFC 9114 §5.2: the server processes no request from this id on; those that have no answer yet can be made anew elsewhere. */
  notProcessed(id: number): void {
    for (const request of [...this.#requests.values()]) {
      if (request.id < id || request.state !== "head") continue;
      request.discard();
      this.role.failed(request, WireCodes.H3_REQUEST_REJECTED);
      this.#neverASession(request.id);
      // RFC 9114 §4.1.1: a client does not say H3_REQUEST_REJECTED itself.
      this.abandon(request, WireCodes.H3_REQUEST_CANCELLED);
    }
  }

  /** There is no session, and the peer may end its half in peace. */
  finishWithoutSession(request: RequestStream): void {
    request.discard();
    this.#neverASession(request.id);
    this.#finish(request);
  }

  /** Resets and stops what is left of the stream, and forgets it. */
  abandon(request: RequestStream, code: bigint): void {
    if (this.#requests.get(request.id) !== request) return;
    if (!request.isFinished) this.#outputs.reset(request.id, code);
    if (!request.hasEnded) this.#outputs.stop(request.id, code);
    this.#forget(request);
  }

  forgetIfOver(request: RequestStream): void {
    if (request.hasEnded && request.isFinished && request.state !== "waiting") this.#forget(request);
  }

  // What the requests tell.

  headers(request: RequestStream, fields: HeaderList): void {
    this.role.headers(request, fields);
  }

  headersTooLarge(request: RequestStream, length: number): void {
    this.role.headersTooLarge(request, length);
  }

  headersSkipped(request: RequestStream): void {
    this.abandon(request, WireCodes.H3_NO_ERROR);
  }

  ended(request: RequestStream, end: SessionEnd): void {
    this.sessions -= 1;
    this.#outputs.push({ type: "sessionClosed", sessionId: request.id, info: end });
    if (end.clean) this.#finish(request);
    else if (end.by === "local") this.abandon(request, end.wireCode);
  }

  cancelled(request: RequestStream): void {
    this.sessions -= 1;
    this.role.failed(request, WireCodes.H3_REQUEST_CANCELLED);
    this.#neverASession(request.id);
  }

  draining(request: RequestStream): void {
    this.#outputs.push({ type: "sessionDraining", sessionId: request.id });
  }

  datagram(request: RequestStream, payload: Uint8Array): void {
    this.#outputs.push({ type: "datagram", sessionId: request.id, payload: Uint8Array.from(payload) });
  }

  creditRaised(request: RequestStream, resource: FlowResource): void {
    this.#outputs.push({ type: "creditRaised", sessionId: request.id, resource });
  }

  consumed(request: RequestStream, bytes: number): void {
    // The bytes may have ended it.
    if (this.#requests.has(request.id)) this.#outputs.consumed(request.id, bytes);
  }

  #peerAborted(request: RequestStream, code: bigint, what: string): void {
    const wasPending = request.state === "head";
    request.peerAborted(code, `the CONNECT stream was ${what}`);
    if (wasPending) {
      this.role.failed(request, code);
      this.#neverASession(request.id);
    }
    this.abandon(request, WireCodes.H3_REQUEST_CANCELLED);
  }

  #finish(request: RequestStream): void {
    if (!request.isFinished) this.#outputs.write(request.id, noBytes, true);
    request.isFinished = true;
    if (!request.hasEnded) this.#closingDeadlines.set(request.id, this.#host.now());
    this.forgetIfOver(request);
  }

  #neverASession(sessionId: number): void {
    this.#neverSessions.add(sessionId);
    if (this.#neverSessions.size > maxRemembered) {
      for (const oldest of this.#neverSessions) {
        this.#neverSessions.delete(oldest);
        break;
      }
    }
    this.#host.dropParked(sessionId);
  }

  #forget(request: RequestStream): void {
    this.#requests.delete(request.id);
    this.#headDeadlines.cancel(request.id);
    this.#closingDeadlines.cancel(request.id);
    this.#outputs.forget(request.id);
    this.role.forgotten(request.id);
  }
}
