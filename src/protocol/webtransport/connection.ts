import { noBytes } from "../../base/bytes.ts";
import { invariant } from "../../base/invariant.ts";
import { RingQueue } from "../../base/ring-queue.ts";
import { encodeVarint, readVarint } from "../../base/varint.ts";
import { FrameType, SettingId, StreamType } from "../../constants/http3.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { WireError } from "../../errors/wire-error.ts";
import { encodeCloseSession, encodeDrainSession } from "../capsule/capsule-reader.ts";
import { DeadlineList } from "../deadlines.ts";
import { connectionError, encodeFrame, encodeVarints, streamError } from "../http3/frame-reader.ts";
import { parseRequest, parseResponse } from "../http3/fields.ts";
import { encodeSettings } from "../http3/settings.ts";
import type { Settings } from "../http3/settings.ts";
import { defaultLimits, RateLimit } from "../limits.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { HeaderList, ProtocolOutput, SessionEnd } from "../output.ts";
import { encodeFieldSection } from "../qpack/field-section.ts";

import { negotiateDraft, profileP1, protocolTokens } from "./drafts.ts";
import type { Draft, DraftProfile } from "./drafts.ts";
import { Parking } from "./parking.ts";
import { PeerControlStreams } from "./peer-control.ts";
import { RequestStream } from "./request-stream.ts";
import { StreamOpening } from "./stream-opening.ts";
import type { Opening } from "./stream-opening.ts";
import { chosenProtocol, offeredProtocols, serializeString, serializeStringList } from "./subprotocols.ts";

export interface ProtocolConnectionOptions {
  readonly role: "client" | "server";
  /** What is announced in SETTINGS. Default P1. */
  readonly profile?: DraftProfile;
  readonly limits?: Partial<ProtocolLimits>;
  /** Sessions that may be open or waiting at a time; further requests are answered 429. Default 16. */
  readonly maxSessions?: number;
}

/** A client's session request. */
export interface SessionRequestInit {
  readonly authority: string;
  /** With the query string. */
  readonly path: string;
  readonly headers: HeaderList;
  /** Subprotocols to offer, most preferred first. */
  readonly protocols: readonly string[];
}

/** Bytes given back to the peer at once: fewer calls, and the window never runs dry. */
const grantStep = 16_384;

/** The largest quarter stream id (RFC 9297 §2.1). */
const maxQuarterStreamId = (1n << 60n) - 1n;

/** The control stream's first bytes: its type and SETTINGS. For the engine's preamble. */
export function controlStreamPreamble(options: Partial<ProtocolConnectionOptions> = {}): Uint8Array<ArrayBuffer> {
  const settings = encodeSettings((options.profile ?? profileP1).settings);
  const preamble = new Uint8Array(1 + settings.length);
  preamble[0] = StreamType.control;
  preamble.set(settings, 1);
  return preamble;
}

/**
 * HTTP/3 with WebTransport on one QUIC connection, without I/O. Call a `handle…` method or one of the session's, then
 * {@link pollOutput} until it gives undefined, before the next call. `now` is in milliseconds of any monotonic clock.
 *
 * Streams of which the peer has told with the output `stream`, and those that the caller opens, are the caller's: their
 * events do not come here.
 */
export class ProtocolConnection {
  readonly #role: "client" | "server";
  readonly #profile: DraftProfile;
  readonly #limits: ProtocolLimits;
  readonly #maxSessions: number;
  readonly #outputs = new RingQueue<ProtocolOutput>();
  readonly #openings = new Map<number, StreamOpening>();
  readonly #openingDeadlines: DeadlineList<number>;
  readonly #requests = new Map<number, RequestStream>();
  readonly #requestDeadlines: DeadlineList<number>;
  /** Requests that wait for the peer's SETTINGS. */
  readonly #held = new Map<number, HeaderList>();
  readonly #heldDeadlines: DeadlineList<number>;
  /** Sessions that have ended here, whose peer has not ended its half. */
  readonly #closingDeadlines: DeadlineList<number>;
  readonly #parking: Parking;
  readonly #peerControl: PeerControlStreams;
  readonly #ungranted = new Map<number, number>();
  readonly #offered = new Map<number, readonly string[]>();
  readonly #resets: RateLimit;
  #quicDatagrams = false;
  #peerSettings: Settings | undefined;
  #draft: Draft | undefined;
  #sessions = 0;
  /** The last request stream that the client has opened. */
  #lastRequest = -4;
  /** Requests from this id on are refused. */
  #goawayId = Infinity;
  #failed = false;
  /** When the last input came. */
  #now = 0;

  constructor(options: ProtocolConnectionOptions) {
    this.#role = options.role;
    this.#profile = options.profile ?? profileP1;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#maxSessions = options.maxSessions ?? 16;
    this.#openingDeadlines = new DeadlineList(this.#limits.prefixTimeout);
    this.#requestDeadlines = new DeadlineList(this.#limits.prefixTimeout);
    this.#heldDeadlines = new DeadlineList(this.#limits.settingsTimeout);
    this.#closingDeadlines = new DeadlineList(this.#limits.closeTimeout);
    this.#parking = new Parking(this.#limits);
    this.#resets = new RateLimit(this.#limits.maxRequests, this.#limits.rateWindow);
    this.#peerControl = new PeerControlStreams(options.role, this.#limits, {
      settings: (settings) => {
        this.#takeSettings(settings);
      },
      goaway: () => {
        this.#outputs.push({ type: "goaway" });
      },
    });
  }

  /** What is kept; all 0 when everything has ended. */
  get counts(): { readonly sessions: number; readonly parkedStreams: number; readonly pendingStreams: number } {
    return {
      sessions: this.#sessions,
      parkedStreams: this.#parking.streamCount,
      pendingStreams: this.#openings.size,
    };
  }

  pollOutput(): ProtocolOutput | undefined {
    return this.#outputs.shift();
  }

  /** When {@link handleTimeout} is due; undefined while nothing waits. */
  nextTimeout(): number | undefined {
    const next = Math.min(
      this.#openingDeadlines.next,
      this.#requestDeadlines.next,
      this.#heldDeadlines.next,
      this.#closingDeadlines.next,
      this.#parking.nextDeadline,
    );
    return next === Infinity ? undefined : next;
  }

  // What the engine tells.

  /** The QUIC handshake has completed. `datagrams`: the peer takes DATAGRAM frames. */
  handleConnected(_now: number, info: { readonly datagrams: boolean }): void {
    this.#quicDatagrams = info.datagrams;
  }

  handleStreamOpened(streamId: number, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    if (this.#role === "server" && (streamId & 3) === 0) this.#lastRequest = Math.max(this.#lastRequest, streamId);
    this.#openings.set(streamId, new StreamOpening(streamId));
  }

  /** `chunk` is the core's to keep. */
  handleStreamData(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    this.#guard(streamId, () => {
      const opening = this.#openings.get(streamId);
      if (opening === undefined) {
        this.#streamData(streamId, chunk, fin, now);
        return;
      }
      const opened = opening.push(chunk);
      if (opened === undefined) {
        if (fin) this.#endOfOpening(opening);
        else this.#awaitRestOfOpening(opening, now);
        return;
      }
      this.#forgetOpening(streamId);
      this.#open(streamId, opened, chunk, fin, now);
    });
  }

  handleStreamReset(streamId: number, code: bigint, finalSize: number | undefined, now: number): void {
    if (this.#failed) return;
    this.#guard(streamId, () => {
      const parked = this.#parking.stream(streamId);
      const request = this.#requests.get(streamId);
      if (this.#forgetOpening(streamId)) {
        if ((streamId & 2) === 0) {
          this.#reset(streamId, WireCodes.H3_REQUEST_CANCELLED);
          this.#countReset(now);
        }
      } else if (parked !== undefined) {
        parked.reset = { code, finalSize };
      } else if (request !== undefined) {
        const wasAnswered = request.state !== "head" && request.state !== "waiting";
        request.hasEnded = true;
        this.#peerAborted(request, code, "reset");
        if (!wasAnswered) this.#countReset(now);
      } else {
        this.#peerControl.closed(streamId);
      }
    });
  }

  /** STOP_SENDING for a stream of the core: the control stream or a request's. */
  handleStreamStopped(streamId: number, code: bigint, _now: number): void {
    if (this.#failed) return;
    this.#guard(streamId, () => {
      // RFC 9114 §6.2.1.
      if (streamId === this.#controlStreamId) {
        throw connectionError("H3_CLOSED_CRITICAL_STREAM", "the peer wants nothing of the control stream");
      }
      const request = this.#requests.get(streamId);
      if (request === undefined) return;
      request.isFinished = true;
      // RFC 9114 §4.1: with H3_NO_ERROR the answer is complete, or on its way.
      if (request.state === "head" && code === WireCodes.H3_NO_ERROR) return;
      this.#peerAborted(request, code, "stopped");
    });
  }

  /** `bytes` is copied where it is kept. */
  handleDatagram(bytes: Uint8Array, now: number): void {
    if (this.#failed) return;
    this.#guard(undefined, () => {
      const quarter = readVarint(bytes, 0);
      // RFC 9297 §2.1.
      if (quarter === undefined) throw connectionError("H3_DATAGRAM_ERROR", "a datagram without a stream id");
      if (quarter.value > maxQuarterStreamId)
        throw connectionError("H3_DATAGRAM_ERROR", "a quarter stream id past 2^60");
      const sessionId = Number(quarter.value) * 4;
      const request = this.#requests.get(sessionId);
      if (request?.state === "open") {
        this.#outputs.push({ type: "datagram", sessionId, payload: copy(bytes, quarter.end) });
      } else if (this.#mayComeToBe(sessionId)) {
        this.#parking.addDatagram(sessionId, copy(bytes, quarter.end), now);
      }
    });
  }

  handleTimeout(now: number): void {
    if (this.#failed) return;
    this.#now = now;
    for (const streamId of this.#openingDeadlines.expire(now)) {
      this.#openings.delete(streamId);
      this.#refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
    }
    for (const { streamId } of this.#parking.expire(now)) {
      this.#refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
    }
    for (const streamId of this.#requestDeadlines.expire(now)) {
      const request = this.#requests.get(streamId);
      if (request?.state === "head") this.#refuseRequest(request, WireCodes.H3_REQUEST_CANCELLED);
    }
    for (const streamId of this.#heldDeadlines.expire(now)) {
      this.#held.delete(streamId);
      const request = this.#requests.get(streamId);
      if (request !== undefined) this.#refuseRequest(request, WireCodes.H3_REQUEST_REJECTED);
    }
    for (const streamId of this.#closingDeadlines.expire(now)) {
      const request = this.#requests.get(streamId);
      if (request === undefined) continue;
      request.peerAborted(WireCodes.WT_SESSION_GONE, "never ended by the peer");
      this.#abandon(request, WireCodes.WT_SESSION_GONE);
    }
  }

  // What the live objects ask for.

  /** Client: asks for a session on a bidirectional stream that the caller has opened. After the output `ready` only. */
  openSession(streamId: number, request: SessionRequestInit, now: number): void {
    if (this.#failed) return;
    invariant(this.#role === "client" && this.#draft !== undefined, "sessions are opened by a client that is ready");
    this.#lastRequest = Math.max(this.#lastRequest, streamId);
    this.#requests.set(streamId, this.#newRequest(streamId, now));
    this.#offered.set(streamId, request.protocols);
    const protocol = this.#draft.setting === SettingId.wtEnabled ? "webtransport-h3" : "webtransport";
    const fields: (readonly [string, string])[] = [
      [":method", "CONNECT"],
      [":protocol", protocol],
      [":scheme", "https"],
      [":authority", request.authority],
      [":path", request.path],
    ];
    if (request.protocols.length > 0) fields.push(["wt-available-protocols", serializeStringList(request.protocols)]);
    this.#write(streamId, headersFrame([...fields, ...request.headers]), false);
  }

  /** Server: answers 200. `protocol` is one of those that the client offers. */
  acceptSession(sessionId: number, response: { readonly protocol?: string; readonly headers: HeaderList }): void {
    const request = this.#requests.get(sessionId);
    if (this.#failed || request?.state !== "waiting") return;
    const fields: (readonly [string, string])[] = [[":status", "200"]];
    // Clients of draft-02 from before 2023 insist on this.
    if (request.wantsDraft02) fields.push(["sec-webtransport-http3-draft", "draft02"]);
    if (response.protocol !== undefined) fields.push(["wt-protocol", serializeString(response.protocol)]);
    this.#write(sessionId, headersFrame([...fields, ...response.headers]), false);
    this.#establish(request);
  }

  /** Server: answers with a status other than 2xx. */
  rejectSession(sessionId: number, response: { readonly status: number; readonly headers: HeaderList }): void {
    const request = this.#requests.get(sessionId);
    if (this.#failed || request?.state !== "waiting") return;
    this.#respond(request, response.status, response.headers);
  }

  /** WT_CLOSE_SESSION and FIN (draft-ietf-webtrans-http3 §6); `sessionClosed` follows when the peer has ended, too. */
  closeSession(sessionId: number, code: number, reason: string, capsule = true): void {
    const request = this.#requests.get(sessionId);
    if (this.#failed || request?.state !== "open") return;
    this.#write(sessionId, capsule ? encodeCloseSession(code, reason) : new Uint8Array(0), true);
    request.isFinished = true;
    this.#closingDeadlines.set(sessionId, this.#now);
    request.closeLocally({ clean: true, code, reason, by: "local" });
  }

  /** Resets and stops the CONNECT stream with a wire code. */
  abortSession(sessionId: number, wireCode: bigint, message: string): void {
    const request = this.#requests.get(sessionId);
    if (this.#failed || request === undefined) return;
    const wasPending = request.state === "head" || request.state === "waiting";
    request.abort({ clean: false, by: "local", wireCode, message });
    if (wasPending) this.#refuseRequest(request, wireCode);
  }

  /** WT_DRAIN_SESSION (draft-ietf-webtrans-http3 §4.7). */
  drainSession(sessionId: number): void {
    if (this.#requests.get(sessionId)?.state === "open") this.#write(sessionId, encodeDrainSession(), false);
  }

  /** GOAWAY (RFC 9114 §5.2): requests that have not arrived yet are refused. */
  sendGoaway(): void {
    if (this.#failed || this.#goawayId !== Infinity) return;
    // A client names a push; there are none.
    const id = this.#role === "server" ? this.#lastRequest + 4 : 0;
    if (this.#role === "server") this.#goawayId = id;
    this.#write(this.#controlStreamId, encodeFrame(FrameType.goaway, encodeVarint(id)), false);
  }

  /** What this side writes at the beginning of a WebTransport stream that it opens (draft-ietf-webtrans-http3 §4.2, §4.3). */
  streamPrefix(sessionId: number, direction: "bidirectional" | "unidirectional"): Uint8Array {
    const type = direction === "bidirectional" ? FrameType.webTransportStream : StreamType.webTransport;
    return encodeVarints(type, sessionId);
  }

  /** What stands before a datagram's payload (RFC 9297 §2.1). */
  datagramPrefix(sessionId: number): Uint8Array {
    return encodeVarint(sessionId / 4);
  }

  get #controlStreamId(): number {
    return this.#role === "server" ? 3 : 2;
  }

  // Streams.

  #open(streamId: number, opened: Opening, chunk: Uint8Array<ArrayBuffer>, fin: boolean, now: number): void {
    switch (opened.kind) {
      case "webTransport": {
        const rest = opened.consumed === chunk.length ? [] : [copy(chunk, opened.consumed)];
        this.#webTransportStream(streamId, opened.sessionId, rest, fin, now);
        break;
      }
      case "typed": {
        const stop = this.#peerControl.open(streamId, opened.streamType);
        if (stop === undefined) this.#streamData(streamId, copy(chunk, opened.consumed), fin, now);
        else if (!fin) this.#outputs.push({ type: "stop", streamId, code: stop });
        break;
      }
      case "request": {
        // RFC 9114 §6.1: servers open bidirectional streams for extensions only.
        if (this.#role === "client") throw connectionError("H3_STREAM_CREATION_ERROR", "a request of the server");
        const request = this.#newRequest(streamId, now);
        this.#requests.set(streamId, request);
        if (streamId >= this.#goawayId) {
          this.#refuseRequest(request, WireCodes.H3_REQUEST_REJECTED);
          return;
        }
        if (opened.replay.length > 0) request.push(opened.replay, false, now);
        this.#streamData(streamId, chunk, fin, now);
        break;
      }
    }
  }

  #streamData(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean, now: number): void {
    const request = this.#requests.get(streamId);
    if (request !== undefined) {
      request.push(chunk, fin, now);
      this.#forgetIfOver(request);
      return;
    }
    const parked = this.#parking.stream(streamId);
    if (parked !== undefined) {
      if (chunk.length > 0) parked.chunks.push(chunk);
      parked.fin ||= fin;
    } else if (this.#peerControl.has(streamId)) {
      this.#peerControl.push(streamId, chunk, fin, now);
      this.#consumed(streamId, chunk.length);
    }
  }

  #webTransportStream(
    streamId: number,
    sessionId: number,
    chunks: Uint8Array<ArrayBuffer>[],
    fin: boolean,
    now: number,
  ): void {
    // draft-ietf-webtrans-http3 §4: a session id is that of a client's bidirectional stream.
    if (sessionId % 4 !== 0) throw connectionError("H3_ID_ERROR", `session id ${sessionId}`);
    if (this.#requests.get(sessionId)?.state === "open") {
      this.#outputs.push({ type: "stream", sessionId, streamId, chunks, fin, reset: undefined });
    } else if (!this.#mayComeToBe(sessionId)) {
      this.#refuse(streamId, WireCodes.WT_SESSION_GONE);
    } else if (!this.#parking.addStream({ streamId, sessionId, chunks, fin, reset: undefined }, now)) {
      this.#refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
    }
  }

  /** Whether a session with this id may yet be established. Throws WireError for one that the peer cannot have. */
  #mayComeToBe(sessionId: number): boolean {
    const state = this.#requests.get(sessionId)?.state;
    if (state !== undefined) return state === "head" || state === "waiting";
    if (sessionId <= this.#lastRequest) return this.#openings.has(sessionId);
    const most = this.#role === "server" ? this.#lastRequest + 4 * this.#limits.maxRequestsAhead : this.#lastRequest;
    if (sessionId > most) throw connectionError("H3_ID_ERROR", `session id ${sessionId} is beyond the stream limit`);
    return true;
  }

  #endOfOpening(opening: StreamOpening): void {
    this.#forgetOpening(opening.streamId);
    // A unidirectional stream may end before it has said what it is (RFC 9114 §6.2).
    if ((opening.streamId & 2) === 0)
      throw streamError("H3_REQUEST_INCOMPLETE", "the stream ends before its first frame");
  }

  #forgetOpening(streamId: number): boolean {
    this.#openingDeadlines.cancel(streamId);
    return this.#openings.delete(streamId);
  }

  /**
   * A stream without a single byte has no deadline: RFC 9000 §3.2 opens every stream below the one that a frame names,
   * and with them a peer's QPACK streams, which it may leave silent for ever and never lets be stopped. QUIC's own limit
   * bounds them.
   */
  #awaitRestOfOpening(opening: StreamOpening, now: number): void {
    if (opening.isEmpty || this.#openingDeadlines.has(opening.streamId)) return;
    this.#openingDeadlines.set(opening.streamId, now);
    const oldest = this.#openingDeadlines.first;
    if (oldest === undefined || this.#openingDeadlines.size <= this.#limits.maxIncompleteStreams) return;
    this.#forgetOpening(oldest);
    this.#refuse(oldest, WireCodes.WT_BUFFERED_STREAM_REJECTED);
  }

  // Requests.

  #newRequest(streamId: number, now: number): RequestStream {
    this.#requestDeadlines.set(streamId, now);
    return new RequestStream(streamId, this.#limits, {
      headers: (request, fields) => {
        if (this.#role === "server") this.#takeRequest(request, fields, now);
        else this.#takeResponse(request, fields);
      },
      ended: (request, end) => {
        this.#sessionEnded(request, end);
      },
      cancelled: (request) => {
        this.#sessions -= 1;
        this.#held.delete(request.id);
        this.#heldDeadlines.cancel(request.id);
        this.#dropParked(request.id);
        this.#outputs.push({ type: "requestCancelled", sessionId: request.id });
      },
      draining: (request) => {
        this.#outputs.push({ type: "sessionDraining", sessionId: request.id });
      },
      datagram: (request, payload) => {
        this.#outputs.push({ type: "datagram", sessionId: request.id, payload: copy(payload, 0) });
      },
      consumed: (request, bytes) => {
        this.#consumed(request.id, bytes);
      },
    });
  }

  #takeRequest(request: RequestStream, fields: HeaderList, now: number): void {
    this.#requestDeadlines.cancel(request.id);
    const head = parseRequest(fields);
    if (head.method !== "CONNECT") {
      const length = fields.find(([name]) => name === "content-length")?.[1];
      request.contentLength = length === undefined ? undefined : Number(length);
      this.#respond(request, 404, [], false);
      return;
    }
    if (head.protocol === undefined || !protocolTokens.has(head.protocol)) {
      // RFC 9220 §3.
      this.#respond(request, 501, []);
      return;
    }
    if (head.scheme !== "https") throw streamError("H3_MESSAGE_ERROR", "malformed message: :scheme is not https");
    if (this.#sessions >= this.#maxSessions) {
      this.#respond(request, 429, []);
      return;
    }
    this.#sessions += 1;
    request.state = "waiting";
    request.wantsDraft02 = fields.some(([name, value]) => name === "sec-webtransport-http3-draft02" && value === "1");
    this.#held.set(request.id, fields);
    if (this.#peerSettings === undefined) this.#heldDeadlines.set(request.id, now);
    else this.#offerRequest(request, fields);
  }

  /** The peer's SETTINGS are known: the application may see its request (draft-ietf-webtrans-http3 §3.1). */
  #offerRequest(request: RequestStream, fields: HeaderList): void {
    this.#held.delete(request.id);
    this.#heldDeadlines.cancel(request.id);
    if (this.#draft === undefined && this.#peerSettings?.get(SettingId.h3Datagram) !== 1n) {
      this.#refuseRequest(request, WireCodes.H3_MESSAGE_ERROR);
      return;
    }
    this.#outputs.push({
      type: "sessionRequest",
      sessionId: request.id,
      headers: fields,
      protocols: offeredProtocols(fields),
    });
  }

  #takeResponse(request: RequestStream, fields: HeaderList): void {
    const status = parseResponse(fields);
    if (status < 200) return;
    this.#requestDeadlines.cancel(request.id);
    const offered = this.#offered.get(request.id) ?? [];
    this.#offered.delete(request.id);
    if (status >= 300) {
      request.discard();
      this.#outputs.push({ type: "sessionRejected", sessionId: request.id, status, headers: fields, code: undefined });
      this.#dropParked(request.id);
      this.#finish(request);
      return;
    }
    const protocol = chosenProtocol(fields) ?? "";
    if (protocol !== "" && !offered.includes(protocol)) {
      // draft-ietf-webtrans-http3 §3.3.
      request.discard();
      this.#rejected(request, WireCodes.WT_ALPN_ERROR);
      this.#abandon(request, WireCodes.WT_ALPN_ERROR);
      return;
    }
    this.#sessions += 1;
    this.#outputs.push({ type: "sessionAccepted", sessionId: request.id, headers: fields, protocol });
    this.#establish(request);
  }

  #establish(request: RequestStream): void {
    this.#guard(request.id, () => {
      const datagrams = this.#parking.takeDatagrams(request.id);
      const streams = this.#parking.takeStreams(request.id);
      request.state = "open";
      for (const { streamId, sessionId, chunks, fin, reset } of streams) {
        this.#outputs.push({ type: "stream", sessionId, streamId, chunks, fin, reset });
      }
      for (const payload of datagrams) this.#outputs.push({ type: "datagram", sessionId: request.id, payload });
      request.establish(this.#now);
      this.#forgetIfOver(request);
    });
  }

  /** Answers without a session. `stop`: nothing more of the request is wanted. */
  #respond(request: RequestStream, status: number, headers: HeaderList, stop = true): void {
    if (request.state === "waiting") this.#sessions -= 1;
    this.#held.delete(request.id);
    this.#heldDeadlines.cancel(request.id);
    request.discard();
    this.#write(request.id, headersFrame([[":status", String(status)], ...headers]), true);
    request.isFinished = true;
    this.#dropParked(request.id);
    if (!stop || request.hasEnded) return;
    // RFC 9114 §4.1: a complete answer makes the rest of the request unnecessary.
    this.#outputs.push({ type: "stop", streamId: request.id, code: WireCodes.H3_NO_ERROR });
    this.#forget(request);
  }

  /** Ends a request that has no session, with this code. */
  #refuseRequest(request: RequestStream, code: bigint): void {
    if (request.state === "waiting") this.#sessions -= 1;
    this.#held.delete(request.id);
    this.#heldDeadlines.cancel(request.id);
    const wasPending = this.#role === "client" && request.state === "head";
    request.discard();
    if (wasPending) this.#rejected(request, code);
    this.#dropParked(request.id);
    this.#abandon(request, code);
  }

  #rejected(request: RequestStream, code: bigint): void {
    this.#offered.delete(request.id);
    this.#outputs.push({ type: "sessionRejected", sessionId: request.id, status: undefined, headers: [], code });
  }

  #peerAborted(request: RequestStream, code: bigint, what: string): void {
    const wasPending = this.#role === "client" && request.state === "head";
    request.peerAborted(code, `the CONNECT stream was ${what}`);
    if (wasPending) {
      this.#rejected(request, code);
      this.#dropParked(request.id);
    }
    this.#abandon(request, WireCodes.H3_REQUEST_CANCELLED);
  }

  #sessionEnded(request: RequestStream, end: SessionEnd): void {
    this.#sessions -= 1;
    this.#outputs.push({ type: "sessionClosed", sessionId: request.id, info: end });
    if (end.clean) this.#finish(request);
    else if (end.by === "local") this.#abandon(request, end.wireCode);
  }

  #finish(request: RequestStream): void {
    if (!request.isFinished) this.#write(request.id, noBytes, true);
    request.isFinished = true;
    if (!request.hasEnded) this.#closingDeadlines.set(request.id, this.#now);
    this.#forgetIfOver(request);
  }

  /** Resets and stops what is left of the stream, and forgets it. */
  #abandon(request: RequestStream, code: bigint): void {
    if (this.#requests.get(request.id) !== request) return;
    if (!request.isFinished) this.#reset(request.id, code);
    if (!request.hasEnded) this.#outputs.push({ type: "stop", streamId: request.id, code });
    this.#forget(request);
  }

  #forgetIfOver(request: RequestStream): void {
    if (request.hasEnded && request.isFinished && request.state !== "waiting") this.#forget(request);
  }

  #forget(request: RequestStream): void {
    this.#requests.delete(request.id);
    this.#requestDeadlines.cancel(request.id);
    this.#closingDeadlines.cancel(request.id);
    this.#ungranted.delete(request.id);
  }

  #dropParked(sessionId: number): void {
    this.#parking.takeDatagrams(sessionId);
    for (const { streamId } of this.#parking.takeStreams(sessionId)) {
      this.#refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
    }
  }

  #countReset(now: number): void {
    if (!this.#resets.count(now)) throw connectionError("H3_EXCESSIVE_LOAD", "too many requests were reset");
  }

  // Settings and outputs.

  #takeSettings(settings: Settings): void {
    this.#peerSettings = settings;
    this.#draft = negotiateDraft(this.#profile, settings);
    const datagrams = this.#quicDatagrams && settings.get(SettingId.h3Datagram) === 1n;
    if (this.#role === "client" && this.#draft === undefined) {
      const reason = "its SETTINGS announce no draft that is known here";
      this.#outputs.push({ type: "unsupported", reason });
      throw new WireError("connection", WireCodes.WT_REQUIREMENTS_NOT_MET, reason);
    }
    this.#outputs.push({ type: "ready", draft: this.#draft?.name ?? "", datagrams });
    for (const [streamId, fields] of [...this.#held]) {
      const request = this.#requests.get(streamId);
      if (request !== undefined) this.#offerRequest(request, fields);
    }
  }

  /** The one place where what a peer did wrong is caught. */
  #guard(streamId: number | undefined, input: () => void): void {
    try {
      input();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const request = streamId === undefined ? undefined : this.#requests.get(streamId);
      if (error.scope === "connection" || streamId === undefined) {
        this.#failed = true;
        this.#outputs.push({ type: "closeConnection", code: error.wireCode, reason: error.message });
      } else if (request === undefined) {
        this.#refuse(streamId, error.wireCode);
      } else if (request.state === "open" || request.state === "closing") {
        request.abort({ clean: false, by: "local", wireCode: error.wireCode, message: error.message });
        this.#abandon(request, error.wireCode);
      } else {
        this.#refuseRequest(request, error.wireCode);
      }
    }
  }

  #consumed(streamId: number, bytes: number): void {
    const total = (this.#ungranted.get(streamId) ?? 0) + bytes;
    if (total >= grantStep) this.#outputs.push({ type: "grant", streamId, bytes: total });
    if (total >= grantStep || total === 0) this.#ungranted.delete(streamId);
    else this.#ungranted.set(streamId, total);
  }

  #write(streamId: number, data: Uint8Array, fin: boolean): void {
    this.#outputs.push({ type: "write", streamId, data, fin });
  }

  #reset(streamId: number, code: bigint): void {
    this.#outputs.push({ type: "reset", streamId, code });
  }

  /** A stream of the peer that nobody wants: both halves end. */
  #refuse(streamId: number, code: bigint): void {
    this.#outputs.push({ type: "stop", streamId, code });
    if ((streamId & 2) === 0) this.#reset(streamId, code);
  }
}

function headersFrame(fields: HeaderList): Uint8Array<ArrayBuffer> {
  return encodeFrame(FrameType.headers, encodeFieldSection(fields));
}

/** The rest of the bytes from `offset` on, in an ArrayBuffer of their own. */
function copy(bytes: Uint8Array, offset: number): Uint8Array<ArrayBuffer> {
  const target = new Uint8Array(bytes.length - offset);
  target.set(bytes.subarray(offset));
  return target;
}
