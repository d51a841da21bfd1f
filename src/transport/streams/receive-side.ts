import { StreamError } from "../../errors/errors.ts";
import { toWireCode } from "../../protocol/webtransport/error-mapping.ts";

import { toBytes } from "./bytes.ts";
import { quiet, rejected } from "../../async/promises.ts";
import { ReadAll, ReadChunk, ReadExactly, ReadUntil } from "./read-operations.ts";
import { run } from "./receive-half.ts";
import type { ReceiveHalf } from "./receive-half.ts";
import type { Bytes, BytesInput, ReadOptions, ReceiveSide, WaitOptions } from "../types.ts";
import { makeReadable } from "./web-streams.ts";

/** Default limit of `readUntil` and `readLine`, bytes: a peer that never sends the separator must not fill the memory. */
const defaultMaxRecord = 65_536;
const newline = new Uint8Array([0x0a]);
const decoder = new TextDecoder();

/** The methods of {@link ReceiveSide} over a receive half; the public stream classes hand their calls on to it. */
export class Receiver implements ReceiveSide {
  readonly #half: ReceiveHalf;
  readonly #streamId: number;
  #readable: ReadableStream<Bytes> | undefined;

  constructor(half: ReceiveHalf, streamId: number) {
    this.#half = half;
    this.#streamId = streamId;
  }

  get bytesRead(): number {
    return this.#half.bytesRead;
  }

  get bytesReceived(): number {
    return this.#half.bytesRead + this.#half.buffered;
  }

  get isReadable(): boolean {
    return this.#half.isReadable;
  }

  get readClosed(): Promise<void> {
    return this.#half.closed;
  }

  get readable(): ReadableStream<Bytes> {
    this.#readable ??= makeReadable(this.#half, (code) => {
      this.stop(code);
    });
    return this.#readable;
  }

  read(options?: ReadOptions): Promise<Bytes | null> {
    if (this.#readable !== undefined) return this.#locked();
    const maxBytes = positive(options?.maxBytes, Infinity);
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    return this.#half.read(maxBytes) ?? run(this.#half, new ReadChunk(maxBytes), options);
  }

  tryRead(maxBytes?: number): Bytes | null | undefined {
    if (this.#readable !== undefined) throw this.#lockedError();
    return this.#half.tryTake(positive(maxBytes, Infinity));
  }

  readAll(options: ReadOptions = {}): Promise<Bytes> {
    if (this.#readable !== undefined) return this.#locked();
    return run(this.#half, new ReadAll(this.#streamId, positive(options.maxBytes, Infinity)), options);
  }

  readExactly(count: number, options: WaitOptions = {}): Promise<Bytes> {
    if (this.#readable !== undefined) return this.#locked();
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new RangeError(`Cannot read exactly ${String(count)} bytes: a whole number from 0 is needed`);
    }
    return run(this.#half, new ReadExactly(this.#streamId, count), options);
  }

  readUntil(separator: BytesInput, options: ReadOptions = {}): Promise<Bytes> {
    if (this.#readable !== undefined) return this.#locked();
    const pattern = Uint8Array.from(toBytes(separator));
    if (pattern.byteLength === 0) throw new RangeError("Cannot read until an empty separator");
    const maxBytes = positive(options.maxBytes, defaultMaxRecord);
    // Without `orEnd` there is always a result.
    const operation = new ReadUntil(this.#streamId, pattern, maxBytes, false);
    return run(this.#half, operation, options) as Promise<Bytes>;
  }

  readLine(options: ReadOptions = {}): Promise<string | null> {
    if (this.#readable !== undefined) return this.#locked();
    const maxBytes = positive(options.maxBytes, defaultMaxRecord);
    const operation = new ReadUntil(this.#streamId, newline, maxBytes, true);
    return quiet(run(this.#half, operation, options).then(toLine));
  }

  stop(code = 0): void {
    this.#half.stop(toWireCode(code));
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    return {
      next: () => {
        const pending = this.read();
        return quiet(pending.then(toResult));
      },
      // `break`: what is left is not wanted.
      return: () => {
        this.stop(0);
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #lockedError(): StreamError {
    return new StreamError(`Cannot read stream ${this.#streamId} directly: its readable has been taken`, {
      code: "ERR_WT_STREAM_LOCKED",
      streamId: this.#streamId,
    });
  }

  #locked(): Promise<never> {
    return rejected(this.#lockedError());
  }
}

function toResult(chunk: Bytes | null): IteratorResult<Bytes> {
  return chunk === null ? { done: true, value: undefined } : { done: false, value: chunk };
}

function toLine(line: Bytes | null): string | null {
  return line === null ? null : decoder.decode(line).replace(/\r?\n$/, "");
}

function positive(value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!(value > 0)) throw new RangeError(`Cannot read at most ${String(value)} bytes: a positive number is needed`);
  return value;
}
