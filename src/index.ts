/** Everything an application needs. */
export { generateSelfSignedCertificate } from "./certificates/self-signed.ts";
export type { SelfSignedCertificate, SelfSignedCertificateOptions } from "./certificates/self-signed.ts";
export { ClientConfig, connect } from "./client/index.ts";
export type {
  CertificateHash,
  ClientConfigOptions,
  ClientConfigValues,
  ClientOptions,
  Lookup,
} from "./client/index.ts";
export { LogLevel } from "./config/logger.ts";
export type { Logger } from "./config/logger.ts";
export { ServerConfig } from "./config/server-config.ts";
export type { CertificateAndKey, ServerConfigOptions, ServerConfigValues } from "./config/server-config.ts";
export { ErrorCodes } from "./constants/error-codes.ts";
export { EngineError } from "./engine/engine.ts";
export type { ConnectionStats, EngineErrorCode, QuicEngine } from "./engine/engine.ts";
export * from "./errors/errors.ts";
export { EventType } from "./events/event-types.ts";
export * from "./server/index.ts";
export { WebTransportStream } from "./session/bidirectional-stream.ts";
export { WebTransportConnection } from "./session/connection.ts";
export { WebTransportDatagrams } from "./session/datagrams.ts";
export type * from "./session/events.ts";
export { WebTransportReceiveStream } from "./session/receive-stream.ts";
export { IncomingSession } from "./session/request.ts";
export type { AcceptOptions, Rejection, RejectOptions, SessionRequest } from "./session/request.ts";
export { WebTransportSendStream } from "./session/send-stream.ts";
export { WebTransportSession } from "./session/session.ts";
export { ConnectionState, SessionState, StreamState } from "./session/types.ts";
export type * from "./session/types.ts";
