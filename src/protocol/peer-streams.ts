import { copyFrom } from "../base/bytes.ts";
import { isBidirectional, isRequestId } from "../base/stream-id.ts";
import { WireCodes } from "../constants/wire-codes.ts";
import { WireError } from "../errors/wire-error.ts";

import type { Goaway } from "./http3/goaway.ts";
import { Openings } from "./http3/openings.ts";
import { PeerControlStreams } from "./http3/peer-control.ts";
import type { Requests } from "./http3/requests.ts";
import type { Settings } from "./http3/settings.ts";
import type { Opening } from "./http3/stream-opening.ts";
import { RateLimit } from "./limits.ts";
import type { ProtocolLimits } from "./limits.ts";
import type { StreamReset } from "./output.ts";
import type { Outputs } from "./outputs.ts";
import type { ClientSessions } from "./webtransport/client-sessions.ts";
import { requireSessionId } from "./webtransport/incoming-streams.ts";
import type { Peer } from "./webtransport/peer.ts";
import type { ServerSessions } from "./webtransport/server-sessions.ts";
import type { Session } from "./webtransport/session.ts";
import type { Sessions } from "./webtransport/sessions.ts";
import { connectionError } from "./wire-errors.ts";

/** What reads the streams, by their kinds. */
export interface StreamReaders {
  readonly peer: Peer;
  readonly goaway: Goaway;
  readonly sessions: Sessions;
  readonly server: ServerSessions | undefined;
  readonly client: ClientSessions | undefined;
  /** Server: what the peer asks for that is no session, or not known to be one. */
  readonly requests: Requests | undefined;
}

/**
 * The streams that the core reads. Each is classified by its first bytes, and goes from then on to what reads its kind:
 * bytes go down once, and what they say comes back once.
 */
export class PeerStreams {
  readonly #role: "client" | "server";
  readonly #limits: ProtocolLimits;
  readonly #outputs: Outputs;
  readonly #openings: Openings;
  readonly #control: PeerControlStreams;
  readonly #peer: Peer;
  readonly #goaway: Goaway;
  readonly #sessions: Sessions;
  readonly #server: ServerSessions | undefined;
  readonly #client: ClientSessions | undefined;
  readonly #requests: Requests | undefined;
  #resets: RateLimit | undefined;
  #now = 0;

  constructor(role: "client" | "server", limits: ProtocolLimits, outputs: Outputs, readers: StreamReaders) {
    this.#role = role;
    this.#limits = limits;
    this.#outputs = outputs;
    this.#openings = new Openings(limits, outputs);
    this.#control = new PeerControlStreams(role, limits);
    this.#peer = readers.peer;
    this.#goaway = readers.goaway;
    this.#sessions = readers.sessions;
    this.#server = readers.server;
    this.#client = readers.client;
    this.#requests = readers.requests;
  }

  /** Streams that have not said what they are. */
  get openingCount(): number {
    return this.#openings.count;
  }

  get nextDeadline(): number {
    return Math.min(this.#openings.nextDeadline, this.#requests?.nextDeadline ?? Infinity);
  }

  handleTimeout(now: number): void {
    this.#openings.handleTimeout(now);
    this.#requests?.handleTimeout(now);
  }

  opened(streamId: number): void {
    if (this.#role === "server" && isRequestId(streamId)) this.#sessions.requested(streamId);
    this.#openings.opened(streamId);
  }

  /** Bytes of a stream. Throws WireError. */
  data(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean, now: number): void {
    this.#now = now;
    if (!this.#openings.has(streamId)) {
      this.#read(streamId, chunk, fin);
      return;
    }
    const opened = this.#openings.classify(streamId, chunk, fin, now);
    if (opened !== undefined) this.#open(streamId, opened, chunk, fin);
  }

  /** The stream of this id has been opened and has not said yet what it asks for. */
  isIncomplete(streamId: number): boolean {
    return this.#openings.has(streamId) || this.#requests?.isIncomplete(streamId) === true;
  }

  /** The peer has reset its half of a stream. Throws WireError. */
  peerReset(streamId: number, { code, finalSize, reliableSize }: StreamReset, now: number): void {
    this.#now = now;
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
      this.#control.closed(streamId);
      this.#outputs.forget(streamId);
    }
  }

  /** The peer wants nothing more of a stream. Throws WireError. */
  peerStopped(streamId: number, code: bigint, now: number): void {
    this.#now = now;
    // RFC 9114 §6.2.1.
    if (streamId === this.#goaway.controlStreamId) {
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

  #open(streamId: number, opened: Opening, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    switch (opened.kind) {
      case "webTransport": {
        const { sessionId, prefixLength, stopped } = opened;
        requireSessionId(sessionId);
        const chunks = opened.consumed === chunk.length ? [] : [copyFrom(chunk, opened.consumed)];
        const stream = { streamId, sessionId, prefixLength, chunks, fin, reset: undefined, stopped };
        this.#sessions.place(stream, this.isIncomplete(sessionId), this.#now);
        break;
      }
      case "typed": {
        const stop = this.#control.open(streamId, opened.streamType);
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
    this.#requests.open(streamId);
    if (this.#goaway.refuses(streamId)) this.#requests.refuse(streamId, WireCodes.H3_REQUEST_REJECTED);
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
    } else if (this.#control.has(streamId)) {
      this.#readControl(streamId, chunk, fin);
    }
  }

  #readRequest(requests: Requests, streamId: number, chunk: Uint8Array, fin: boolean): void {
    const connect = requests.push(streamId, chunk, fin, this.#now);
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
    this.#control.push(streamId, chunk, this.#now);
    for (let event = this.#control.next(); event !== undefined; event = this.#control.next()) {
      if (event.type === "settings") this.#takeSettings(event.settings);
      else this.#takeGoaway(event.id);
    }
    if (fin) {
      this.#control.closed(streamId);
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

  /** A request was given up before its answer, which is cheap for the peer. Throws WireError when there are too many. */
  #countReset(hadNoAnswer: boolean): void {
    if (!hadNoAnswer) return;
    this.#resets ??= new RateLimit(this.#limits.maxRequests, this.#limits.rateWindow);
    if (!this.#resets.count(this.#now)) throw connectionError("H3_EXCESSIVE_LOAD", "too many requests were reset");
  }
}
