import { isBidirectional } from "../../base/stream-id.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { DeadlineList } from "../deadlines.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { Outputs } from "../outputs.ts";
import { streamError } from "../wire-errors.ts";

import { StreamOpening } from "./stream-opening.ts";
import type { Opening } from "./stream-opening.ts";

/** The peer's streams until their first bytes have said what they are. */
export class Openings {
  readonly #limits: ProtocolLimits;
  readonly #outputs: Outputs;
  readonly #openings = new Map<number, StreamOpening>();
  /** Of those that have begun and not gone on. */
  #deadlines: DeadlineList<number> | undefined;

  constructor(limits: ProtocolLimits, outputs: Outputs) {
    this.#limits = limits;
    this.#outputs = outputs;
  }

  get count(): number {
    return this.#openings.size;
  }

  get nextDeadline(): number {
    return this.#deadlines?.next ?? Infinity;
  }

  handleTimeout(now: number): void {
    for (const streamId of this.#deadlines?.expire(now) ?? []) {
      this.#openings.delete(streamId);
      this.#outputs.refuse(streamId, WireCodes.WT_BUFFERED_STREAM_REJECTED);
    }
  }

  opened(streamId: number): void {
    this.#openings.set(streamId, new StreamOpening(streamId));
  }

  has(streamId: number): boolean {
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
    if (opened === undefined && isBidirectional(streamId)) {
      throw streamError("H3_REQUEST_INCOMPLETE", "the stream ends before its first frame");
    }
    return opened;
  }

  /** STOP_SENDING for one of them: it is told with what the stream turns out to be. */
  stopped(streamId: number, code: bigint): void {
    const opening = this.#openings.get(streamId);
    if (opening !== undefined) opening.stopped ??= code;
  }

  /** Gives whether it was still opening. */
  forget(streamId: number): boolean {
    this.#deadlines?.cancel(streamId);
    return this.#openings.delete(streamId);
  }

  /**
   * A stream without a single byte has no deadline: RFC 9000 §3.2 opens every stream below the one that a frame names,
   * and with them a peer's QPACK streams, which it may leave silent for ever and never lets be stopped. QUIC's own limit
   * bounds them.
   */
  #awaitRest(streamId: number, now: number): void {
    this.#deadlines ??= new DeadlineList(this.#limits.prefixTimeout);
    if (this.#deadlines.has(streamId)) return;
    this.#deadlines.set(streamId, now);
    const oldest = this.#deadlines.first;
    if (oldest === undefined || this.#deadlines.size <= this.#limits.maxIncompleteStreams) return;
    this.forget(oldest);
    this.#outputs.refuse(oldest, WireCodes.WT_BUFFERED_STREAM_REJECTED);
  }
}
