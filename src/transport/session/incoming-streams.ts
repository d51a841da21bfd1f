import { RingQueue } from "../../base/ring-queue.ts";
import type { SessionError } from "../../errors/errors.ts";

import type { WebTransportStream } from "../streams/bidirectional-stream.ts";
import { Deferred, rejected, untilAborted } from "../../async/promises.ts";
import { WaitingLine } from "../../async/waiting-line.ts";
import type { WebTransportReceiveStream } from "../streams/receive-stream.ts";
import type { SignalOption } from "../types.ts";
import { quietReadable } from "../streams/web-streams.ts";

/** A stream that the peer has opened. */
export type IncomingStream = WebTransportStream | WebTransportReceiveStream;
export type IncomingKind = "any" | "bidirectional" | "receive_only";

/** A waiting call for the next stream: gets null at the clean end of the session. */
interface Taker {
  readonly kind: IncomingKind;
  take(stream: IncomingStream | null): void;
  reject(error: unknown): void;
}

class StreamTaker extends Deferred<IncomingStream | null> implements Taker {
  readonly kind: IncomingKind;

  constructor(kind: IncomingKind) {
    super();
    this.kind = kind;
  }

  take(stream: IncomingStream | null): void {
    this.resolve(stream);
  }
}

class ResultTaker extends Deferred<IteratorResult<IncomingStream>> implements Taker {
  readonly kind: IncomingKind;

  constructor(kind: IncomingKind) {
    super();
    this.kind = kind;
  }

  take(stream: IncomingStream | null): void {
    this.resolve(toResult(stream));
  }
}

interface Arrived<S extends IncomingStream> {
  readonly stream: S;
  /** Counts the streams of both kinds. */
  readonly order: number;
}

/** Streams that the peer has opened and the application has not taken yet, in the order of their arrival. */
export class IncomingStreams {
  #bidirectional: RingQueue<Arrived<WebTransportStream>> | undefined;
  #unidirectional: RingQueue<Arrived<WebTransportReceiveStream>> | undefined;
  readonly #takers = new WaitingLine<Taker>();
  #order = 0;
  #ended = false;
  #error: SessionError | undefined;

  get length(): number {
    return (this.#bidirectional?.length ?? 0) + (this.#unidirectional?.length ?? 0);
  }

  push(stream: IncomingStream): void {
    for (const taker of this.#takers) {
      if (taker.kind !== "any" && taker.kind !== stream.direction) continue;
      this.#takers.delete(taker);
      taker.take(stream);
      return;
    }
    this.#order += 1;
    const order = this.#order;
    if (stream.direction === "bidirectional") {
      this.#bidirectional ??= new RingQueue();
      this.#bidirectional.push({ stream, order });
    } else {
      this.#unidirectional ??= new RingQueue();
      this.#unidirectional.push({ stream, order });
    }
  }

  /** The next stream, null at the clean end of the session. Rejects with the session's error otherwise. */
  take(kind: IncomingKind, options: SignalOption = {}): Promise<IncomingStream | null> {
    const { signal } = options;
    if (signal?.aborted === true) return rejected(signal.reason);
    const ready = this.#shift(kind);
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#error !== undefined) return rejected(this.#error);
    if (this.#ended) return Promise.resolve(null);
    const taker = new StreamTaker(kind);
    this.#takers.push(taker);
    return untilAborted(taker.promise, signal, () => {
      this.#takers.delete(taker);
    });
  }

  /** {@link take} for an iterator, which saves a promise for each loop that waits. */
  takeResult(kind: IncomingKind): Promise<IteratorResult<IncomingStream>> {
    const ready = this.#shift(kind);
    if (ready !== undefined) return Promise.resolve(toResult(ready));
    if (this.#error !== undefined) return rejected(this.#error);
    if (this.#ended) return Promise.resolve(toResult<IncomingStream>(null));
    const taker = new ResultTaker(kind);
    this.#takers.push(taker);
    return taker.promise;
  }

  /** Streams that are still queued can be taken after a clean end. */
  end(error: SessionError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    if (error !== undefined) {
      this.#bidirectional = undefined;
      this.#unidirectional = undefined;
    }
    for (const taker of this.#takers.clear()) {
      if (error === undefined) taker.take(null);
      else taker.reject(error);
    }
  }

  #shift(kind: IncomingKind): IncomingStream | undefined {
    const bidirectional = kind === "receive_only" ? undefined : this.#bidirectional?.peek();
    const unidirectional = kind === "bidirectional" ? undefined : this.#unidirectional?.peek();
    if (bidirectional !== undefined && (unidirectional === undefined || bidirectional.order < unidirectional.order)) {
      return this.#bidirectional?.shift()?.stream;
    }
    return unidirectional === undefined ? undefined : this.#unidirectional?.shift()?.stream;
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

  /** Created lazily. */
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

  /** Finishes when the session ends cleanly, throws when it does not; `break` ends nothing. */
  [Symbol.asyncIterator](): AsyncIterator<S> {
    return new IncomingStreamIterator(this.#streams, this.#kind);
  }
}

/** A class, because the closures of an object literal would cost more than the promise that the loop waits for. */
class IncomingStreamIterator<S extends IncomingStream> implements AsyncIterator<S> {
  readonly #streams: IncomingStreams;
  readonly #kind: IncomingKind;

  constructor(streams: IncomingStreams, kind: IncomingKind) {
    this.#streams = streams;
    this.#kind = kind;
  }

  next(): Promise<IteratorResult<S>> {
    return this.#streams.takeResult(this.#kind) as Promise<IteratorResult<S>>;
  }

  return(): Promise<IteratorResult<S>> {
    return Promise.resolve({ done: true, value: undefined });
  }
}

function toResult<S>(stream: S | null): IteratorResult<S> {
  return stream === null ? { done: true, value: undefined } : { done: false, value: stream };
}
