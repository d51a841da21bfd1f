/**
 * The W3C's WebTransport interface for Node.
 *
 * @module tswebtransport/w3c
 */
export { WebTransportBidirectionalStream } from "./bidirectional-stream.ts";
export { WebTransportDatagramsWritable } from "./datagrams-writable.ts";
export { WebTransportDatagramDuplexStream } from "./datagrams.ts";
export { WebTransportReceiveStream } from "./receive-stream.ts";
export { WebTransportSendGroup } from "./send-group.ts";
export { WebTransportSendStream } from "./send-stream.ts";
export type * from "./stats-types.ts";
export type * from "./types.ts";
export { WebTransportError } from "./web-transport-error.ts";
export type { WebTransportErrorOptions, WebTransportErrorSource } from "./web-transport-error.ts";
export { WebTransport } from "./web-transport.ts";
export { WebTransportWriter } from "./writer.ts";
