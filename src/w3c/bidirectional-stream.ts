import type { WebTransportReceiveStream } from "./receive-stream.ts";
import type { WebTransportSendStream } from "./send-stream.ts";
import { defineInterface, mayConstruct } from "./web-idl.ts";
import type { Construct } from "./web-idl.ts";

/** W3C WebTransport §10. */
export class WebTransportBidirectionalStream {
  readonly #readable: WebTransportReceiveStream;
  readonly #writable: WebTransportSendStream;

  /** Made by the session. @internal */
  constructor(key: Construct, readable: WebTransportReceiveStream, writable: WebTransportSendStream) {
    mayConstruct(key);
    this.#readable = readable;
    this.#writable = writable;
  }

  get readable(): WebTransportReceiveStream {
    return this.#readable;
  }

  get writable(): WebTransportSendStream {
    return this.#writable;
  }
}

defineInterface(WebTransportBidirectionalStream);
