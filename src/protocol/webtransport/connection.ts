import { noBytes } from "../../base/bytes.ts";
import { encodeVarint, readVarint } from "../../base/varint.ts";
import { connectionDefaults } from "../../constants/defaults.ts";
import type { DraftSelection } from "../../constants/drafts.ts";
import { FrameType, StreamType } from "../../constants/http3.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { WireError } from "../../errors/wire-error.ts";
import { encodeCloseSession, encodeDrainSession } from "../capsule/capsule-reader.ts";
import { DeadlineList } from "../deadlines.ts";
import { connectionError, encodeFrame, encodeVarints } from "../http3/frame-reader.ts";
import { encodeSettings } from "../http3/settings.ts";
import type { Settings } from "../http3/settings.ts";
import { defaultLimits } from "../limits.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { HeaderList, ProtocolOutput, StreamReset } from "../output.ts";

import { ClientRequests } from "./client-requests.ts";
import type { SessionRequestInit } from "./client-requests.ts";
import { announcedSettings } from "./drafts.ts";
import type { SessionLimits } from "./drafts.ts";
import type { SessionFlowControl } from "./flow-control.ts";
import { IncomingStreams, requireSessionId } from "./incoming-streams.ts";
import type { SessionStanding, Stray, Usage } from "./incoming-streams.ts";
import { Outputs } from "./outputs.ts";
import { Peer } from "./peer.ts";
import type { FieldSectionExcess } from "./peer.ts";
import { PeerControlStreams } from "./peer-control.ts";
import type { RequestStream } from "./request-stream.ts";
import { Requests } from "./requests.ts";
import type { RequestHost } from "./requests.ts";
import { ServerRequests } from "./server-requests.ts";
import type { SessionResponse } from "./server-requests.ts";
import type { Opening } from "./stream-opening.ts";

export type { SessionRequestInit } from "./client-requests.ts";

export interface ProtocolConnectionOptions {
  readonly role: "client" | "server";
  /** Which drafts are announced. Default "all". */
  readonly drafts?: DraftSelection;
  readonly limits?: Partial<ProtocolLimits>;
  /** Sessions that may be open or waiting at a time; further requests are answered 429. Default 16. */
  readonly maxSessions?: number;
  /** Server: whether a request for this authority is; others are answered 421. Default: every one is. */
  readonly servesAuthority?: ((authority: string) => boolean) | undefined;
  /** What the peer may do in each session at first, where both sides speak flow control. Default 16 MiB and 512 streams of a kind. */
  readonly sessionLimits?: SessionLimits;
  /** What all of these announce, where many connections share it: of {@link settingsOf}. */
  readonly settings?: Settings;
}

const defaultSessionLimits: SessionLimits = Object.freeze({
  maxData: connectionDefaults.maxSessionBufferSize,
  maxStreamsBidirectional: connectionDefaults.maxIncomingStreams,
  maxStreamsUnidirectional: connectionDefaults.maxIncomingStreams,
});

/** The largest quarter stream id (RFC 9297 §2.1). */
const maxQuarterStreamId = (1n << 60n) - 1n;

/** RFC 9114 §5.2: the first GOAWAY of a graceful end refuses nothing yet. */
const greatestRequestId = 2n ** 62n - 4n;

/** The settings that connections of these options announce. */
export function settingsOf(options: Partial<ProtocolConnectionOptions>): Settings {
  return announcedSettings({
    drafts: options.drafts ?? connectionDefaults.drafts,
    maxSessions: options.maxSessions ?? connectionDefaults.maxSessionsPerConnection,
    sessionLimits: options.sessionLimits ?? defaultSessionLimits,
    maxFieldSectionSize: options.limits?.maxFieldSectionSize ?? defaultLimits.maxFieldSectionSize,
  });
}

/** The control stream's first bytes: its type and SETTINGS, of the same options as the core's. For the engine's preamble. */
export function controlStreamPreamble(options: Partial<ProtocolConnectionOptions> = {}): Uint8Array<ArrayBuffer> {
  const settings = encodeSettings(options.settings ?? settingsOf(options));
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
 * events do not come here. So are the bytes that {@link flowControl} counts.
 */
export class ProtocolConnection {
  readonly #role: "client" | "server";
  readonly #limits: ProtocolLimits;
  readonly #outputs = new Outputs();
  readonly #peer: Peer;
  readonly #peerControl: PeerControlStreams;
  readonly #incoming: IncomingStreams;
  readonly #requests: Requests;
  readonly #server: ServerRequests | undefined;
  readonly #client: ClientRequests | undefined;
  readonly #goawayDeadline: DeadlineList<"final">;
  /** The last request stream that the client has opened. */
  #lastRequest = -4;
  #goaway: "none" | "announced" | "final" = "none";
  /** Requests from this id on are refused. */
  #goawayId = Infinity;
  #failed = false;
  /** When the last input came. */
  #now = 0;

  constructor(options: ProtocolConnectionOptions) {
    this.#role = options.role;
    this.#limits = options.limits === undefined ? defaultLimits : { ...defaultLimits, ...options.limits };
    this.#peer = new Peer(options.settings ?? settingsOf(options));
    this.#incoming = new IncomingStreams(this.#limits, this.#outputs, (stray, finalSize) => {
      this.#countStray(stray, finalSize);
    });
    this.#goawayDeadline = new DeadlineList(this.#limits.goawayDelay);
    const host = this.#makeHost();
    this.#requests = new Requests(this.#limits, this.#outputs, host);
    if (options.role === "server") {
      this.#server = new ServerRequests(this.#requests, this.#outputs, host, this.#peer, this.#limits, options);
      this.#requests.role = this.#server;
    } else {
      this.#client = new ClientRequests(this.#requests, this.#outputs, this.#peer, (request) => {
        this.#establish(request);
      });
      this.#requests.role = this.#client;
    }
    this.#peerControl = new PeerControlStreams(options.role, this.#limits, {
      settings: (settings) => {
        this.#takeSettings(settings);
      },
      goaway: (id) => {
        this.#outputs.push({ type: "goaway" });
        // RFC 9114 §5.2: a client's id names a push, of which there are none.
        if (options.role === "client") this.#requests.notProcessed(Number(id));
      },
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
      sessions: this.#requests.sessions,
      parkedStreams: this.#incoming.parkedCount,
      pendingStreams: this.#incoming.openingCount,
      strays: this.#incoming.strayCount,
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
      this.#incoming.nextDeadline,
      this.#requests.nextDeadline,
      this.#server?.nextDeadline ?? Infinity,
      this.#goawayDeadline.next,
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
    if (this.#role === "server" && (streamId & 3) === 0) this.#lastRequest = Math.max(this.#lastRequest, streamId);
    this.#incoming.opened(streamId);
  }

  /** `chunk` is the core's to keep. */
  handleStreamData(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    this.#guard(streamId, () => {
      if (!this.#incoming.isOpening(streamId)) {
        this.#streamData(streamId, chunk, fin);
        return;
      }
      const opened = this.#incoming.classify(streamId, chunk, fin, now);
      if (opened !== undefined) this.#open(streamId, opened, chunk, fin);
    });
  }

  handleStreamReset(streamId: number, reset: StreamReset, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    this.#guard(streamId, () => {
      const parked = this.#incoming.parked(streamId);
      const request = this.#requests.get(streamId);
      if (this.#incoming.forget(streamId)) {
        if ((streamId & 2) === 0) {
          this.#outputs.reset(streamId, WireCodes.H3_REQUEST_CANCELLED);
          this.#requests.countReset();
        }
      } else if (parked !== undefined) {
        parked.reset = reset;
      } else if (request !== undefined) {
        this.#requests.peerReset(request, reset.code);
      } else {
        this.#incoming.ended(streamId, reset.finalSize);
        this.#peerControl.closed(streamId);
        this.#outputs.forget(streamId);
      }
    });
  }

  /** STOP_SENDING for a stream of the core: the control stream, a request's, or one that it has not told of yet. */
  handleStreamStopped(streamId: number, code: bigint, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    this.#guard(streamId, () => {
      // RFC 9114 §6.2.1.
      if (streamId === this.#controlStreamId) {
        throw connectionError("H3_CLOSED_CRITICAL_STREAM", "the peer wants nothing of the control stream");
      }
      const request = this.#requests.get(streamId);
      if (request !== undefined) this.#requests.peerStopped(request, code);
      else this.#incoming.stopped(streamId, code);
    });
  }

  /** `bytes` is copied where it is kept. */
  handleDatagram(bytes: Uint8Array, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    this.#guard(undefined, () => {
      const quarter = readVarint(bytes, 0);
      // RFC 9297 §2.1.
      if (quarter === undefined) throw connectionError("H3_DATAGRAM_ERROR", "a datagram without a stream id");
      if (quarter.value > maxQuarterStreamId)
        throw connectionError("H3_DATAGRAM_ERROR", "a quarter stream id past 2^60");
      const sessionId = Number(quarter.value) * 4;
      const standing = this.#standingOf(sessionId);
      if (standing.kind === "open") {
        this.#outputs.push({ type: "datagram", sessionId, payload: copy(bytes, quarter.end) });
      } else if (standing.kind === "pending") {
        this.#incoming.parkDatagram(sessionId, copy(bytes, quarter.end), standing.isRequested, now);
      }
    });
  }

  /** All that has come together has been told: what came before its session is judged by what came behind it. */
  handleTurnEnded(): void {
    if (this.#failed) return;
    this.#incoming.handleTurnEnded((sessionId) => this.#isRequested(sessionId));
  }

  handleTimeout(now: number): void {
    if (this.#failed) return;
    this.#now = now;
    this.#incoming.handleTimeout(now);
    this.#requests.handleTimeout(now);
    this.#server?.handleTimeout(now);
    if ([...this.#goawayDeadline.expire(now)].length > 0) this.#finalGoaway();
  }

  // What the live objects ask for.

  /** Client: how a request is more than the server takes; undefined when it is not. After the output `ready` only. */
  requestExcess(request: SessionRequestInit): FieldSectionExcess | undefined {
    return this.#client?.excessOf(request);
  }

  /** Server: how an answer is more than the client takes; undefined when it is not. */
  responseExcess(sessionId: number, response: SessionResponse): FieldSectionExcess | undefined {
    const request = this.#requests.get(sessionId);
    return request === undefined ? undefined : this.#server?.excessOf(request, response);
  }

  /** Client: asks for a session on a bidirectional stream that the caller has opened. After the output `ready` only. */
  openSession(streamId: number, request: SessionRequestInit, now: number): void {
    if (this.#failed) return;
    this.#now = now;
    this.#lastRequest = Math.max(this.#lastRequest, streamId);
    this.#client?.open(streamId, request);
  }

  /** Server: answers 200. `protocol` is one of those that the client offers. */
  acceptSession(sessionId: number, response: { readonly protocol?: string; readonly headers: HeaderList }): void {
    const request = this.#requests.get(sessionId);
    if (this.#failed || request?.state !== "waiting") return;
    this.#server?.accept(request, response);
    this.#establish(request);
  }

  /** Server: answers with a status other than 2xx. */
  rejectSession(sessionId: number, response: { readonly status: number; readonly headers: HeaderList }): void {
    const request = this.#requests.get(sessionId);
    if (this.#failed || request?.state !== "waiting") return;
    this.#requests.respond(request, response.status, response.headers);
  }

  /** WT_CLOSE_SESSION and FIN (draft-ietf-webtrans-http3 §6); `sessionClosed` follows when the peer has ended, too. */
  closeSession(sessionId: number, code: number, reason: string, capsule = true): void {
    const request = this.#requests.get(sessionId);
    if (this.#failed || request?.state !== "open") return;
    this.#requests.close(request, capsule ? encodeCloseSession(code, reason) : noBytes, {
      clean: true,
      code,
      reason,
      by: "local",
    });
  }

  /** Resets and stops the CONNECT stream with a wire code. */
  abortSession(sessionId: number, wireCode: bigint, message: string): void {
    const request = this.#requests.get(sessionId);
    if (this.#failed || request === undefined) return;
    const wasPending = request.state === "head" || request.state === "waiting";
    request.abort({ clean: false, by: "local", wireCode, message });
    if (wasPending) this.#requests.refuse(request, wireCode);
  }

  /** WT_DRAIN_SESSION (draft-ietf-webtrans-http3 §4.7). */
  drainSession(sessionId: number): void {
    if (this.#failed || this.#requests.get(sessionId)?.state !== "open") return;
    this.#outputs.write(sessionId, encodeDrainSession());
  }

  /**
   * The counters of a session, from its request on; undefined where its streams and bytes are not limited. Whoever calls
   * its methods calls {@link sendFlowControl} afterwards.
   */
  flowControl(sessionId: number): SessionFlowControl | undefined {
    return this.#requests.get(sessionId)?.flow;
  }

  /** Sends what a session's counters have to say to the peer. */
  sendFlowControl(sessionId: number): void {
    const request = this.#requests.get(sessionId);
    if (this.#failed || request?.state !== "open") return;
    for (let capsule = request.flow?.pollCapsule(); capsule !== undefined; capsule = request.flow?.pollCapsule()) {
      this.#outputs.write(sessionId, capsule);
    }
  }

  /**
   * GOAWAY (RFC 9114 §5.2): the client is to open no further sessions. Requests that are on their way are still served;
   * after a second, or at once when it is called again with `final`, those that have not arrived are refused.
   */
  sendGoaway(options: { readonly final?: boolean } = {}): void {
    if (this.#failed) return;
    if (options.final === true) {
      this.#finalGoaway();
    } else if (this.#goaway === "none") {
      if (this.#role === "client") {
        // A client names a push; there are none.
        this.#finalGoaway();
        return;
      }
      this.#goaway = "announced";
      this.#goawayDeadline.set("final", this.#now);
      this.#outputs.write(this.#controlStreamId, encodeFrame(FrameType.goaway, encodeVarint(greatestRequestId)));
    }
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

  #makeHost(): RequestHost {
    return {
      now: () => this.#now,
      dropParked: (sessionId) => {
        this.#incoming.drop(sessionId);
      },
    };
  }

  #open(streamId: number, opened: Opening, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    switch (opened.kind) {
      case "webTransport": {
        const { sessionId, prefixLength, stopped } = opened;
        requireSessionId(sessionId);
        const chunks = opened.consumed === chunk.length ? [] : [copy(chunk, opened.consumed)];
        this.#ofSession(sessionId, streamId, () => {
          const stream = { streamId, sessionId, prefixLength, chunks, fin, reset: undefined, stopped };
          this.#incoming.place(stream, this.#standingOf(sessionId), this.#now);
        });
        break;
      }
      case "typed": {
        const stop = this.#peerControl.open(streamId, opened.streamType);
        if (stop === undefined) this.#streamData(streamId, copy(chunk, opened.consumed), fin);
        else if (!fin) this.#outputs.stop(streamId, stop);
        break;
      }
      case "request": {
        // RFC 9114 §6.1: servers open bidirectional streams for extensions only.
        if (this.#role === "client") throw connectionError("H3_STREAM_CREATION_ERROR", "a request of the server");
        const request = this.#requests.create(streamId);
        if (streamId >= this.#goawayId) {
          this.#requests.refuse(request, WireCodes.H3_REQUEST_REJECTED);
          return;
        }
        if (opened.stopped !== undefined) {
          this.#requests.peerStopped(request, opened.stopped);
          if (this.#requests.get(streamId) !== request) return;
        }
        if (opened.replay.length > 0) this.#requests.push(request, opened.replay, false);
        this.#streamData(streamId, chunk, fin);
        break;
      }
    }
  }

  #streamData(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    const request = this.#requests.get(streamId);
    if (request !== undefined) {
      this.#requests.push(request, chunk, fin);
      return;
    }
    const parked = this.#incoming.parked(streamId);
    if (parked !== undefined) {
      this.#incoming.pushParked(parked, chunk, fin);
    } else if (this.#peerControl.has(streamId)) {
      this.#peerControl.push(streamId, chunk, fin, this.#now);
      if (fin) this.#outputs.forget(streamId);
      else this.#outputs.consumed(streamId, chunk.length);
    }
  }

  /** Throws WireError for a session that the peer cannot have. */
  #standingOf(sessionId: number): SessionStanding {
    const request = this.#requests.get(sessionId);
    if (request !== undefined) {
      const { state, flow } = request;
      if (state === "open") return { kind: "open", flow };
      if (state === "head" || state === "waiting")
        return { kind: "pending", isRequested: this.#isRequested(sessionId) };
      return { kind: this.#requests.wasNeverSession(sessionId) ? "never" : "gone" };
    }
    if (sessionId > this.#lastRequest) {
      const ahead = this.#role === "server" ? 4 * this.#limits.maxRequestsAhead : 0;
      if (sessionId <= this.#lastRequest + ahead) return { kind: "pending", isRequested: false };
      throw connectionError("H3_ID_ERROR", `session id ${sessionId} is beyond the stream limit`);
    }
    if (this.#incoming.isOpening(sessionId)) return { kind: "pending", isRequested: false };
    return { kind: this.#requests.wasNeverSession(sessionId) ? "never" : "gone" };
  }

  /** The session's request has come, or a client has sent it, and it is not answered yet. */
  #isRequested(sessionId: number): boolean {
    const state = this.#requests.get(sessionId)?.state;
    return state === "waiting" || (state === "head" && this.#role === "client");
  }

  #establish(request: RequestStream): void {
    this.#guard(request.id, () => {
      const owed = this.#incoming.takeOwed(request.id);
      request.state = "open";
      this.#incoming.release(request.id, request.flow);
      if (request.flow !== undefined) countUnread(request.flow, owed);
      request.establish(this.#now);
      // Streams that were refused meanwhile are given back.
      this.sendFlowControl(request.id);
      this.#requests.forgetIfOver(request);
    });
  }

  /** A stream that was refused before its session came is counted there all the same, and given back. */
  #countStray({ streamId, sessionId, prefixLength }: Stray, finalSize: number): void {
    const isBidirectional = (streamId & 2) === 0;
    const usage = {
      data: Math.max(0, finalSize - prefixLength),
      bidirectional: isBidirectional ? 1 : 0,
      unidirectional: isBidirectional ? 0 : 1,
    };
    const flow = this.flowControl(sessionId);
    if (flow === undefined) {
      if (this.#standingOf(sessionId).kind === "pending") this.#incoming.owe(sessionId, usage);
      return;
    }
    this.#ofSession(sessionId, streamId, () => {
      countUnread(flow, usage);
    });
    this.sendFlowControl(sessionId);
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

  #finalGoaway(): void {
    if (this.#goaway === "final") return;
    this.#goaway = "final";
    this.#goawayDeadline.cancel("final");
    const id = this.#role === "server" ? this.#lastRequest + 4 : 0;
    if (this.#role === "server") this.#goawayId = id;
    this.#outputs.write(this.#controlStreamId, encodeFrame(FrameType.goaway, encodeVarint(id)));
  }

  /** Where the session is at fault, it ends, and with it the stream that has shown it. */
  #ofSession(sessionId: number, streamId: number, input: () => void): void {
    try {
      input();
    } catch (error) {
      const request = this.#requests.get(sessionId);
      if (!(error instanceof WireError) || error.scope !== "session" || request === undefined) throw error;
      this.#requests.violated(request, error.wireCode, error.message);
      this.#outputs.refuse(streamId, WireCodes.WT_SESSION_GONE);
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
        this.#outputs.refuse(streamId, error.wireCode);
      } else if (this.#role === "server" && request.state === "head" && error.wireCode === tooLarge) {
        // RFC 6585 §5: friendlier than a reset, whose code no browser shows.
        this.#requests.respond(request, 431, []);
        this.#server?.tellTooLarge();
      } else {
        this.#requests.violated(request, error.wireCode, error.message);
      }
    }
  }
}

/** Counts what nobody reads, and gives it back at once. Throws WireError for more than the session allows. */
function countUnread(flow: SessionFlowControl, usage: Usage): void {
  for (const resource of ["bidirectional", "unidirectional", "data"] as const) {
    flow.received(resource, usage[resource]);
    flow.giveBack(resource, usage[resource]);
  }
}

const tooLarge = WireCodes.H3_EXCESSIVE_LOAD;

/** The rest of the bytes from `offset` on, in an ArrayBuffer of their own. */
function copy(bytes: Uint8Array, offset: number): Uint8Array<ArrayBuffer> {
  const target = new Uint8Array(bytes.length - offset);
  target.set(bytes.subarray(offset));
  return target;
}
