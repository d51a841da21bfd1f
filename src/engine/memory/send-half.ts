import { RingQueue } from "../../base/ring-queue.ts";

import type { Lane } from "./link.ts";
import type { Priority, Sendable } from "./send-scheduler.ts";

/** The sending half of a stream: what waits in the engine's queue, and what is on its way unacknowledged. */
export class SendHalf implements Sendable {
  readonly streamId: number;
  readonly lane: Lane = { last: 0 };
  priority: Priority = { session: 0, group: 0, order: 0 };
  scheduled = false;
  /** The peer's flow-control limit, as an offset. */
  limit: number;
  /** Bytes that have left the queue: the offset of the next one. */
  sent = 0;
  acknowledged = 0;
  finSent = false;
  finAcknowledged = false;
  /** Of our RESET_STREAM. */
  resetCode: bigint | undefined;
  resetAcknowledged = false;
  /** That our reset told (RFC 9000 §4.5): it never changes. */
  #finalSize: number | undefined;
  /** Bytes that are delivered in spite of the reset. */
  reliableSize = 0;
  /** Bytes that left the queue and were not told yet. */
  accepted = 0;
  readonly #queue = new RingQueue<Uint8Array>();
  /** Bytes of the first piece that have left. */
  #taken = 0;
  #queued = 0;
  #fin = false;

  constructor(streamId: number, limit: number) {
    this.streamId = streamId;
    this.limit = limit;
  }

  get queued(): number {
    return this.#queued;
  }

  /** FIN is queued or sent. */
  get isFinished(): boolean {
    return this.#fin;
  }

  get isReset(): boolean {
    return this.resetCode !== undefined;
  }

  get unacknowledged(): number {
    return this.sent - this.acknowledged;
  }

  /** Everything that ends the half is acknowledged. */
  get isDone(): boolean {
    if (this.isReset) return this.resetAcknowledged && this.acknowledged >= this.reliableSize;
    return this.finAcknowledged && this.acknowledged === this.sent;
  }

  get wantsToSend(): boolean {
    return this.#queued > 0 || (this.#fin && !this.finSent && !this.isReset);
  }

  /** Captures `bytes`. */
  enqueue(bytes: Uint8Array, fin: boolean): void {
    if (bytes.byteLength > 0) this.#queue.push(Uint8Array.from(bytes));
    this.#queued += bytes.byteLength;
    this.#fin ||= fin;
  }

  /** Takes at most `most` bytes out of the queue, of one piece at a time. */
  take(most: number): Uint8Array {
    const piece = this.#queue.peek();
    if (piece === undefined) return new Uint8Array(0);
    const part = piece.subarray(this.#taken, this.#taken + most);
    this.#taken += part.byteLength;
    if (this.#taken === piece.byteLength) {
      this.#queue.shift();
      this.#taken = 0;
    }
    this.#queued -= part.byteLength;
    this.sent += part.byteLength;
    return part;
  }

  /**
   * Ends the half, or lowers what is reliable of one that has ended so; keeps only the bytes of the queue that stand before
   * `reliableSize`. Returns the final size.
   */
  reset(code: bigint, reliableSize: number): number {
    this.resetCode ??= code;
    this.resetAcknowledged = false;
    this.reliableSize = Math.min(reliableSize, this.sent + this.#queued);
    this.#finalSize ??= Math.max(this.sent, this.reliableSize);
    const kept = Math.max(0, this.reliableSize - this.sent);
    const pieces: Uint8Array[] = [];
    for (let missing = kept; missing > 0;) {
      const piece = this.take(missing);
      missing -= piece.byteLength;
      pieces.push(piece);
    }
    this.sent -= kept;
    this.#queue.clear();
    this.#taken = 0;
    this.#queued = kept;
    for (const piece of pieces) this.#queue.push(piece);
    return this.#finalSize;
  }
}
