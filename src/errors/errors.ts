import { ErrorCodes } from "../constants/error-codes.ts";

import { WebTransportError } from "./webtransport-error.ts";
import type { WebTransportErrorOptions } from "./webtransport-error.ts";

export { errorCatalogue } from "./catalogue.ts";
export type { WebTransportErrorCode } from "./catalogue.ts";
export { WebTransportError, getErrorCategory, isFatalError, isRetriableError } from "./webtransport-error.ts";
export type { HandshakeStage, WebTransportErrorOptions } from "./webtransport-error.ts";

/** The peer's credentials were missing or wrong. */
export class AuthenticationError extends WebTransportError {
  override readonly name = "AuthenticationError";
  /** The scheme that was asked for, such as "Bearer". */
  readonly authMethod: string | undefined;
  constructor(message: string, options: WebTransportErrorOptions & { readonly authMethod?: string } = {}) {
    super(message, { code: "ERR_WT_AUTHENTICATION", errorCode: ErrorCodes.APP_AUTHENTICATION_FAILED, ...options });
    this.authMethod = options.authMethod;
  }
}

/** A certificate or key that cannot be used, or a peer's that was not accepted. */
export class CertificateError extends WebTransportError {
  override readonly name = "CertificateError";
  /** The file that the certificate or key came from. */
  readonly certificatePath: string | undefined;
  /** What is wrong, as TLS or the parser says it. */
  readonly certificateError: string | undefined;
  constructor(
    message: string,
    options: WebTransportErrorOptions & { readonly certificatePath?: string; readonly certificateError?: string } = {},
  ) {
    super(message, { code: "ERR_WT_CERTIFICATE_INVALID", ...options });
    this.certificatePath = options.certificatePath;
    this.certificateError = options.certificateError;
  }
}

/** The client was used in a way that it does not allow. */
export class ClientError extends WebTransportError {
  override readonly name = "ClientError";
  /** The URL that was to be reached. */
  readonly targetUrl: string | undefined;
  constructor(message: string, options: WebTransportErrorOptions & { readonly targetUrl?: string } = {}) {
    super(message, { code: "ERR_WT_CLIENT", ...options });
    this.targetUrl = options.targetUrl;
  }
}

/** An option has a value that it must not have. */
export class ConfigurationError extends WebTransportError {
  override readonly name = "ConfigurationError";
  /** The option, route or argument that is wrong. */
  readonly configKey: string | undefined;
  /** Its value; never a private key. */
  readonly configValue: unknown;
  constructor(
    message: string,
    options: WebTransportErrorOptions & { readonly configKey?: string; readonly configValue?: unknown } = {},
  ) {
    super(message, { code: "ERR_WT_CONFIGURATION", ...options });
    this.configKey = options.configKey;
    this.configValue = options.configValue;
  }
}

/** A QUIC connection could not be made, or has ended. */
export class ConnectionError extends WebTransportError {
  override readonly name = "ConnectionError";
  /** `host:port` of the peer. */
  readonly remoteAddress: string | undefined;
  constructor(message: string, options: WebTransportErrorOptions & { readonly remoteAddress?: string } = {}) {
    super(message, { code: "ERR_WT_CONNECTION_FAILED", ...options });
    this.remoteAddress = options.remoteAddress;
  }
}

/** A datagram that cannot be sent. Sizes in bytes. */
export class DatagramError extends WebTransportError {
  override readonly name = "DatagramError";
  /** Bytes of the datagram. */
  readonly datagramSize: number | undefined;
  /** Bytes that a datagram could have at that time. */
  readonly maxSize: number | undefined;
  constructor(
    message: string,
    options: WebTransportErrorOptions & { readonly datagramSize?: number; readonly maxSize?: number } = {},
  ) {
    super(message, { code: "ERR_WT_DATAGRAM_TOO_LARGE", ...options });
    this.datagramSize = options.datagramSize;
    this.maxSize = options.maxSize;
  }
}

/** A limit of flow control was exceeded. */
export class FlowControlError extends WebTransportError {
  override readonly name = "FlowControlError";
  /** The limit. */
  readonly limitExceeded: number | undefined;
  /** What was asked of it. */
  readonly currentValue: number | undefined;
  constructor(
    message: string,
    options: WebTransportErrorOptions & { readonly limitExceeded?: number; readonly currentValue?: number } = {},
  ) {
    super(message, { code: "ERR_WT_FLOW_CONTROL", errorCode: ErrorCodes.WT_FLOW_CONTROL_ERROR, ...options });
    this.limitExceeded = options.limitExceeded;
    this.currentValue = options.currentValue;
  }
}

/** QUIC, TLS or HTTP/3 could not agree with the peer. */
export class HandshakeError extends WebTransportError {
  override readonly name = "HandshakeError";
  constructor(message: string, options: WebTransportErrorOptions = {}) {
    super(message, { code: "ERR_WT_HANDSHAKE", ...options });
  }
}

/** Thrown by middleware: the status that the request is answered with. Given to a client: the status it got. */
export class HttpError extends WebTransportError {
  override readonly name = "HttpError";
  /** HTTP status code. */
  readonly status: number;
  constructor(status: number, message = `HTTP status ${status}`, options: WebTransportErrorOptions = {}) {
    super(message, { code: "ERR_WT_HTTP_STATUS", errorCode: status, ...options });
    this.status = status;
  }
}

/** The peer broke the protocol; `errorCode` is the code that it was told. */
export class ProtocolError extends WebTransportError {
  override readonly name = "ProtocolError";
  /** Type of the HTTP/3 frame at fault. */
  readonly frameType: number | undefined;
  constructor(message: string, options: WebTransportErrorOptions & { readonly frameType?: number } = {}) {
    super(message, { code: "ERR_WT_PROTOCOL", errorCode: ErrorCodes.H3_GENERAL_PROTOCOL_ERROR, ...options });
    this.frameType = options.frameType;
  }
}

/** The server could not start, or was used in a way that it does not allow. */
export class ServerError extends WebTransportError {
  override readonly name = "ServerError";
  /** `host:port` that was to be bound. */
  readonly bindAddress: string | undefined;
  constructor(message: string, options: WebTransportErrorOptions & { readonly bindAddress?: string } = {}) {
    super(message, { code: "ERR_WT_SERVER", ...options });
    this.bindAddress = options.bindAddress;
  }
}

/** A session has ended, or cannot do this in its state. `closeCode` and `reason` are those it was closed with. */
export class SessionError extends WebTransportError {
  override readonly name = "SessionError";
  /** `session.id`. */
  readonly sessionId: string | undefined;
  /** `session.state` at that time. */
  readonly sessionState: string | undefined;
  /** Application code that the session was closed with, 0 to 2^32 - 1. */
  readonly closeCode: number | undefined;
  /** Reason that the session was closed with. */
  readonly reason: string | undefined;
  constructor(
    message: string,
    options: WebTransportErrorOptions & {
      readonly sessionId?: string;
      readonly sessionState?: string;
      readonly closeCode?: number;
      readonly reason?: string;
    } = {},
  ) {
    super(message, { code: "ERR_WT_SESSION_CLOSED", ...options });
    this.sessionId = options.sessionId;
    this.sessionState = options.sessionState;
    this.closeCode = options.closeCode;
    this.reason = options.reason;
  }
}

/** A stream has ended, or cannot do this in its state. */
export class StreamError extends WebTransportError {
  override readonly name = "StreamError";
  /** `stream.id`. */
  readonly streamId: number | undefined;
  /** `stream.state` at that time. */
  readonly streamState: string | undefined;
  constructor(
    message: string,
    options: WebTransportErrorOptions & { readonly streamId?: number; readonly streamState?: string } = {},
  ) {
    super(message, { code: "ERR_WT_STREAM_CLOSED", ...options });
    this.streamId = options.streamId;
    this.streamState = options.streamState;
  }
}

/** Something took longer than it was allowed to. */
export class TimeoutError extends WebTransportError {
  override readonly name = "TimeoutError";
  /** Milliseconds. */
  readonly timeoutDuration: number | undefined;
  /** What took too long. */
  readonly operation: string | undefined;
  constructor(
    message: string,
    options: WebTransportErrorOptions & { readonly timeoutDuration?: number; readonly operation?: string } = {},
  ) {
    super(message, { code: "ERR_WT_TIMEOUT", errorCode: ErrorCodes.APP_CONNECTION_TIMEOUT, ...options });
    this.timeoutDuration = options.timeoutDuration;
    this.operation = options.operation;
  }
}
