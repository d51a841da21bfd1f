import { quiet, rejected } from "../client/session-parts.ts";
import type { SendSide } from "../client/session-parts.ts";

import { defineInterface, mayConstruct } from "./web-idl.ts";
import type { Construct } from "./web-idl.ts";

/** W3C WebTransport §11. */
export class WebTransportWriter extends WritableStreamDefaultWriter<Uint8Array> {
  readonly #stream: SendSide;

  /** Made by a send stream's `getWriter()`. @internal */
  constructor(key: Construct, writable: WritableStream<Uint8Array>, stream: SendSide) {
    mayConstruct(key);
    super(writable);
    this.#stream = stream;
  }

  /**
   * A write that would have to wait for what was written before is refused with AbortError, and nothing of it is sent.
   * (QUIC's engine does not tell its flow-control window: a chunk larger than what is left of it is not refused.)
   */
  atomicWrite(chunk?: Uint8Array): Promise<void> {
    const { desiredSize } = this;
    if (desiredSize !== null && desiredSize <= 0) {
      return rejected(new DOMException("Cannot write at once: earlier bytes are waiting to be sent", "AbortError"));
    }
    return this.write(chunk);
  }

  /** What was written so far arrives even when the stream is aborted later (where the server knows RESET_STREAM_AT). */
  commit(): void {
    this.#stream.commit();
  }

  override write(chunk?: Uint8Array): Promise<void> {
    return quiet(super.write(chunk as unknown as Uint8Array));
  }

  override close(): Promise<void> {
    return quiet(super.close());
  }

  override abort(reason?: unknown): Promise<void> {
    return quiet(super.abort(reason));
  }
}

defineInterface(WebTransportWriter);
