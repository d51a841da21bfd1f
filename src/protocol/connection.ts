import { copyFrom, noBytes } from "../base/bytes.ts";
import { ordinalOf, streamIdOf } from "../base/stream-id.ts";
import { encodeVarint, readVarint } from "../base/varint.ts";
import { FrameType, StreamType } from "../constants/http3.ts";
import { WireError } from "../errors/wire-error.ts";

import { encodeCloseSession, encodeDrainSession } from "./capsule/capsule-reader.ts";
import { encodeVarints } from "./http3/frames.ts";
import { Goaway } from "./http3/goaway.ts";
import { Requests } from "./http3/requests.ts";
import type { Response } from "./http3/responses.ts";
import { defaultLimits, limitsOf } from "./limits.ts";
import type { ProtocolLimits } from "./limits.ts";
import { settingsOf } from "./options.ts";
import type { ProtocolConnectionOptions } from "./options.ts";
import type { ProtocolOutput, StreamReset } from "./output.ts";
import { Outputs } from "./outputs.ts";
import { PeerStreams } from "./peer-streams.ts";
import { ClientSessions } from "./webtransport/client-sessions.ts";
import type { SessionRequest } from "./webtransport/client-sessions.ts";
import type { SessionFlowControl } from "./webtransport/flow-control.ts";
import { Peer } from "./webtransport/peer.ts";
import type { FieldSectionExcess } from "./webtransport/peer.ts";
import { ServerSessions } from "./webtransport/server-sessions.ts";
import type { SessionResponse } from "./webtransport/server-sessions.ts";
import { Sessions } from "./webtransport/sessions.ts";
import { connectionError } from "./wire-errors.ts";

/** The largest quarter stream id (RFC 9297 §2.1). */
const maxQuarterStreamId = (1n << 60n) - 1n;

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
  readonly #sessions: Sessions;
  /** Server: what the peer asks for that is no session, or not known to be one. */
  readonly #requests: Requests | undefined;
  readonly #server: ServerSessions | undefined;
  readonly #client: ClientSessions | undefined;
  readonly #goaway: Goaway;
  readonly #streams: PeerStreams;
  #failed = false;
  /** When the last input came. */
  #now = 0;

  /** Throws TypeError for another role, and RangeError for limits that are none. */
  constructor(role: "client" | "server", options: ProtocolConnectionOptions = {}) {
    checkRole(role);
    this.#role = role;
    this.#limits = options.limits === undefined ? defaultLimits : limitsOf(options.limits);
    this.#peer = new Peer(options.settings ?? settingsOf(options));
    this.#goaway = new Goaway(role, this.#outputs);
    this.#sessions = new Sessions(role, this.#limits, this.#outputs);
    if (role === "server") {
      this.#requests = new Requests(this.#limits, this.#outputs, this.#sessions);
      this.#server = new ServerSessions(this.#sessions, this.#outputs, this.#peer, options);
    } else {
      this.#client = new ClientSessions(this.#sessions, this.#limits, this.#outputs, this.#peer);
    }
    this.#streams = new PeerStreams(role, this.#limits, this.#outputs, {
      peer: this.#peer,
      goaway: this.#goaway,
      sessions: this.#sessions,
      server: this.#server,
      client: this.#client,
      requests: this.#requests,
    });
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
      pendingStreams: this.#streams.openingCount,
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
    const next = Math.min(this.#streams.nextDeadline, this.#sessions.nextDeadline, this.#goaway.deadline);
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
    this.#streams.opened(streamId);
  }

  /** `chunk` is the core's to keep. */
  handleStreamData(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    try {
      this.#streams.data(streamId, chunk, fin, now);
    } catch (error) {
      this.#violated(error, streamId);
    }
  }

  handleStreamReset(streamId: number, reset: StreamReset, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    try {
      this.#streams.peerReset(streamId, reset, now);
    } catch (error) {
      this.#violated(error, streamId);
    }
  }

  /** STOP_SENDING for a stream of the core: the control stream, a request's, or one that it has not told of yet. */
  handleStreamStopped(streamId: number, code: bigint, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    try {
      this.#streams.peerStopped(streamId, code, now);
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
    this.#streams.handleTimeout(now);
    this.#sessions.handleTimeout(now);
    if (this.#goaway.deadline <= now) this.#goaway.finalize(this.#sessions.nextRequest);
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
  acceptSession(sessionId: number, response: Omit<SessionResponse, "status">): void {
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
   * The counters of a session, from its request on; undefined where its streams and bytes are not limited. The caller of
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
      this.#requests?.respond(streamId, response, body, this.#now);
    } catch (error) {
      this.#violated(error, streamId);
    }
  }

  /** Server: the request's body is wanted. It comes as `requestData`, as far as QUIC's credit goes, and then `requestEnded`. */
  readRequest(streamId: number): void {
    if (this.#failed) return;
    try {
      this.#requests?.readBody(streamId, this.#now);
    } catch (error) {
      this.#violated(error, streamId);
    }
  }

  /** Server: gives back the credit of bytes of `requestData`. */
  consumeRequest(streamId: number, bytes: number): void {
    if (!this.#failed) this.#requests?.consume(streamId, bytes);
  }

  /**
   * GOAWAY (RFC 9114 §5.2): tells the client to open no further sessions. Requests that are on their way are still served;
   * after a second, or at once when it is called again with `final`, those that have not arrived are refused.
   */
  sendGoaway(options: { readonly final?: boolean } = {}): void {
    if (this.#failed) return;
    const isFinal = options.final === true || this.#role === "client";
    if (isFinal) this.#goaway.finalize(this.#sessions.nextRequest);
    else this.#goaway.announce(this.#now + this.#limits.goawayDelay);
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

  #takeDatagram(bytes: Uint8Array): void {
    const quarter = readVarint(bytes, 0);
    // RFC 9297 §2.1.
    if (quarter === undefined) throw connectionError("H3_DATAGRAM_ERROR", "a datagram without a stream id");
    if (quarter.value > maxQuarterStreamId) throw connectionError("H3_DATAGRAM_ERROR", "a quarter stream id past 2^60");
    const sessionId = streamIdOf(Number(quarter.value), false, "bidirectional");
    const standing = this.#sessions.standingOf(sessionId, this.#streams.isIncomplete(sessionId));
    if (standing === "gone" || standing === "never") return;
    const payload = copyFrom(bytes, quarter.end);
    if (standing === "open") this.#outputs.push({ type: "datagram", sessionId, payload });
    else this.#sessions.incoming.parkDatagram(sessionId, payload, standing === "requested", this.#now);
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

/** A core that got its options as the first argument would be a client or a server by chance. */
function checkRole(role: unknown): void {
  if (role === "client" || role === "server") return;
  const given = typeof role === "string" ? JSON.stringify(role) : `of type ${typeof role}`;
  throw new TypeError(`The first argument of ProtocolConnection must be "client" or "server": it is ${given}`);
}
