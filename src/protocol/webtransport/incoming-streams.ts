import { directionOf, isRequestId } from "../../base/stream-id.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { StreamReset } from "../output.ts";
import type { Outputs } from "../outputs.ts";
import { connectionError } from "../wire-errors.ts";

import type { SessionFlowControl } from "./flow-control.ts";
import { ParkedDatagrams } from "./parked-datagrams.ts";
import { Parking, sizeOf } from "./parking.ts";
import type { ParkedStream } from "./parking.ts";
import type { SessionStanding } from "./session-state.ts";
import { Strays, usageOf } from "./strays.ts";
import type { Stray, Usage } from "./strays.ts";

/** What stands behind a session id that a stream or a datagram names. "expected": there may yet be a request for it. */
export type Standing = SessionStanding | "expected";

/** Keeps the accounts of sessions. */
export interface StrayAccounts {
  countStray(sessionId: number, streamId: number, usage: Usage): void;
}

/**
 * The peer's WebTransport streams and datagrams, until their session has them: each is delivered, parked or refused. Most
 * connections never see one that comes before its session, so what keeps them is created lazily.
 */
export class IncomingStreams {
  readonly #limits: ProtocolLimits;
  readonly #outputs: Outputs;
  readonly #accounts: StrayAccounts;
  #parking: Parking | undefined;
  #datagrams: ParkedDatagrams | undefined;
  #strays: Strays | undefined;

  constructor(limits: ProtocolLimits, outputs: Outputs, accounts: StrayAccounts) {
    this.#limits = limits;
    this.#outputs = outputs;
    this.#accounts = accounts;
  }

  get parkedCount(): number {
    return this.#parking?.size ?? 0;
  }

  get strayCount(): number {
    return this.#strays?.count ?? 0;
  }

  get nextDeadline(): number {
    return Math.min(this.#parking?.nextDeadline ?? Infinity, this.#datagrams?.nextDeadline ?? Infinity);
  }

  handleTimeout(now: number): void {
    this.#datagrams?.expire(now);
    for (const stream of this.#parking?.expire(now) ?? []) this.#refuseParked(stream);
  }

  /** The engine's turn is over: what has come before its session's request, and still has none, must keep to its limits. */
  handleTurnEnded(isRequested: (sessionId: number) => boolean): void {
    this.#datagrams?.judge(isRequested);
    for (const stream of this.#parking?.judge(isRequested) ?? []) this.#refuseParked(stream);
  }

  /** Whether {@link handleTurnEnded} has anything to do. */
  get isParking(): boolean {
    return this.#parking !== undefined || this.#datagrams !== undefined;
  }

  /** Delivers, parks or refuses a stream: the one answer to what becomes of it. Throws WireError for one too many of the session. */
  place(stream: ParkedStream, standing: Standing, flow: SessionFlowControl | undefined, now: number): void {
    const { streamId } = stream;
    switch (standing) {
      case "open":
        this.#deliver(stream, flow);
        break;
      case "requested":
      case "expected":
        this.#parking ??= new Parking(this.#limits);
        if (!this.#parking.add(stream, standing === "requested", now)) this.#refuseParked(stream);
        break;
      case "gone":
        this.#outputs.refuse(streamId, WireCodes.WT_SESSION_GONE);
        break;
      case "never":
        this.#outputs.refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
        break;
    }
  }

  /** Whether the stream waits for its session. */
  isParked(streamId: number): boolean {
    return this.#parking?.get(streamId) !== undefined;
  }

  /** More bytes of a parked stream. */
  push(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    const stream = this.#parking?.get(streamId);
    if (stream !== undefined && this.#parking?.push(stream, chunk, fin) === false) this.#refuseParked(stream);
  }

  /** The peer has reset a parked stream: that is told with it. */
  reset(streamId: number, reset: StreamReset): void {
    const stream = this.#parking?.get(streamId);
    if (stream !== undefined) stream.reset = reset;
  }

  /** STOP_SENDING for a parked stream, which is told with it. */
  stopped(streamId: number, code: bigint): void {
    const stream = this.#parking?.get(streamId);
    if (stream !== undefined) stream.stopped ??= code;
  }

  /** A stream has been reset: if it was one that was refused, it counts now. */
  ended(streamId: number, finalSize: number): void {
    const stray = this.#strays?.take(streamId);
    if (stray !== undefined) this.#count(stray, finalSize);
  }

  /** Strays have used so much of a session that has not come yet. */
  owe(sessionId: number, usage: Usage): void {
    this.#strays ??= new Strays();
    this.#strays.owe(sessionId, usage);
  }

  /** The session has come: gives what its strays have used, which is forgotten here. */
  takeOwed(sessionId: number): Usage | undefined {
    return this.#strays?.takeOwed(sessionId);
  }

  parkDatagram(sessionId: number, payload: Uint8Array<ArrayBuffer>, isRequested: boolean, now: number): void {
    this.#datagrams ??= new ParkedDatagrams(this.#limits);
    this.#datagrams.add(sessionId, payload, isRequested, now);
  }

  /** The session is established: what came early follows. Throws WireError for a stream too many. */
  release(sessionId: number, flow: SessionFlowControl | undefined): void {
    const datagrams = this.#datagrams?.take(sessionId) ?? [];
    const streams = this.#parking?.take(sessionId) ?? [];
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
    this.#datagrams?.take(sessionId);
    for (const { streamId } of this.#parking?.take(sessionId) ?? []) {
      this.#outputs.refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
    }
    this.#strays?.drop(sessionId);
  }

  /** The session is over: nothing is counted in it any more. */
  forgetStrays(sessionId: number): void {
    this.#strays?.drop(sessionId);
  }

  #deliver(stream: ParkedStream, flow: SessionFlowControl | undefined): void {
    const { streamId, sessionId, prefixLength, chunks, fin, reset, stopped } = stream;
    flow?.received(directionOf(streamId), 1);
    this.#outputs.push({ type: "stream", streamId, sessionId, prefixLength, chunks, fin, reset, stopped });
  }

  #refuseParked(stream: ParkedStream): void {
    const { streamId, sessionId, prefixLength, fin, reset } = stream;
    this.#outputs.refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
    const stray = { streamId, sessionId, prefixLength };
    if (reset !== undefined) {
      this.#count(stray, reset.finalSize);
    } else if (fin) {
      // Behind a FIN that has been delivered nothing more is told.
      this.#count(stray, prefixLength + sizeOf(stream));
    } else {
      this.#strays ??= new Strays();
      this.#strays.add(stray);
    }
  }

  #count(stray: Stray, finalSize: number): void {
    this.#accounts.countStray(stray.sessionId, stray.streamId, usageOf(stray, finalSize));
  }
}

/** draft-ietf-webtrans-http3 §4: a session id is that of a request. Throws WireError. */
export function requireSessionId(sessionId: number): void {
  if (!isRequestId(sessionId)) throw connectionError("H3_ID_ERROR", `session id ${sessionId}`);
}
