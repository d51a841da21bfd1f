import { copyFrom, noBytes } from "../base/bytes.ts";
import { isBidirectional, isRequestId, ordinalOf, streamIdOf } from "../base/stream-id.ts";
import { encodeVarint, readVarint } from "../base/varint.ts";
import { FrameType, StreamType } from "../constants/http3.ts";
import { WireCodes } from "../constants/wire-codes.ts";
import { WireError } from "../errors/wire-error.ts";

import { encodeCloseSession, encodeDrainSession } from "./capsule/capsule-reader.ts";
import { encodeFrame, encodeVarints } from "./http3/frames.ts";
import { Openings } from "./http3/openings.ts";
import { PeerControlStreams } from "./http3/peer-control.ts";
import { Requests } from "./http3/requests.ts";
import type { Response } from "./http3/responses.ts";
import type { Settings } from "./http3/settings.ts";
import type { Opening } from "./http3/stream-opening.ts";
import { defaultLimits, RateLimit } from "./limits.ts";
import type { ProtocolLimits } from "./limits.ts";
import { settingsOf } from "./options.ts";
import type { ProtocolConnectionOptions } from "./options.ts";
import type { HeaderList, ProtocolOutput, StreamReset } from "./output.ts";
import { Outputs } from "./outputs.ts";
import { ClientSessions } from "./webtransport/client-sessions.ts";
import type { SessionRequest } from "./webtransport/client-sessions.ts";
import type { SessionFlowControl } from "./webtransport/flow-control.ts";
import { requireSessionId } from "./webtransport/incoming-streams.ts";
import { Peer } from "./webtransport/peer.ts";
import type { FieldSectionExcess } from "./webtransport/peer.ts";
import { ServerSessions } from "./webtransport/server-sessions.ts";
import type { SessionResponse } from "./webtransport/server-sessions.ts";
import type { Session } from "./webtransport/session.ts";
import { Sessions } from "./webtransport/sessions.ts";
import { connectionError } from "./wire-errors.ts";

/** The largest quarter stream id (RFC 9297 §2.1). */
const maxQuarterStreamId = (1n << 60n) - 1n;

/** RFC 9114 §5.2: the first GOAWAY of a graceful end refuses nothing yet. */
const greatestRequestId = 2n ** 62n - 4n;

/**
 * HTTP/3 with WebTransport on one QUIC connection, without I/O. Call a `handle…` method or another input, then
 * {@link pollOutput} until it gives undefined, before the next call. `now` is in milliseconds of any monotonic clock.
 *
 * Streams of which the core has told with the output `stream`, and those that the caller opens, are the caller's: their
 * events do not come here. So are the bytes that {@link flowControl} counts.
 */
export class ProtocolConnection {
  readonly #role: "client" | "server";
  readonly #limits: ProtocolLimits;
  readonly #outputs = new Outputs();
  readonly #peer: Peer;
  readonly #openings: Openings;
  readonly #peerControl: PeerControlStreams;
  readonly #sessions: Sessions;
  /** Server: what the peer asks for that is no session, or not known to be one. */
  readonly #requests: Requests | undefined;
  readonly #server: ServerSessions | undefined;
  readonly #client: ClientSessions | undefined;
  #resets: RateLimit | undefined;
  #goaway: "none" | "announced" | "final" = "none";
  /** When the announced GOAWAY becomes final. */
  #goawayDeadline = Infinity;
  /** Requests from this id on are refused. */
  #goawayId = Infinity;
  #failed = false;
  /** When the last input came. */
  #now = 0;

  constructor(options: ProtocolConnectionOptions) {
    const { role } = options;
    this.#role = role;
    this.#limits = options.limits === undefined ? defaultLimits : { ...defaultLimits, ...options.limits };
    this.#peer = new Peer(options.settings ?? settingsOf(options));
    this.#openings = new Openings(this.#limits, this.#outputs);
    this.#peerControl = new PeerControlStreams(role, this.#limits);
    this.#sessions = new Sessions(role, this.#limits, this.#outputs);
    if (role === "server") {
      this.#requests = new Requests(this.#limits, this.#outputs, this.#sessions);
      this.#server = new ServerSessions(this.#sessions, this.#outputs, this.#peer, options);
    } else {
      this.#client = new ClientSessions(this.#sessions, this.#limits, this.#outputs, this.#peer);
    }
  }

  /** What is kept; all 0 when everything has ended. */
  get counts(): {
    readonly sessions: number;
    readonly parkedStreams: number;
    readonly pendingStreams: number;
    /** Streams that were refused before their session came, and have not ended. */
    readonly strays: number;
  } {
    return {
      sessions: this.#sessions.count,
      parkedStreams: this.#sessions.incoming.parkedCount,
      pendingStreams: this.#openings.count,
      strays: this.#sessions.incoming.strayCount,
    };
  }

  /** Client: sessions that the server allows at a time; 1 until its SETTINGS have come. */
  get simultaneousSessions(): number {
    return this.#peer.simultaneousSessions;
  }

  /** Streams that live and of which bytes were read whose credit is not given back yet. */
  get ungrantedStreams(): number {
    return this.#outputs.ungranted;
  }

  pollOutput(): ProtocolOutput | undefined {
    return this.#outputs.poll();
  }

  /** When {@link handleTimeout} is due; undefined while nothing waits. */
  nextTimeout(): number | undefined {
    const next = Math.min(
      this.#openings.nextDeadline,
      this.#requests?.nextDeadline ?? Infinity,
      this.#sessions.nextDeadline,
      this.#goawayDeadline,
    );
    return next === Infinity || this.#failed ? undefined : next;
  }

  // What the engine tells.

  /** The QUIC handshake has completed. `datagrams`: the peer takes DATAGRAM frames. */
  handleConnected(_now: number, info: { readonly datagrams: boolean }): void {
    this.#peer.takesDatagrams = info.datagrams;
  }

  handleStreamOpened(streamId: number, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    if (this.#role === "server" && isRequestId(streamId)) this.#sessions.requested(streamId);
    this.#openings.opened(streamId);
  }

  /** `chunk` is the core's to keep. */
  handleStreamData(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    try {
      if (!this.#openings.has(streamId)) {
        this.#read(streamId, chunk, fin);
        return;
      }
      const opened = this.#openings.classify(streamId, chunk, fin, now);
      if (opened !== undefined) this.#open(streamId, opened, chunk, fin);
    } catch (error) {
      this.#violated(error, streamId);
    }
  }

  handleStreamReset(streamId: number, reset: StreamReset, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    try {
      this.#peerReset(streamId, reset);
    } catch (error) {
      this.#violated(error, streamId);
    }
  }

  /** STOP_SENDING for a stream of the core: the control stream, a request's, or one that it has not told of yet. */
  handleStreamStopped(streamId: number, code: bigint, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    try {
      this.#peerStopped(streamId, code);
    } catch (error) {
      this.#violated(error, streamId);
    }
  }

  /** `bytes` is copied where it is kept. */
  handleDatagram(bytes: Uint8Array, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    try {
      this.#takeDatagram(bytes);
    } catch (error) {
      this.#violated(error);
    }
  }

  /** All that has come together has been told: what came before its session is judged by what came behind it. */
  handleTurnEnded(): void {
    const { incoming } = this.#sessions;
    if (this.#failed || !incoming.isParking) return;
    incoming.handleTurnEnded((sessionId) => this.#sessions.isRequested(sessionId));
  }

  handleTimeout(now: number): void {
    if (this.#failed) return;
    this.#now = now;
    this.#openings.handleTimeout(now);
    this.#requests?.handleTimeout(now);
    this.#sessions.handleTimeout(now);
    if (this.#goawayDeadline <= now) this.#finalGoaway();
  }

  // What is asked for sessions.

  /** Client: how a request is more than the server takes; undefined when it is not. After the output `ready` only. */
  requestExcess(request: SessionRequest): FieldSectionExcess | undefined {
    return this.#client?.excessOf(request);
  }

  /** Server: how an answer is more than the client takes; undefined when it is not. */
  responseExcess(sessionId: number, response: SessionResponse): FieldSectionExcess | undefined {
    const session = this.#sessions.get(sessionId);
    return session === undefined ? undefined : this.#server?.excessOf(session, response);
  }

  /** Client: asks for a session on a bidirectional stream that the caller has opened. After the output `ready` only. */
  openSession(streamId: number, request: SessionRequest, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    this.#sessions.requested(streamId);
    this.#client?.open(streamId, request);
  }

  /** Server: answers 200. `protocol` is one of those that the client offers. */
  acceptSession(sessionId: number, response: { readonly protocol?: string; readonly headers: HeaderList }): void {
    const session = this.#sessions.get(sessionId);
    if (this.#failed || session?.state !== "offered") return;
    this.#server?.accept(session, response);
    try {
      this.#sessions.establish(session, this.#now);
    } catch (error) {
      this.#violated(error, sessionId);
    }
  }

  /** Server: answers with a status other than 2xx. */
  rejectSession(sessionId: number, response: Response): void {
    const session = this.#sessions.get(sessionId);
    if (!this.#failed && session?.state === "offered") this.#sessions.reject(session, response);
  }

  /** WT_CLOSE_SESSION and FIN (draft-ietf-webtrans-http3 §6); `sessionClosed` follows when the peer has ended, too. */
  closeSession(sessionId: number, code: number, reason: string, capsule = true): void {
    const session = this.#sessions.get(sessionId);
    if (this.#failed || session?.state !== "open") return;
    const last = capsule ? encodeCloseSession(code, reason) : noBytes;
    this.#sessions.close(session, last, { clean: true, code, reason, by: "local" }, this.#now);
  }

  /** Resets and stops the CONNECT stream with a wire code. */
  abortSession(sessionId: number, wireCode: bigint, message: string): void {
    const session = this.#sessions.get(sessionId);
    if (!this.#failed && session !== undefined) this.#sessions.abort(session, wireCode, message, this.#now);
  }

  /** WT_DRAIN_SESSION (draft-ietf-webtrans-http3 §4.7). */
  drainSession(sessionId: number): void {
    if (this.#failed || this.#sessions.get(sessionId)?.state !== "open") return;
    this.#outputs.write(sessionId, encodeDrainSession());
  }

  /**
   * The counters of a session, from its request on; undefined where its streams and bytes are not limited. Whoever calls
   * its methods calls {@link sendFlowControl} afterwards.
   */
  flowControl(sessionId: number): SessionFlowControl | undefined {
    return this.#sessions.get(sessionId)?.flow;
  }

  /** Sends what a session's counters have to say to the peer. */
  sendFlowControl(sessionId: number): void {
    const session = this.#sessions.get(sessionId);
    if (!this.#failed && session !== undefined) this.#sessions.sendFlowControl(session);
  }

  // What is asked for requests that are no sessions: of the output `request`.

  /** Server: answers a request with all of its body. What is still to come of the request is dropped. */
  respond(streamId: number, response: Response, body?: Uint8Array): void {
    if (this.#failed) return;
    try {
      this.#requests?.respond(streamId, response, body);
    } catch (error) {
      this.#violated(error, streamId);
    }
  }

  /** Server: the request's body is wanted. It comes as `requestData`, as far as QUIC's credit goes, and then `requestEnded`. */
  readRequest(streamId: number): void {
    if (this.#failed) return;
    try {
      this.#requests?.readBody(streamId);
    } catch (error) {
      this.#violated(error, streamId);
    }
  }

  /** Server: bytes of `requestData` are used up, so many more may come. */
  consumeRequest(streamId: number, bytes: number): void {
    if (!this.#failed) this.#requests?.consume(streamId, bytes);
  }

  /**
   * GOAWAY (RFC 9114 §5.2): the client is to open no further sessions. Requests that are on their way are still served;
   * after a second, or at once when it is called again with `final`, those that have not arrived are refused.
   */
  sendGoaway(options: { readonly final?: boolean } = {}): void {
    if (this.#failed) return;
    // A client names a push; there are none.
    if (options.final === true || (this.#role === "client" && this.#goaway === "none")) {
      this.#finalGoaway();
    } else if (this.#goaway === "none") {
      this.#goaway = "announced";
      this.#goawayDeadline = this.#now + this.#limits.goawayDelay;
      this.#writeGoaway(greatestRequestId);
    }
  }

  /** What this side writes at the beginning of a WebTransport stream that it opens (draft-ietf-webtrans-http3 §4.2, §4.3). */
  streamPrefix(sessionId: number, direction: "bidirectional" | "unidirectional"): Uint8Array {
    const type = direction === "bidirectional" ? FrameType.webTransportStream : StreamType.webTransport;
    return encodeVarints(type, sessionId);
  }

  /** What stands before a datagram's payload (RFC 9297 §2.1). */
  datagramPrefix(sessionId: number): Uint8Array {
    return encodeVarint(ordinalOf(sessionId));
  }

  get #controlStreamId(): number {
    return streamIdOf(0, this.#role === "server", "unidirectional");
  }

  #open(streamId: number, opened: Opening, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    switch (opened.kind) {
      case "webTransport": {
        const { sessionId, prefixLength, stopped } = opened;
        requireSessionId(sessionId);
        const chunks = opened.consumed === chunk.length ? [] : [copyFrom(chunk, opened.consumed)];
        const stream = { streamId, sessionId, prefixLength, chunks, fin, reset: undefined, stopped };
        this.#sessions.place(stream, this.#isIncomplete(sessionId), this.#now);
        break;
      }
      case "typed": {
        const stop = this.#peerControl.open(streamId, opened.streamType);
        if (stop === undefined) this.#readControl(streamId, copyFrom(chunk, opened.consumed), fin);
        else if (!fin) this.#outputs.stop(streamId, stop);
        break;
      }
      case "request":
        this.#openRequest(streamId, opened.stopped);
        // Unless it was refused.
        if (this.#requests?.has(streamId) !== true) return;
        if (opened.replay.length > 0) this.#readRequest(this.#requests, streamId, opened.replay, false);
        this.#read(streamId, chunk, fin);
        break;
    }
  }

  #openRequest(streamId: number, stopped: bigint | undefined): void {
    // RFC 9114 §6.1: servers open bidirectional streams for extensions only.
    if (this.#requests === undefined) throw connectionError("H3_STREAM_CREATION_ERROR", "a request of the server");
    this.#requests.open(streamId, this.#now);
    if (streamId >= this.#goawayId) this.#requests.refuse(streamId, WireCodes.H3_REQUEST_REJECTED);
    else if (stopped !== undefined) this.#countReset(this.#requests.peerStopped(streamId, stopped));
  }

  /** Bytes of a stream whose first ones have told what it is. */
  #read(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    const session = this.#sessions.get(streamId);
    const requests = this.#requests;
    if (session !== undefined) {
      session.stream.push(chunk, fin);
      this.#readSession(session);
    } else if (requests?.has(streamId) === true) {
      this.#readRequest(requests, streamId, chunk, fin);
    } else if (this.#sessions.incoming.isParked(streamId)) {
      this.#sessions.incoming.push(streamId, chunk, fin);
    } else if (this.#peerControl.has(streamId)) {
      this.#readControl(streamId, chunk, fin);
    }
  }

  #readRequest(requests: Requests, streamId: number, chunk: Uint8Array, fin: boolean): void {
    const connect = requests.push(streamId, chunk, fin);
    const session = connect === undefined ? undefined : this.#server?.requested(connect, this.#now);
    if (session !== undefined) this.#readSession(session);
  }

  #readSession(session: Session): void {
    const now = this.#now;
    for (let fields = this.#sessions.read(session, now); fields !== undefined;) {
      this.#client?.answered(session, fields, now);
      // Unless it is over with the answer.
      fields = this.#sessions.get(session.id) === session ? this.#sessions.read(session, now) : undefined;
    }
  }

  #readControl(streamId: number, chunk: Uint8Array, fin: boolean): void {
    this.#peerControl.push(streamId, chunk, this.#now);
    for (let event = this.#peerControl.next(); event !== undefined; event = this.#peerControl.next()) {
      if (event.type === "settings") this.#takeSettings(event.settings);
      else this.#takeGoaway(event.id);
    }
    if (fin) {
      this.#peerControl.closed(streamId);
      this.#outputs.forget(streamId);
    } else {
      this.#outputs.consumed(streamId, chunk.length);
    }
  }

  #takeSettings(settings: Settings): void {
    this.#peer.takeSettings(settings);
    const { draft, datagrams, obstacle } = this.#peer;
    if (this.#role === "client" && obstacle !== undefined) {
      this.#outputs.push({ type: "unsupported", reason: obstacle });
      throw new WireError("connection", WireCodes.WT_REQUIREMENTS_NOT_MET, obstacle);
    }
    this.#outputs.push({ type: "ready", draft: draft?.name ?? "", datagrams });
    this.#server?.settingsKnown();
  }

  #takeGoaway(id: bigint): void {
    this.#outputs.push({ type: "goaway" });
    // RFC 9114 §5.2: a client's id names a push, of which there are none.
    if (this.#role === "client") this.#sessions.notProcessed(Number(id));
  }

  #takeDatagram(bytes: Uint8Array): void {
    const quarter = readVarint(bytes, 0);
    // RFC 9297 §2.1.
    if (quarter === undefined) throw connectionError("H3_DATAGRAM_ERROR", "a datagram without a stream id");
    if (quarter.value > maxQuarterStreamId) throw connectionError("H3_DATAGRAM_ERROR", "a quarter stream id past 2^60");
    const sessionId = streamIdOf(Number(quarter.value), false, "bidirectional");
    const standing = this.#sessions.standingOf(sessionId, this.#isIncomplete(sessionId));
    if (standing === "gone" || standing === "never") return;
    const payload = copyFrom(bytes, quarter.end);
    if (standing === "open") this.#outputs.push({ type: "datagram", sessionId, payload });
    else this.#sessions.incoming.parkDatagram(sessionId, payload, standing === "requested", this.#now);
  }

  #peerReset(streamId: number, { code, finalSize, reliableSize }: StreamReset): void {
    const session = this.#sessions.get(streamId);
    if (this.#openings.forget(streamId)) {
      if (!isBidirectional(streamId)) return;
      this.#outputs.reset(streamId, WireCodes.H3_REQUEST_CANCELLED);
      this.#countReset(true);
    } else if (session !== undefined) {
      this.#countReset(this.#sessions.peerReset(session, code));
    } else if (this.#requests?.has(streamId) === true) {
      this.#countReset(this.#requests.peerReset(streamId, code));
    } else if (this.#sessions.incoming.isParked(streamId)) {
      this.#sessions.incoming.reset(streamId, { code, finalSize, reliableSize });
    } else {
      this.#sessions.incoming.ended(streamId, finalSize);
      this.#peerControl.closed(streamId);
      this.#outputs.forget(streamId);
    }
  }

  #peerStopped(streamId: number, code: bigint): void {
    // RFC 9114 §6.2.1.
    if (streamId === this.#controlStreamId) {
      throw connectionError("H3_CLOSED_CRITICAL_STREAM", "the peer wants nothing of the control stream");
    }
    const session = this.#sessions.get(streamId);
    if (session !== undefined) {
      this.#countReset(this.#sessions.peerStopped(session, code, this.#now));
    } else if (this.#requests?.has(streamId) === true) {
      this.#countReset(this.#requests.peerStopped(streamId, code));
    } else {
      this.#openings.stopped(streamId, code);
      this.#sessions.incoming.stopped(streamId, code);
    }
  }

  /** A request was given up before its answer, which is cheap for the peer. Throws WireError when there are too many. */
  #countReset(hadNoAnswer: boolean): void {
    if (!hadNoAnswer) return;
    this.#resets ??= new RateLimit(this.#limits.maxRequests, this.#limits.rateWindow);
    if (!this.#resets.count(this.#now)) throw connectionError("H3_EXCESSIVE_LOAD", "too many requests were reset");
  }

  /** The stream of this id has been opened and has not said yet what it asks for. */
  #isIncomplete(streamId: number): boolean {
    return this.#openings.has(streamId) || this.#requests?.isIncomplete(streamId) === true;
  }

  #finalGoaway(): void {
    if (this.#goaway === "final") return;
    this.#goaway = "final";
    this.#goawayDeadline = Infinity;
    if (this.#role === "server") this.#goawayId = this.#sessions.nextRequest;
    this.#writeGoaway(this.#role === "server" ? this.#goawayId : 0);
  }

  #writeGoaway(id: number | bigint): void {
    this.#outputs.write(this.#controlStreamId, encodeFrame(FrameType.goaway, encodeVarint(id)));
  }

  /** The one place where what the peer did wrong is judged: it ends the connection, a request or session, or a stream. */
  #violated(error: unknown, streamId?: number): void {
    if (!(error instanceof WireError)) throw error;
    const session = streamId === undefined ? undefined : this.#sessions.get(streamId);
    if (error.scope === "connection" || streamId === undefined) {
      this.#failed = true;
      this.#outputs.push({ type: "closeConnection", code: error.wireCode, reason: error.message });
    } else if (session !== undefined) {
      this.#sessions.violated(session, error.wireCode, error.message);
    } else if (this.#requests?.has(streamId) === true) {
      this.#requests.violated(streamId, error.wireCode);
    } else {
      this.#outputs.refuse(streamId, error.wireCode);
    }
  }
}
