import { isJoined, join } from "../../base/gather.ts";
import { RingQueue } from "../../base/ring-queue.ts";

/** Pieces that are kept as they came, however small: a reader that is not far behind gets them so. */
const mostSmallPieces = 32;

type Piece<Buffer extends ArrayBufferLike> = Uint8Array<Buffer | ArrayBuffer>;

/** Bytes in the order in which they came, in pieces; of many that are small, some are joined: see `gather`. */
export class ByteQueue<Buffer extends ArrayBufferLike = ArrayBufferLike> {
  #first: Piece<Buffer> | undefined;
  /** Bytes of the first piece that have been taken. */
  #offset = 0;
  /** Behind the first, which is usually alone. */
  #others: RingQueue<Piece<Buffer>> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** `bytes` is kept. */
  push(bytes: Piece<Buffer>): void {
    const { byteLength } = bytes;
    if (byteLength === 0) return;
    this.#length += byteLength;
    if (this.#first === undefined) {
      this.#first = bytes;
      return;
    }
    this.#others ??= new RingQueue();
    pushJoined(this.#others, bytes);
  }

  /** What is left of the first piece, without taking it; undefined when the queue is empty. */
  peek(): Piece<Buffer> | undefined {
    return this.#offset === 0 ? this.#first : this.#first?.subarray(this.#offset);
  }

  /** Takes at most `maxBytes`, and of one piece only; undefined when the queue is empty. */
  shift(maxBytes: number): Piece<Buffer> | undefined {
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
    const kept: Piece<Buffer>[] = [];
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

function pushJoined<Buffer extends ArrayBufferLike>(pieces: RingQueue<Piece<Buffer>>, piece: Piece<Buffer>): void {
  let kept = piece;
  while (pieces.length >= mostSmallPieces) {
    const { last } = pieces;
    if (last === undefined || !isJoined(last, kept)) break;
    kept = join(last, kept);
    pieces.pop();
  }
  pieces.push(kept);
}
