import type { ReadableByteStreamController, UnderlyingByteSource } from "node:stream/web";

import { WebTransportError } from "../../errors/errors.ts";

import type { DatagramQueue } from "../datagrams/datagram-queue.ts";
import { quiet } from "../../async/promises.ts";
import type { Bytes, BytesInput } from "../types.ts";

/** A receive half, as its readable uses it. */
export interface ReadableHalf {
  readonly closed: Promise<void>;
  /** The next bytes, at most `maxBytes`; null at the end. */
  next(maxBytes: number): Promise<Bytes | null>;
  stop(code: number): void;
}

/** A send half, as its writable uses it. */
export interface WritableHalf {
  readonly closed: Promise<void>;
  enqueue(data: BytesInput): Promise<void>;
  end(): void;
  reset(code: number): void;
}

/** A byte stream over a receive half: it reads only when asked, so the peer is stopped as by the direct methods. */
export function makeReadable(half: ReadableHalf): ReadableStream<Bytes> {
  const pull = async (controller: ReadableByteStreamController): Promise<void> => {
    const request = controller.byobRequest;
    const chunk = await half.next(request?.view?.byteLength ?? Infinity);
    if (chunk === null) {
      controller.close();
      request?.respond(0);
    } else if (request?.view) {
      const { view } = request;
      new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(chunk);
      request.respond(chunk.byteLength);
    } else {
      controller.enqueue(chunk);
    }
  };
  let controller: ReadableByteStreamController | undefined;
  const source: UnderlyingByteSource = {
    type: "bytes",
    start: (given) => {
      controller = given;
    },
    pull,
    cancel: (reason) => {
      half.stop(codeOf(reason));
    },
  };
  const stream = new ReadableStream(source) as ReadableStream<Bytes>;
  // An idle reader learns of the end without a read.
  half.closed.catch((error: unknown) => {
    try {
      controller?.error(error);
    } catch {
      // It has been cancelled or has erred already.
    }
  });
  return quietReadable(stream);
}

/** A writer's `close()` waits until everything is acknowledged. */
export function makeWritable(half: WritableHalf): WritableStream<BytesInput> {
  let controller: WritableStreamDefaultController | undefined;
  const stream = new WritableStream<BytesInput>({
    start: (given) => {
      controller = given;
    },
    write: (chunk) => half.enqueue(chunk),
    close: () => {
      half.end();
      return half.closed;
    },
    abort: (reason) => {
      half.reset(codeOf(reason));
    },
  });
  half.closed.catch((error: unknown) => {
    controller?.error(error);
  });
  return quietWritable(stream);
}

export function makeDatagramReadable(queue: DatagramQueue): ReadableStream<Bytes> {
  return quietReadable(
    new ReadableStream<Bytes>(
      {
        pull: async (controller) => {
          const datagram = await queue.receive();
          if (datagram === null) controller.close();
          else controller.enqueue(datagram);
        },
      },
      { highWaterMark: 0 },
    ),
  );
}

export function makeDatagramWritable(queue: DatagramQueue): WritableStream<BytesInput> {
  return quietWritable(new WritableStream<BytesInput>({ write: (chunk) => queue.send(chunk) }));
}

/** A ReadableStream whose own promises never surface as an unhandledRejection: `pipeTo` without a catch survives a reset. */
export function quietReadable<T>(stream: ReadableStream<T>): ReadableStream<T> {
  silence(stream, ["pipeTo", "cancel"]);
  const getReader = stream.getReader.bind(stream) as (options?: unknown) => object;
  define(stream, "getReader", (options?: unknown) => silence(getReader(options), ["read", "cancel"]));
  const pipeThrough = stream.pipeThrough.bind(stream) as ReadableStream["pipeThrough"];
  // What comes out at the other end fails with this stream.
  define(stream, "pipeThrough", (...args: Parameters<typeof pipeThrough>) => quietReadable(pipeThrough(...args)));
  return stream;
}

export function quietWritable<T>(stream: WritableStream<T>): WritableStream<T> {
  silence(stream, ["abort", "close"]);
  const getWriter = stream.getWriter.bind(stream);
  define(stream, "getWriter", () => silence(getWriter(), ["write", "close", "abort"]));
  return stream;
}

function silence<T extends object>(target: T, methods: readonly string[]): T {
  for (const name of methods) {
    const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
    define(target, name, (...args: unknown[]) => quiet(Reflect.apply(method, target, args)));
  }
  return target;
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable: false });
}

/** W3C: the code of a WebTransportError that a stream is cancelled or aborted with, else 0. */
function codeOf(reason: unknown): number {
  return reason instanceof WebTransportError ? (reason.streamErrorCode ?? 0) : 0;
}
