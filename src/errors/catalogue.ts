/**
 * Every public error code: stable, never reused. `fatal`: the object that it ends cannot be used again and the same
 * attempt would fail again. `retriable`: the same attempt may succeed later without a change.
 */
export const errorCatalogue = Object.freeze({
  ERR_WT_ADDRESS_IN_USE: { class: "ServerError", fatal: true, retriable: false },
  ERR_WT_ADDRESS_UNAVAILABLE: { class: "ServerError", fatal: true, retriable: false },
  ERR_WT_AUTHENTICATION: { class: "AuthenticationError", fatal: true, retriable: false },
  ERR_WT_CERTIFICATE_INVALID: { class: "CertificateError", fatal: true, retriable: false },
  ERR_WT_CERTIFICATE_MISMATCH: { class: "CertificateError", fatal: true, retriable: false },
  ERR_WT_CERTIFICATE_NOT_FOUND: { class: "CertificateError", fatal: true, retriable: false },
  ERR_WT_CERTIFICATE_REFUSED: { class: "CertificateError", fatal: true, retriable: false },
  ERR_WT_CLIENT: { class: "ClientError", fatal: false, retriable: false },
  ERR_WT_CONFIGURATION: { class: "ConfigurationError", fatal: true, retriable: false },
  ERR_WT_CONNECTION_CLOSED: { class: "ConnectionError", fatal: false, retriable: true },
  ERR_WT_CONNECTION_FAILED: { class: "ConnectionError", fatal: false, retriable: true },
  ERR_WT_CONNECTION_LOST: { class: "ConnectionError", fatal: false, retriable: true },
  ERR_WT_DATAGRAM_TOO_LARGE: { class: "DatagramError", fatal: false, retriable: false },
  ERR_WT_DATAGRAM_UNSUPPORTED: { class: "DatagramError", fatal: false, retriable: false },
  ERR_WT_FLOW_CONTROL: { class: "FlowControlError", fatal: false, retriable: true },
  ERR_WT_HANDSHAKE: { class: "HandshakeError", fatal: true, retriable: false },
  ERR_WT_HTTP_STATUS: { class: "HttpError", fatal: false, retriable: false },
  ERR_WT_INTERNAL: { class: "WebTransportError", fatal: true, retriable: false },
  ERR_WT_LOOKUP_FAILED: { class: "ConnectionError", fatal: false, retriable: true },
  ERR_WT_PERMISSION_DENIED: { class: "ServerError", fatal: true, retriable: false },
  ERR_WT_PROTOCOL: { class: "ProtocolError", fatal: true, retriable: false },
  ERR_WT_SERVER: { class: "ServerError", fatal: false, retriable: false },
  ERR_WT_SESSION_ABORTED: { class: "SessionError", fatal: false, retriable: false },
  ERR_WT_SESSION_ANSWERED: { class: "SessionError", fatal: false, retriable: false },
  ERR_WT_SESSION_CANCELLED: { class: "SessionError", fatal: false, retriable: false },
  ERR_WT_SESSION_CLOSED: { class: "SessionError", fatal: false, retriable: false },
  ERR_WT_SESSION_REFUSED: { class: "SessionError", fatal: false, retriable: true },
  ERR_WT_STREAM_CLOSED: { class: "StreamError", fatal: false, retriable: false },
  ERR_WT_STREAM_ENDED_EARLY: { class: "StreamError", fatal: false, retriable: false },
  ERR_WT_STREAM_LIMIT: { class: "StreamError", fatal: false, retriable: false },
  ERR_WT_STREAM_LOCKED: { class: "StreamError", fatal: false, retriable: false },
  ERR_WT_STREAM_RESET: { class: "StreamError", fatal: false, retriable: false },
  ERR_WT_STREAM_STOPPED: { class: "StreamError", fatal: false, retriable: false },
  ERR_WT_TIMEOUT: { class: "TimeoutError", fatal: false, retriable: true },
  ERR_WT_UNSUPPORTED: { class: "HandshakeError", fatal: true, retriable: false },
});

/** A code of the {@link errorCatalogue}. */
export type WebTransportErrorCode = keyof typeof errorCatalogue;
