import type { UnderlyingByteSource, UnderlyingSource } from "node:stream/web";

import { quietReadable } from "../client/session-parts.ts";
import type { ReceiveSide } from "../client/session-parts.ts";

import { streamFailure } from "./transport.ts";
import type { Transport } from "./transport.ts";
import type { WebTransportReceiveStreamStats } from "./stats-types.ts";
import { codeOf } from "./web-transport-error.ts";
import { defineInterface, mayConstruct } from "./web-idl.ts";
import type { Construct } from "./web-idl.ts";

let failStream: (stream: WebTransportReceiveStream, error: unknown) => void;

/** W3C WebTransport §9: the half of a stream that is read; a byte stream, so that it can be read with a BYOB reader. */
export class WebTransportReceiveStream extends ReadableStream<Uint8Array> {
  readonly #source: ReceiveSource;

  /** Made by the session. @internal */
  constructor(key: Construct, stream: ReceiveSide, transport: Transport) {
    mayConstruct(key);
    const source = new ReceiveSource(stream, transport);
    // TypeScript knows no subclass of a byte stream.
    super(source as unknown as UnderlyingSource<Uint8Array>);
    this.#source = source;
    quietReadable(this);
  }

  /** W3C WebTransport §9: bytes received and read. */
  getStats(): Promise<WebTransportReceiveStreamStats> {
    const { bytesRead, bytesReceived } = this.#source.stream;
    return Promise.resolve({ bytesReceived, bytesRead });
  }

  static {
    failStream = (stream, error) => {
      stream.#source.fail(error);
    };
  }
}

/** The session has ended: errs the stream. */
export function failReceiveStream(stream: WebTransportReceiveStream, error: unknown): void {
  failStream(stream, error);
}

class ReceiveSource implements UnderlyingByteSource {
  readonly type = "bytes";
  readonly stream: ReceiveSide;
  readonly #transport: Transport;
  #controller: ReadableByteStreamController | undefined;

  constructor(stream: ReceiveSide, transport: Transport) {
    this.stream = stream;
    this.#transport = transport;
    // An idle reader learns of the end without having to ask.
    stream.readClosed.catch(async (error: unknown) => {
      this.fail(await streamFailure(error, transport));
    });
  }

  start(controller: ReadableByteStreamController): void {
    this.#controller = controller;
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    const request = controller.byobRequest;
    const view = request?.view ?? undefined;
    const chunk = await this.#read(view?.byteLength ?? Infinity);
    if (chunk === null) {
      controller.close();
      request?.respond(0);
    } else if (view !== undefined) {
      new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(chunk);
      request?.respond(chunk.byteLength);
    } else {
      controller.enqueue(chunk);
    }
  }

  cancel(reason: unknown): void {
    this.stream.stop(codeOf(reason));
  }

  fail(error: unknown): void {
    try {
      this.#controller?.error(error);
    } catch {
      // It has been closed, cancelled or has erred already.
    }
  }

  async #read(maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      return await this.stream.read({ maxBytes });
    } catch (error) {
      throw await streamFailure(error, this.#transport);
    }
  }
}

defineInterface(WebTransportReceiveStream);
