import { laterStreamId } from "../../base/stream-id.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { WireError } from "../../errors/wire-error.ts";
import { DeadlineList } from "../deadlines.ts";
import type { RequestStream } from "../http3/request-stream.ts";
import type { SessionIds } from "../http3/requests.ts";
import { refuseRest, writeResponse } from "../http3/responses.ts";
import type { Response } from "../http3/responses.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { HeaderList, SessionEnd } from "../output.ts";
import type { Outputs } from "../outputs.ts";
import { connectionError, streamError } from "../wire-errors.ts";

import { IncomingStreams } from "./incoming-streams.ts";
import type { Standing } from "./incoming-streams.ts";
import type { ParkedStream } from "./parking.ts";
import { Session } from "./session.ts";
import { countUnread } from "./strays.ts";
import type { Usage } from "./strays.ts";

/** Requests that ended without a session whose ids are remembered: their streams are told another code. */
const maxRemembered = 64;

/** The sessions of a connection, from their request until both halves of its stream have ended. */
export class Sessions implements SessionIds {
  /** The peer's streams, while they wait for their session. */
  readonly incoming: IncomingStreams;
  readonly #role: "client" | "server";
  readonly #limits: ProtocolLimits;
  readonly #outputs: Outputs;
  readonly #sessions = new Map<number, Session>();
  /** Server: session requests that wait for the peer's SETTINGS. */
  #heldDeadlines: DeadlineList<number> | undefined;
  /** Sessions that have ended here, whose peer has not ended its half. */
  #closingDeadlines: DeadlineList<number> | undefined;
  #neverSessions: Set<number> | undefined;
  /** Of the last request that has come, or that a client has sent. */
  #lastRequest = -4;

  constructor(role: "client" | "server", limits: ProtocolLimits, outputs: Outputs) {
    this.#role = role;
    this.#limits = limits;
    this.#outputs = outputs;
    this.incoming = new IncomingStreams(limits, outputs, this);
  }

  /** Sessions that count against the limit. */
  get count(): number {
    let count = 0;
    for (const session of this.#sessions.values()) if (session.isCounted) count += 1;
    return count;
  }

  get nextDeadline(): number {
    return Math.min(
      this.#heldDeadlines?.next ?? Infinity,
      this.#closingDeadlines?.next ?? Infinity,
      this.incoming.nextDeadline,
    );
  }

  /** The first request id that has not been used. */
  get nextRequest(): number {
    return laterStreamId(this.#lastRequest);
  }

  get(sessionId: number): Session | undefined {
    return this.#sessions.get(sessionId);
  }

  [Symbol.iterator](): Iterator<Session> {
    return [...this.#sessions.values()][Symbol.iterator]();
  }

  /** Whether `most` sessions are there already. */
  isFull(most: number): boolean {
    return this.#sessions.size >= most && this.count >= most;
  }

  add(stream: RequestStream, state: "asked" | "held"): Session {
    const session = new Session(stream, state, this.#limits, this.#outputs);
    this.#sessions.set(session.id, session);
    return session;
  }

  hold(session: Session, now: number): void {
    this.#heldDeadlines ??= new DeadlineList(this.#limits.settingsTimeout);
    this.#heldDeadlines.set(session.id, now);
  }

  release(session: Session): void {
    this.#heldDeadlines?.cancel(session.id);
    session.heldRequest = undefined;
  }

  handleTimeout(now: number): void {
    this.incoming.handleTimeout(now);
    for (const sessionId of this.#closingDeadlines?.expire(now) ?? []) {
      const session = this.#sessions.get(sessionId);
      if (session === undefined) continue;
      this.#peerAborted(session, WireCodes.WT_SESSION_GONE, "never ended by the peer");
      this.#abandon(session, WireCodes.WT_SESSION_GONE);
    }
    for (const sessionId of this.#heldDeadlines?.expire(now) ?? []) {
      const session = this.#sessions.get(sessionId);
      if (session !== undefined) this.refuse(session, WireCodes.H3_REQUEST_REJECTED);
    }
  }

  // Session ids.

  /** A request has come, or a client sends one. */
  requested(streamId: number): void {
    if (streamId > this.#lastRequest) this.#lastRequest = streamId;
  }

  /** There will be no such session: what was parked for it is refused. */
  neverASession(sessionId: number): void {
    const never = (this.#neverSessions ??= new Set());
    never.add(sessionId);
    if (never.size > maxRemembered) {
      for (const oldest of never) {
        never.delete(oldest);
        break;
      }
    }
    this.incoming.drop(sessionId);
  }

  /**
   * What becomes of a stream or a datagram that names this session. `isIncomplete`: its stream has been opened, and has
   * not said what it is. Throws WireError for a session that the peer cannot have.
   */
  standingOf(sessionId: number, isIncomplete: boolean): Standing {
    const standing = this.#sessions.get(sessionId)?.standing;
    if (standing === "open" || standing === "requested") return standing;
    if (isIncomplete) return "expected";
    if (sessionId > this.#lastRequest) {
      const ahead = this.#role === "server" ? this.#limits.maxRequestsAhead : 0;
      if (sessionId <= laterStreamId(this.#lastRequest, ahead)) return "expected";
      throw connectionError("H3_ID_ERROR", `session id ${sessionId} is beyond the stream limit`);
    }
    return this.#neverSessions?.has(sessionId) === true ? "never" : "gone";
  }

  isRequested(sessionId: number): boolean {
    return this.#sessions.get(sessionId)?.standing === "requested";
  }

  /** A stream that the peer has opened for a session. Throws WireError. */
  place(stream: ParkedStream, isIncomplete: boolean, now: number): void {
    const { sessionId, streamId } = stream;
    const standing = this.standingOf(sessionId, isIncomplete);
    try {
      this.incoming.place(stream, standing, this.#sessions.get(sessionId)?.flow, now);
    } catch (error) {
      this.#overused(sessionId, streamId, error);
    }
  }

  /** A stream that was refused before its session came is counted there all the same, and given back. */
  countStray(sessionId: number, streamId: number, usage: Usage): void {
    const session = this.#sessions.get(sessionId);
    if (session?.flow === undefined) {
      if (session === undefined || session.standing === "requested") {
        this.incoming.owe(sessionId, usage);
      }
      return;
    }
    try {
      countUnread(session.flow, usage);
    } catch (error) {
      this.#overused(sessionId, streamId, error);
    }
    this.sendFlowControl(session);
  }

  // The life of a session.

  /** Reads what has come on its stream. Client: returns a header section of the response; call it again then. Throws WireError. */
  read(session: Session, now: number): HeaderList | undefined {
    const { stream } = session;
    const before = session.state;
    for (let event = stream.next(); event !== undefined; event = stream.next()) {
      switch (event.type) {
        case "headers":
          return event.fields;
        case "headersTooLarge":
          throw streamError(
            "H3_EXCESSIVE_LOAD",
            `the response's header section is too large (a frame of ${event.length} bytes)`,
          );
        case "headersSkipped":
          this.#abandon(session, WireCodes.H3_NO_ERROR);
          return undefined;
        case "data":
          session.takeBody(event.bytes, now);
          break;
        case "end":
          session.takeEnd();
          break;
      }
    }
    this.#outputs.consumed(session.id, stream.takeCredit());
    if (before !== "ended" && session.state === "ended") this.#awaitEnd(session, now);
    this.#forgetIfOver(session);
    return undefined;
  }

  /** The answer is 2xx: streams, datagrams and body that have come before it follow. Throws WireError for what is wrong with them. */
  establish(session: Session, now: number): void {
    const owed = this.incoming.takeOwed(session.id);
    session.move("accept");
    this.incoming.release(session.id, session.flow);
    if (session.flow !== undefined && owed !== undefined) countUnread(session.flow, owed);
    session.takeEarly(now);
    if (session.state === "ended") this.#awaitEnd(session, now);
    // Streams that were refused meanwhile are given back.
    this.sendFlowControl(session);
    this.#forgetIfOver(session);
  }

  /** Sends what the session's counters have to say to the peer. */
  sendFlowControl(session: Session): void {
    const { flow, state, id } = session;
    if (state !== "open" || flow === undefined) return;
    for (let capsule = flow.pollCapsule(); capsule !== undefined; capsule = flow.pollCapsule()) {
      this.#outputs.write(id, capsule);
    }
  }

  /** Closes the session with `capsule` and FIN. */
  close(session: Session, capsule: Uint8Array, goodbye: SessionEnd, now: number): void {
    session.close(capsule, goodbye);
    this.#awaitEnd(session, now);
    if (session.stream.receiveEnded) session.end(goodbye);
    this.#forgetIfOver(session);
  }

  /** Ends the session or its request at once, with a reset. */
  abort(session: Session, code: bigint, message: string, now: number): void {
    if (session.standing === "requested") {
      // A client that cancels its own request need not be told.
      if (session.state === "asked") session.move("refuse");
      else this.#fail(session, code);
      this.neverASession(session.id);
      this.#abandon(session, code);
      return;
    }
    const { state } = session;
    session.end({ clean: false, by: "local", wireCode: code, message });
    session.ignoreBody();
    if (state === "open") this.#abandon(session, code);
    // This side has closed the session before: that is the end that is told.
    else if (state === "closing") this.#awaitEnd(session, now);
  }

  /** The peer has broken a rule on the session's stream, or with the session. */
  violated(session: Session, code: bigint, message: string): void {
    if (session.standing === "requested" || session.standing === "never") {
      this.refuse(session, code, message);
    } else {
      session.end({ clean: false, by: "local", wireCode: code, message });
      this.#abandon(session, code);
    }
  }

  /** Ends a request without an answer; `fault`: what the peer did wrong. */
  refuse(session: Session, code: bigint, fault?: string): void {
    this.#fail(session, code, fault);
    this.neverASession(session.id);
    this.#abandon(session, code);
  }

  /** Server: answers with another status than 2xx. */
  reject(session: Session, response: Response): void {
    if (!session.move("refuse")) return;
    this.turnDown(session.stream, response);
    this.#forget(session);
  }

  /** Server: answers a CONNECT that becomes no session. */
  turnDown(stream: RequestStream, response: Response): void {
    writeResponse(this.#outputs, stream, response);
    this.neverASession(stream.id);
    refuseRest(this.#outputs, stream);
  }

  /** Client: the server has answered no. Its half may still end by itself. */
  rejected(session: Session, now: number): void {
    if (!session.move("refuse")) return;
    this.neverASession(session.id);
    session.finish();
    this.#awaitEnd(session, now);
  }

  /** Client, RFC 9114 §5.2: the server processes no request from this id on; the client may send it to another server. */
  notProcessed(id: number): void {
    for (const session of this) {
      if (session.id < id || session.state !== "asked") continue;
      this.#fail(session, WireCodes.H3_REQUEST_REJECTED);
      this.neverASession(session.id);
      // RFC 9114 §4.1.1: a client does not say H3_REQUEST_REJECTED itself.
      this.#abandon(session, WireCodes.H3_REQUEST_CANCELLED);
    }
  }

  /** Gives whether the request had no answer yet. */
  peerReset(session: Session, code: bigint): boolean {
    const wasRequested = session.standing === "requested";
    session.stream.receiveEnded = true;
    this.#peerAborted(session, code, "the CONNECT stream was reset");
    this.#abandon(session, WireCodes.H3_REQUEST_CANCELLED);
    return wasRequested;
  }

  /** Gives whether the peer has taken back a request that had no answer yet. */
  peerStopped(session: Session, code: bigint, now: number): boolean {
    const wasRequested = session.standing === "requested";
    session.stream.sendEnded = true;
    // RFC 9114 §4.1: from a server H3_NO_ERROR says that the answer is complete, or on its way.
    if (session.state === "asked" && code === WireCodes.H3_NO_ERROR) return false;
    // The peer's close capsule may come behind it: webtransport-go closes with STOP_SENDING, capsule and FIN, in this order.
    if (session.state === "open" && code === WireCodes.WT_SESSION_GONE && !session.stream.receiveEnded) {
      this.#awaitEnd(session, now);
      return false;
    }
    this.#peerAborted(session, code, "the CONNECT stream was stopped");
    this.#abandon(session, WireCodes.H3_REQUEST_CANCELLED);
    return wasRequested;
  }

  #peerAborted(session: Session, code: bigint, what: string): void {
    if (session.standing === "requested") {
      this.#fail(session, code);
      this.neverASession(session.id);
    }
    const message = `${what} with code 0x${code.toString(16)}`;
    // draft-ietf-webtrans-http3 §6: how a stream ends after the close capsule says nothing more.
    session.end({ clean: false, by: "peer", wireCode: code, message });
  }

  /** Tells the caller that there will be no session. `code`: the one that the peer has sent, or is sent. */
  #fail(session: Session, code: bigint, fault?: string): void {
    const { id, state } = session;
    if (!session.move("refuse")) return;
    if (state === "asked") {
      this.#outputs.push({ type: "sessionRejected", sessionId: id, status: undefined, headers: [], code, fault });
    } else if (state === "offered") {
      this.#outputs.push({ type: "requestCancelled", sessionId: id });
    }
  }

  /** The session uses more than its limits allow: it ends, and with it the stream that has shown it. */
  #overused(sessionId: number, streamId: number, error: unknown): void {
    const session = this.#sessions.get(sessionId);
    if (!(error instanceof WireError) || error.scope !== "session" || session === undefined) throw error;
    this.violated(session, error.wireCode, error.message);
    this.#outputs.refuse(streamId, WireCodes.WT_SESSION_GONE);
  }

  /** Gives the peer `closeTimeout` to end its half. */
  #awaitEnd({ id, stream }: Session, now: number): void {
    if (stream.receiveEnded) return;
    this.#closingDeadlines ??= new DeadlineList(this.#limits.closeTimeout);
    this.#closingDeadlines.set(id, now);
  }

  /** Resets and stops what is left of the stream, and forgets it. */
  #abandon(session: Session, code: bigint): void {
    if (this.#sessions.get(session.id) !== session) return;
    this.#outputs.abandon(session.stream, code);
    this.#forget(session);
  }

  #forgetIfOver(session: Session): void {
    const { stream, standing } = session;
    if (stream.receiveEnded && stream.sendEnded && standing !== "requested") this.#forget(session);
  }

  #forget({ id }: Session): void {
    this.#sessions.delete(id);
    this.#heldDeadlines?.cancel(id);
    this.#closingDeadlines?.cancel(id);
    this.#outputs.forget(id);
    this.incoming.forgetStrays(id);
  }
}
