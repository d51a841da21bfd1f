import { Deferred } from "../../async/promises.ts";

import type { HalfStream } from "./half-stream.ts";
import { writeTimedOut } from "./stream-errors.ts";

/** How far the sending half is. */
export interface SendProgress {
  readonly bufferedAmount: number;
  /** Bytes that have left the engine's queue. */
  readonly taken: number;
}

/** Writes and flushes of a half that wait until the engine has taken more. */
export class SendWaits {
  readonly #stream: HalfStream;
  readonly #progress: SendProgress;
  #belowHighWaterMark: Deferred<void> | undefined;
  #flushed: Deferred<void> | undefined;
  #cancelTimeout: (() => void) | undefined;

  constructor(stream: HalfStream, progress: SendProgress) {
    this.#stream = stream;
    this.#progress = progress;
  }

  /** Resolves when less than the high-water mark is buffered; rejects after `writeTimeout` in which nothing was taken. */
  belowHighWaterMark(): Promise<void> {
    this.#belowHighWaterMark ??= new Deferred<void>();
    this.#watchTimeout();
    return this.#belowHighWaterMark.promise;
  }

  /** Resolves when nothing is buffered. */
  flushed(): Promise<void> {
    this.#flushed ??= new Deferred<void>();
    return this.#flushed.promise;
  }

  /** Less is buffered than before. */
  wake(): void {
    const { bufferedAmount } = this.#progress;
    if (bufferedAmount < this.#stream.context.settings.outgoingHighWaterMark) {
      const waiting = this.#belowHighWaterMark;
      this.#belowHighWaterMark = undefined;
      waiting?.resolve();
    }
    if (bufferedAmount === 0) {
      const waiting = this.#flushed;
      this.#flushed = undefined;
      waiting?.resolve();
    }
  }

  delivered(): void {
    this.#cancelTimeout?.();
  }

  fail(error: unknown): void {
    this.#cancelTimeout?.();
    this.#belowHighWaterMark?.reject(error);
    this.#flushed?.reject(error);
  }

  /** One deadline per stream and not per write: it looks whether anything was taken since it was set. */
  #watchTimeout(): void {
    const { streamId, context } = this.#stream;
    const { writeTimeout } = context.settings;
    if (writeTimeout === 0 || this.#cancelTimeout !== undefined) return;
    const takenBefore = this.#progress.taken;
    this.#cancelTimeout = context.after(writeTimeout, () => {
      this.#cancelTimeout = undefined;
      const waiting = this.#belowHighWaterMark;
      if (waiting === undefined) return;
      if (this.#progress.taken !== takenBefore) {
        this.#watchTimeout();
        return;
      }
      this.#belowHighWaterMark = undefined;
      waiting.reject(writeTimedOut(streamId, writeTimeout, this.#progress.bufferedAmount));
    });
  }
}
