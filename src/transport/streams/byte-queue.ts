import { isJoined, join } from "../../base/gather.ts";
import { RingQueue } from "../../base/ring-queue.ts";

/** Pieces that are kept as they came, however small: a reader that is not far behind gets them so. */
const mostSmallPieces = 32;

/** Bytes in the order in which they came, in pieces that are not copied; many small ones are kept as few: see `gather`. */
export class ByteQueue<Buffer extends ArrayBufferLike = ArrayBufferLike> {
  #first: Uint8Array<Buffer | ArrayBuffer> | undefined;
  /** Bytes of the first piece that have been taken. */
  #offset = 0;
  /** Behind the first, which is usually alone. */
  #others: RingQueue<Uint8Array<Buffer | ArrayBuffer>> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** `bytes` is kept. */
  push(bytes: Uint8Array<Buffer | ArrayBuffer>): void {
    const { byteLength } = bytes;
    if (byteLength === 0) return;
    this.#length += byteLength;
    if (this.#first === undefined) {
      this.#first = bytes;
      return;
    }
    this.#others ??= new RingQueue();
    let kept = bytes;
    while (this.#others.length > mostSmallPieces) {
      const { last } = this.#others;
      if (last === undefined || !isJoined(last, kept)) break;
      kept = join(last, kept);
      this.#others.pop();
    }
    this.#others.push(kept);
  }

  /** What is left of the first piece, without taking it; undefined when the queue is empty. */
  peek(): Uint8Array<Buffer | ArrayBuffer> | undefined {
    return this.#offset === 0 ? this.#first : this.#first?.subarray(this.#offset);
  }

  /** Takes at most `maxBytes`, and of one piece only; undefined when the queue is empty. */
  shift(maxBytes: number): Uint8Array<Buffer | ArrayBuffer> | undefined {
    const first = this.#first;
    if (first === undefined) return undefined;
    const begin = this.#offset;
    const available = first.byteLength - begin;
    if (available > maxBytes) {
      this.#offset = begin + maxBytes;
      this.#length -= maxBytes;
      return first.subarray(begin, begin + maxBytes);
    }
    this.#first = this.#others?.shift();
    this.#offset = 0;
    this.#length -= available;
    return begin === 0 ? first : first.subarray(begin);
  }

  /** Drops everything behind the first `length` bytes. */
  truncate(length: number): void {
    if (length >= this.#length) return;
    const kept: Uint8Array<Buffer | ArrayBuffer>[] = [];
    for (let missing = length; missing > 0;) {
      const piece = this.shift(missing);
      if (piece === undefined) break;
      kept.push(piece);
      missing -= piece.byteLength;
    }
    this.clear();
    for (const piece of kept) this.push(piece);
  }

  clear(): void {
    this.#first = undefined;
    this.#others = undefined;
    this.#offset = 0;
    this.#length = 0;
  }
}
