import { WireCodes } from "../../constants/wire-codes.ts";
import { DeadlineList } from "../deadlines.ts";
import { connectionError, streamError } from "../wire-errors.ts";
import type { ProtocolLimits } from "../limits.ts";

import type { Outputs } from "./outputs.ts";
import { ParkedDatagrams } from "./parked-datagrams.ts";
import { Parking, sizeOf } from "./parking.ts";
import type { ParkedStream } from "./parking.ts";
import type { FlowResource, SessionFlowControl } from "./flow-control.ts";
import { StreamOpening } from "./stream-opening.ts";
import type { Opening } from "./stream-opening.ts";

/** What stands behind a session id that a stream or a datagram names. */
export type SessionStanding =
  | { readonly kind: "open"; readonly flow: SessionFlowControl | undefined }
  /** There may yet be such a session. `isRequested`: somebody has asked for it, and its answer is what is waited for. */
  | { readonly kind: "pending"; readonly isRequested: boolean }
  | { readonly kind: "gone" }
  /** The request was turned down, or was none for a session. */
  | { readonly kind: "never" };

/** A stream that was refused before its session came, if that comes at all. */
export type Stray = Pick<ParkedStream, "streamId" | "sessionId" | "prefixLength">;

/** What streams have used of their session's limits. */
export type Usage = Readonly<Record<FlowResource, number>>;

/** Sessions that nobody has asked for and whose strays' usage is remembered: whoever goes on to others loses the credit. */
const maxOwed = 64;

/** The peer's streams until it is known what they are: their first bytes, and then, for WebTransport's, their session. */
export class IncomingStreams {
  readonly #limits: ProtocolLimits;
  readonly #outputs: Outputs;
  readonly #openings = new Map<number, StreamOpening>();
  readonly #deadlines: DeadlineList<number>;
  readonly #parking: Parking;
  readonly #datagrams: ParkedDatagrams;
  readonly #countStray: (stray: Stray, finalSize: number) => void;
  /** Those that still count in their session when their final size is known. */
  readonly #strays = new Map<number, Stray>();
  /** What strays that have ended count in a session that has not come yet. */
  readonly #owed = new Map<number, Usage>();

  /** `countStray`: the final size of one is known. */
  constructor(limits: ProtocolLimits, outputs: Outputs, countStray: (stray: Stray, finalSize: number) => void) {
    this.#limits = limits;
    this.#outputs = outputs;
    this.#countStray = countStray;
    this.#deadlines = new DeadlineList(limits.prefixTimeout);
    this.#parking = new Parking(limits);
    this.#datagrams = new ParkedDatagrams(limits);
  }

  get parkedCount(): number {
    return this.#parking.size;
  }

  get openingCount(): number {
    return this.#openings.size;
  }

  get strayCount(): number {
    return this.#strays.size;
  }

  get nextDeadline(): number {
    return Math.min(this.#deadlines.next, this.#parking.nextDeadline, this.#datagrams.nextDeadline);
  }

  handleTimeout(now: number): void {
    for (const streamId of this.#deadlines.expire(now)) {
      this.#openings.delete(streamId);
      this.#outputs.refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
    }
    this.#datagrams.expire(now);
    for (const stream of this.#parking.expire(now)) this.#refuseParked(stream);
  }

  /** The engine's turn is over: what has come before its session's request, and still has none, must keep to its limits. */
  handleTurnEnded(isRequested: (sessionId: number) => boolean): void {
    this.#datagrams.judge(isRequested);
    for (const stream of this.#parking.judge(isRequested)) this.#refuseParked(stream);
  }

  opened(streamId: number): void {
    this.#openings.set(streamId, new StreamOpening(streamId));
  }

  isOpening(streamId: number): boolean {
    return this.#openings.has(streamId);
  }

  /** Reads a stream's first bytes. Gives what it is once they tell. Throws WireError when it ends before. */
  classify(streamId: number, chunk: Uint8Array, fin: boolean, now: number): Opening | undefined {
    const opening = this.#openings.get(streamId);
    const opened = opening?.push(chunk);
    if (opened === undefined && !fin) {
      if (opening?.isEmpty === false) this.#awaitRest(streamId, now);
      return undefined;
    }
    this.forget(streamId);
    // A unidirectional stream may end before it has said what it is (RFC 9114 §6.2).
    if (opened === undefined && (streamId & 2) === 0) {
      throw streamError("H3_REQUEST_INCOMPLETE", "the stream ends before its first frame");
    }
    return opened;
  }

  /** Whether it was still opening. */
  forget(streamId: number): boolean {
    this.#deadlines.cancel(streamId);
    return this.#openings.delete(streamId);
  }

  /** Delivers, parks or refuses a stream. Throws WireError for one too many of the session. */
  place(stream: ParkedStream, standing: SessionStanding, now: number): void {
    const { streamId } = stream;
    switch (standing.kind) {
      case "open":
        this.#deliver(stream, standing.flow);
        break;
      case "pending":
        if (!this.#parking.add(stream, standing.isRequested, now)) this.#refuseParked(stream);
        break;
      case "gone":
        this.#outputs.refuse(streamId, WireCodes.WT_SESSION_GONE);
        break;
      case "never":
        this.#outputs.refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
        break;
    }
  }

  parked(streamId: number): ParkedStream | undefined {
    return this.#parking.get(streamId);
  }

  /** More bytes of a parked stream. */
  pushParked(stream: ParkedStream, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    if (!this.#parking.push(stream, chunk, fin)) this.#refuseParked(stream);
  }

  /** STOP_SENDING for a stream that is not the caller's yet: it is told with it. */
  stopped(streamId: number, code: bigint): void {
    const stream = this.#openings.get(streamId) ?? this.#parking.get(streamId);
    if (stream !== undefined) stream.stopped ??= code;
  }

  /** A stream has been reset: if it was one that was refused, it counts now. */
  ended(streamId: number, finalSize: number): void {
    const stray = this.#strays.get(streamId);
    if (stray === undefined) return;
    this.#strays.delete(streamId);
    this.#countStray(stray, finalSize);
  }

  /** Strays have used so much of a session that has not come yet. */
  owe(sessionId: number, usage: Usage): void {
    const before = this.#owed.get(sessionId) ?? unused;
    this.#owed.set(sessionId, {
      data: before.data + usage.data,
      bidirectional: before.bidirectional + usage.bidirectional,
      unidirectional: before.unidirectional + usage.unidirectional,
    });
    if (this.#owed.size <= maxOwed) return;
    const [oldest] = this.#owed.keys();
    if (oldest !== undefined) this.#owed.delete(oldest);
  }

  /** The session has come: gives what its strays have used, which is forgotten here. */
  takeOwed(sessionId: number): Usage {
    const usage = this.#owed.get(sessionId) ?? unused;
    this.#owed.delete(sessionId);
    return usage;
  }

  parkDatagram(sessionId: number, payload: Uint8Array<ArrayBuffer>, isRequested: boolean, now: number): void {
    this.#datagrams.add(sessionId, payload, isRequested, now);
  }

  /** The session is established: what came early follows. Throws WireError for a stream too many. */
  release(sessionId: number, flow: SessionFlowControl | undefined): void {
    const datagrams = this.#datagrams.take(sessionId);
    const streams = this.#parking.take(sessionId);
    for (const [index, stream] of streams.entries()) {
      try {
        this.#deliver(stream, flow);
      } catch (error) {
        for (const { streamId } of streams.slice(index)) this.#outputs.refuse(streamId, WireCodes.WT_SESSION_GONE);
        throw error;
      }
    }
    for (const payload of datagrams) this.#outputs.push({ type: "datagram", sessionId, payload });
  }

  /** There will be no such session. */
  drop(sessionId: number): void {
    this.#datagrams.take(sessionId);
    this.#owed.delete(sessionId);
    for (const { streamId } of this.#parking.take(sessionId)) {
      this.#outputs.refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
    }
    for (const [streamId, stray] of this.#strays) if (stray.sessionId === sessionId) this.#strays.delete(streamId);
  }

  #deliver(stream: ParkedStream, flow: SessionFlowControl | undefined): void {
    const { streamId, sessionId, prefixLength, chunks, fin, reset, stopped } = stream;
    flow?.received((streamId & 2) === 0 ? "bidirectional" : "unidirectional", 1);
    this.#outputs.push({ type: "stream", streamId, sessionId, prefixLength, chunks, fin, reset, stopped });
  }

  /**
   * A stream without a single byte has no deadline: RFC 9000 §3.2 opens every stream below the one that a frame names,
   * and with them a peer's QPACK streams, which it may leave silent for ever and never lets be stopped. QUIC's own limit
   * bounds them.
   */
  #awaitRest(streamId: number, now: number): void {
    if (this.#deadlines.has(streamId)) return;
    this.#deadlines.set(streamId, now);
    const oldest = this.#deadlines.first;
    if (oldest === undefined || this.#deadlines.size <= this.#limits.maxIncompleteStreams) return;
    this.forget(oldest);
    this.#outputs.refuse(oldest, WireCodes.WT_BUFFERED_STREAM_REJECTED);
  }

  #refuseParked(stream: ParkedStream): void {
    const { streamId, sessionId, prefixLength, fin, reset } = stream;
    this.#outputs.refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
    const stray = { streamId, sessionId, prefixLength };
    if (reset !== undefined) this.#countStray(stray, reset.finalSize);
    else if (!fin) this.#strays.set(streamId, stray);
    // Behind a FIN that has been delivered nothing more is told.
    else this.#countStray(stray, prefixLength + sizeOf(stream));
  }
}

const unused: Usage = Object.freeze({ data: 0, bidirectional: 0, unidirectional: 0 });

/** draft-ietf-webtrans-http3 §4: a session id is that of a client's bidirectional stream. Throws WireError. */
export function requireSessionId(sessionId: number): void {
  if (sessionId % 4 !== 0) throw connectionError("H3_ID_ERROR", `session id ${sessionId}`);
}
