import { RingQueue } from "../../base/ring-queue.ts";

/** The receiving half of a stream: what has arrived and waits for the listener's credit. */
export class ReceiveHalf {
  readonly streamId: number;
  /** Bytes that the listener may still be given. */
  credit: number;
  /** The limit that the peer was last told, as an offset. */
  limit: number;
  /** Bytes that have arrived in order. */
  received = 0;
  /** Bytes that count against neither window any more. */
  consumed = 0;
  finalSize: number | undefined;
  resetCode: bigint | undefined;
  /** Bytes that come before the reset is told. */
  reliableSize = 0;
  /** What our STOP_SENDING gave. */
  stopCode: bigint | undefined;
  readonly #buffer = new RingQueue<Uint8Array>();
  #taken = 0;
  #buffered = 0;

  constructor(streamId: number, credit: number, limit: number) {
    this.streamId = streamId;
    this.credit = credit;
    this.limit = limit;
  }

  get buffered(): number {
    return this.#buffered;
  }

  /** Every byte up to FIN has arrived (RFC 9000 §3.2, "Data Recvd"). */
  get isComplete(): boolean {
    return this.resetCode === undefined && this.finalSize !== undefined && this.received === this.finalSize;
  }

  push(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    this.#buffer.push(bytes);
    this.#buffered += bytes.byteLength;
  }

  /** Up to `most` bytes in a buffer of their own. */
  take(most: number): Uint8Array<ArrayBuffer> {
    const chunk = new Uint8Array(Math.min(most, this.#buffered));
    let filled = 0;
    while (filled < chunk.byteLength) {
      const piece = this.#buffer.peek();
      if (piece === undefined) break;
      const part = piece.subarray(this.#taken, this.#taken + chunk.byteLength - filled);
      chunk.set(part, filled);
      filled += part.byteLength;
      this.#taken += part.byteLength;
      if (this.#taken === piece.byteLength) {
        this.#buffer.shift();
        this.#taken = 0;
      }
    }
    this.#buffered -= filled;
    return chunk;
  }

  /** Drops what is buffered: it counts as received, although it is not read. */
  drop(): void {
    this.#buffer.clear();
    this.#taken = 0;
    this.#buffered = 0;
  }

  /** Drops what is buffered beyond the offset `kept`. */
  truncate(kept: number): void {
    const delivered = this.received - this.#buffered;
    const rest = this.take(Math.max(0, kept - delivered));
    this.drop();
    this.received = delivered + rest.byteLength;
    this.push(rest);
  }
}
