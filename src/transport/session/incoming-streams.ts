import { RingQueue } from "../../base/ring-queue.ts";
import type { SessionError } from "../../errors/errors.ts";

import type { WebTransportStream } from "../streams/bidirectional-stream.ts";
import { Deferred, quiet, rejected, untilAborted } from "../../async/promises.ts";
import type { WebTransportReceiveStream } from "../streams/receive-stream.ts";
import type { SignalOption } from "../types.ts";
import { quietReadable } from "../streams/web-streams.ts";

export type IncomingStream = WebTransportStream | WebTransportReceiveStream;
export type IncomingKind = "any" | "bidirectional" | "receive_only";

interface Taker extends Deferred<IncomingStream | null> {
  readonly kind: IncomingKind;
}

/** Streams that the peer has opened and the application has not taken yet, in the order of their arrival. */
export class IncomingStreams {
  readonly #bidirectional = new RingQueue<{ stream: WebTransportStream; order: number }>();
  readonly #unidirectional = new RingQueue<{ stream: WebTransportReceiveStream; order: number }>();
  readonly #takers = new Set<Taker>();
  #order = 0;
  #ended = false;
  #error: SessionError | undefined;

  get length(): number {
    return this.#bidirectional.length + this.#unidirectional.length;
  }

  push(stream: IncomingStream): void {
    for (const taker of this.#takers) {
      if (taker.kind !== "any" && taker.kind !== stream.direction) continue;
      this.#takers.delete(taker);
      taker.resolve(stream);
      return;
    }
    this.#order += 1;
    if (stream.direction === "bidirectional") this.#bidirectional.push({ stream, order: this.#order });
    else this.#unidirectional.push({ stream, order: this.#order });
  }

  /** The next stream, null at the clean end of the session. Rejects with the session's error otherwise. */
  take(kind: IncomingKind, options: SignalOption = {}): Promise<IncomingStream | null> {
    const { signal } = options;
    if (signal?.aborted === true) return rejected(signal.reason);
    const ready = this.#shift(kind);
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#error !== undefined) return rejected(this.#error);
    if (this.#ended) return Promise.resolve(null);
    const taker: Taker = Object.assign(new Deferred<IncomingStream | null>(), { kind });
    this.#takers.add(taker);
    return untilAborted(taker.promise, signal, () => this.#takers.delete(taker));
  }

  /** Streams that are still queued can be taken after a clean end. */
  end(error: SessionError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    if (error !== undefined) {
      this.#bidirectional.clear();
      this.#unidirectional.clear();
    }
    for (const taker of this.#takers) {
      if (error === undefined) taker.resolve(null);
      else taker.reject(error);
    }
    this.#takers.clear();
  }

  #shift(kind: IncomingKind): IncomingStream | undefined {
    const bidirectional = kind === "receive_only" ? undefined : this.#bidirectional.peek();
    const unidirectional = kind === "bidirectional" ? undefined : this.#unidirectional.peek();
    if (bidirectional !== undefined && (unidirectional === undefined || bidirectional.order < unidirectional.order)) {
      return this.#bidirectional.shift()?.stream;
    }
    return unidirectional === undefined ? undefined : this.#unidirectional.shift()?.stream;
  }
}

/** Incoming streams of one kind: iterate it, or take its ReadableStream. `break` ends nothing; what was not taken stays. */
export class IncomingStreamIterable<S extends IncomingStream> implements AsyncIterable<S> {
  readonly #streams: IncomingStreams;
  readonly #kind: IncomingKind;
  #readable: ReadableStream<S> | undefined;

  /** Made by the session. */
  constructor(streams: IncomingStreams, kind: IncomingKind) {
    this.#streams = streams;
    this.#kind = kind;
  }

  /** Made on first use. */
  get readable(): ReadableStream<S> {
    this.#readable ??= quietReadable(
      new ReadableStream<S>(
        {
          pull: async (controller) => {
            const stream = await this.next();
            if (stream === null) controller.close();
            else controller.enqueue(stream);
          },
        },
        { highWaterMark: 0 },
      ),
    );
    return this.#readable;
  }

  /** The next stream; null when the session has ended cleanly. */
  next(options?: SignalOption): Promise<S | null> {
    return this.#streams.take(this.#kind, options) as Promise<S | null>;
  }

  [Symbol.asyncIterator](): AsyncIterator<S> {
    return {
      next: () => quiet(this.next().then(toResult)),
      return: () => Promise.resolve({ done: true, value: undefined }),
    };
  }
}

function toResult<S>(stream: S | null): IteratorResult<S> {
  return stream === null ? { done: true, value: undefined } : { done: false, value: stream };
}
