import { Deferred } from "../../async/promises.ts";
import { concatenate } from "../../base/bytes.ts";
import { own } from "./bytes.ts";
import { endedEarly, tooLong } from "./stream-errors.ts";
import type { Bytes } from "../types.ts";

/** What an operation reads from: see ReceiveHalf. */
export interface ReadSource {
  tryTake(maxBytes: number): Bytes | null | undefined;
  peek(): Bytes | undefined;
}

/** A read that waits. `attempt` takes what it can and tells whether it is done; what it throws rejects it. */
export interface ReadOperation<T = unknown> {
  readonly promise: Promise<T>;
  attempt(source: ReadSource): boolean;
  reject(error: unknown): void;
}

export class ReadChunk extends Deferred<Bytes | null> implements ReadOperation<Bytes | null> {
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    super();
    this.#maxBytes = maxBytes;
  }

  attempt(source: ReadSource): boolean {
    const chunk = source.tryTake(this.#maxBytes);
    if (chunk === undefined) return false;
    this.resolve(chunk);
    return true;
  }
}

export class ReadAll extends Deferred<Bytes> implements ReadOperation<Bytes> {
  readonly #streamId: number;
  readonly #maxBytes: number;
  readonly #chunks: Bytes[] = [];
  #length = 0;

  constructor(streamId: number, maxBytes: number) {
    super();
    this.#streamId = streamId;
    this.#maxBytes = maxBytes;
  }

  attempt(source: ReadSource): boolean {
    for (;;) {
      const chunk = source.tryTake(Infinity);
      if (chunk === undefined) return false;
      if (chunk === null) {
        this.resolve(own(concatenate(this.#chunks)));
        return true;
      }
      this.#length += chunk.byteLength;
      if (this.#length > this.#maxBytes) throw tooLong(this.#streamId, "readAll", this.#maxBytes);
      this.#chunks.push(chunk);
    }
  }
}

export class ReadExactly extends Deferred<Bytes> implements ReadOperation<Bytes> {
  readonly #streamId: number;
  readonly #count: number;
  readonly #chunks: Bytes[] = [];
  #missing: number;

  constructor(streamId: number, count: number) {
    super();
    this.#streamId = streamId;
    this.#count = count;
    this.#missing = count;
  }

  attempt(source: ReadSource): boolean {
    while (this.#missing > 0) {
      const chunk = source.tryTake(this.#missing);
      if (chunk === undefined) return false;
      if (chunk === null) throw endedEarly(this.#streamId, `${this.#count} bytes`, this.#count - this.#missing);
      this.#chunks.push(chunk);
      this.#missing -= chunk.byteLength;
    }
    this.resolve(own(concatenate(this.#chunks)));
    return true;
  }
}

/** Reads up to and with `separator`. At the stream's end it gives the rest when `orEnd`, null when there is none. */
export class ReadUntil extends Deferred<Bytes | null> implements ReadOperation<Bytes | null> {
  readonly #streamId: number;
  readonly #separator: Uint8Array;
  readonly #maxBytes: number;
  readonly #orEnd: boolean;
  readonly #chunks: Bytes[] = [];
  #length = 0;
  /** The last bytes taken, in which a separator may have begun. */
  #tail: Uint8Array = new Uint8Array(0);

  constructor(streamId: number, separator: Uint8Array, maxBytes: number, orEnd: boolean) {
    super();
    this.#streamId = streamId;
    this.#separator = separator;
    this.#maxBytes = maxBytes;
    this.#orEnd = orEnd;
  }

  attempt(source: ReadSource): boolean {
    for (;;) {
      const unread = source.peek();
      const end = unread === undefined ? -1 : this.#endOfSeparator(unread);
      if (this.#length + (end < 0 ? (unread?.byteLength ?? 0) : end) > this.#maxBytes) {
        throw tooLong(this.#streamId, this.#orEnd ? "readLine" : "readUntil", this.#maxBytes);
      }
      const taken = source.tryTake(end < 0 ? Infinity : end);
      if (taken === undefined) return false;
      if (taken === null) return this.#finish();
      this.#chunks.push(taken);
      this.#length += taken.byteLength;
      if (end >= 0) {
        this.resolve(own(concatenate(this.#chunks)));
        return true;
      }
      this.#tail = lastBytes(this.#tail, taken, this.#separator.byteLength - 1);
    }
  }

  #finish(): boolean {
    if (!this.#orEnd) throw endedEarly(this.#streamId, "the separator", this.#length);
    this.resolve(this.#length === 0 ? null : own(concatenate(this.#chunks)));
    return true;
  }

  /** Where in `bytes` the first separator ends, which may have begun in the tail; -1 when it is not there. */
  #endOfSeparator(bytes: Uint8Array): number {
    const size = this.#separator.byteLength;
    const tail = this.#tail.byteLength;
    if (tail > 0) {
      const border = Buffer.concat([this.#tail, bytes.subarray(0, size - 1)]);
      const index = border.indexOf(this.#separator);
      if (index >= 0) return index + size - tail;
    }
    const index = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(this.#separator);
    return index < 0 ? -1 : index + size;
  }
}

function lastBytes(before: Uint8Array, bytes: Uint8Array, count: number): Uint8Array {
  if (count === 0) return before;
  if (bytes.byteLength >= count) return bytes.slice(-count);
  return Uint8Array.from(Buffer.concat([before, bytes]).subarray(-count));
}
