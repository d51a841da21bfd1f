import type { UnderlyingByteSource } from "node:stream/web";

import type { WebTransportSession } from "../client/index.ts";
import { quietReadable } from "../client/session-parts.ts";

import type { Transport } from "./transport.ts";

/** Gives the next item of a session; null once it has ended cleanly and nothing is left. */
type Take<T> = (session: WebTransportSession) => Promise<T | null>;

/** A ReadableStream of what comes in, and how the session's end reaches it. */
export interface Incoming<T> {
  readonly readable: ReadableStream<T>;
  /** The session was closed: what has come can still be read, then the stream closes. */
  close(): void;
  /** What has come is dropped, and the stream closed. */
  closeAtOnce(): void;
  fail(error: unknown): void;
}

/** Streams, which are taken only as they are read. */
export function incomingObjects<T>(transport: Transport, take: Take<T>): Incoming<T> {
  let controller: ReadableStreamDefaultController<T> | undefined;
  const readable = new ReadableStream<T>(
    {
      start: (given) => {
        controller = given;
      },
      pull: async (given) => {
        const item = await next(transport, take);
        if (item !== null) given.enqueue(item);
      },
    },
    { highWaterMark: 0 },
  );
  return endsOf(quietReadable(readable), transport, take, {
    enqueue: (item) => controller?.enqueue(item),
    close: () => controller?.close(),
    error: (error) => controller?.error(error),
  });
}

/** W3C §5.4, `pullDatagrams` of a readable byte stream: a datagram is never split over two views. */
export function incomingBytes(transport: Transport, take: Take<Uint8Array<ArrayBuffer>>): Incoming<Uint8Array> {
  let controller: ReadableByteStreamController | undefined;
  const source: UnderlyingByteSource = {
    type: "bytes",
    start: (given) => {
      controller = given;
    },
    pull: async (given) => {
      const datagram = await nextWithBytes(transport, take);
      if (datagram === null) return;
      const request = given.byobRequest;
      const view = request?.view ?? undefined;
      if (view === undefined) {
        given.enqueue(datagram);
        return;
      }
      if (view.byteLength < datagram.byteLength) {
        throw new RangeError(`A datagram of ${datagram.byteLength} bytes does not fit in ${view.byteLength}`);
      }
      new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(datagram);
      request?.respond(datagram.byteLength);
    },
  };
  const readable = new ReadableStream(source);
  return endsOf(quietReadable(readable), transport, take, {
    enqueue: (datagram) => {
      if (datagram.byteLength > 0) controller?.enqueue(datagram);
    },
    close: () => {
      controller?.close();
      controller?.byobRequest?.respond(0);
    },
    error: (error) => controller?.error(error),
  });
}

interface Ends<T> {
  enqueue(item: T): void;
  close(): void;
  error(error: unknown): void;
}

function endsOf<T, Chunk extends T>(
  readable: ReadableStream<T>,
  transport: Transport,
  take: Take<Chunk>,
  ends: Ends<Chunk>,
): Incoming<T> {
  /** The stream may have been cancelled, closed or erred: then there is nothing to end. */
  const attempt = (end: () => void): void => {
    try {
      end();
    } catch {
      // It has ended before.
    }
  };
  const drain = async (): Promise<void> => {
    const session = await transport.established;
    for (let item = await take(session); item !== null; item = await take(session)) {
      const taken = item;
      attempt(() => ends.enqueue(taken));
    }
  };
  const close = (): void => attempt(() => ends.close());
  return {
    readable,
    close: () => void drain().then(close, close),
    closeAtOnce: close,
    fail: (error) => attempt(() => ends.error(error)),
  };
}

async function next<T>(transport: Transport, take: Take<T>): Promise<T | null> {
  try {
    return await take(await transport.established);
  } catch {
    throw await transport.over;
  }
}

/** Empty datagrams are lost on a byte stream. */
async function nextWithBytes(
  transport: Transport,
  take: Take<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer> | null> {
  for (;;) {
    const datagram = await next(transport, take);
    if (datagram === null || datagram.byteLength > 0) return datagram;
  }
}
