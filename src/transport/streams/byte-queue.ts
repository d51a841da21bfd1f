import { RingQueue } from "../../base/ring-queue.ts";

/** Bytes in the order in which they came, in pieces that are not copied. */
export class ByteQueue<Buffer extends ArrayBufferLike = ArrayBufferLike> {
  readonly #pieces = new RingQueue<Uint8Array<Buffer>>();
  /** Bytes of the first piece that have been taken. */
  #offset = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** `bytes` is kept. */
  push(bytes: Uint8Array<Buffer>): void {
    if (bytes.byteLength === 0) return;
    this.#pieces.push(bytes);
    this.#length += bytes.byteLength;
  }

  /** What is left of the first piece, without taking it; undefined when the queue is empty. */
  peek(): Uint8Array<Buffer> | undefined {
    const piece = this.#pieces.peek();
    return piece === undefined || this.#offset === 0 ? piece : piece.subarray(this.#offset);
  }

  /** Takes at most `maxBytes`, and of one piece only; undefined when the queue is empty. */
  shift(maxBytes: number): Uint8Array<Buffer> | undefined {
    const rest = this.peek();
    if (rest === undefined) return undefined;
    if (rest.byteLength > maxBytes) {
      this.#offset += maxBytes;
      this.#length -= maxBytes;
      return rest.subarray(0, maxBytes);
    }
    this.#pieces.shift();
    this.#offset = 0;
    this.#length -= rest.byteLength;
    return rest;
  }

  /** Drops everything behind the first `length` bytes. */
  truncate(length: number): void {
    if (length >= this.#length) return;
    const kept: Uint8Array<Buffer>[] = [];
    for (let piece = length > 0 ? this.shift(length) : undefined; piece !== undefined;) {
      kept.push(piece);
      length -= piece.byteLength;
      piece = length > 0 ? this.shift(length) : undefined;
    }
    this.clear();
    for (const piece of kept) this.push(piece);
  }

  clear(): void {
    if (this.#length > 0) this.#pieces.clear();
    this.#offset = 0;
    this.#length = 0;
  }
}
