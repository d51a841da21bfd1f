import { RingQueue } from "../../base/ring-queue.ts";

/** Bytes that were written and wait for credit, in order, and whether the stream ends behind them. */
export class HeldBytes {
  readonly #pieces = new RingQueue<Uint8Array>();
  /** Bytes of the first piece that are gone. */
  #offset = 0;
  #length = 0;
  fin = false;

  get length(): number {
    return this.#length;
  }

  /** `bytes` is kept. */
  push(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    this.#pieces.push(bytes);
    this.#length += bytes.byteLength;
  }

  /** Takes at most `maxBytes`, and of one piece only. */
  shift(maxBytes: number): Uint8Array {
    const piece = this.#pieces.peek() ?? new Uint8Array(0);
    const end = Math.min(piece.byteLength, this.#offset + maxBytes);
    const taken = piece.subarray(this.#offset, end);
    this.#length -= taken.byteLength;
    this.#offset = end;
    if (end === piece.byteLength) {
      this.#pieces.shift();
      this.#offset = 0;
    }
    return taken;
  }

  /** Drops everything behind the first `length` bytes, the end of the stream too. */
  truncate(length: number): void {
    this.fin = false;
    if (length >= this.#length) return;
    const kept: Uint8Array[] = [];
    while (this.#length > 0 && length > 0) {
      const piece = this.shift(length);
      kept.push(piece);
      length -= piece.byteLength;
    }
    this.#pieces.clear();
    this.#offset = 0;
    this.#length = 0;
    for (const piece of kept) this.push(piece);
  }
}
