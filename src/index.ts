/**
 * Everything an application needs.
 *
 * @module tswebtransport
 */
export { generateSelfSignedCertificate } from "./certificates/self-signed.ts";
export type { SelfSignedCertificate, SelfSignedCertificateOptions } from "./certificates/self-signed.ts";
export type { CertificateHash } from "./client/certificate-hash.ts";
export { ClientConfig } from "./client/client-config.ts";
export type { ClientConfigOptions, ClientConfigValues } from "./client/client-config.ts";
export { connect } from "./client/connect.ts";
export type { ClientOptions } from "./client/connect.ts";
export { Defaults } from "./client/defaults.ts";
export type { Lookup, LookupAnswer, LookupQuestion } from "./client/lookup.ts";
export { LogLevel } from "./config/logger.ts";
export type { Logger } from "./config/logger.ts";
export type { SetTimer } from "./async/deadlines.ts";
export type { ConfiguredMiddleware, ConfiguredRequest } from "./config/middleware.ts";
export { ServerConfig } from "./config/server-config.ts";
export type {
  CertificateAndKey,
  CertificateFiles,
  ProductionOptions,
  ServerConfigOptions,
  ServerConfigValues,
} from "./config/server-config.ts";
export type { DraftName, DraftProfileName, DraftSelection } from "./constants/drafts.ts";
export { ErrorCodes } from "./constants/error-codes.ts";
export { WebTransportConstants } from "./constants/webtransport-constants.ts";
export { EngineError } from "./engine/engine.ts";
export type { ConnectionStats, EngineErrorCode, QuicEngine, SocketAddress, TransportOptions } from "./engine/engine.ts";
export type { HandshakeFailureCause, HandshakeFailures } from "./engine/handshake-failures.ts";
export * from "./errors/errors.ts";
export type { AnyListener, WaitForOptions } from "./events/emitter.ts";
export { EventType } from "./events/event-types.ts";
export type { EventPayload } from "./events/event-types.ts";
export * from "./server/index.ts";
export { WebTransportStream } from "./transport/streams/bidirectional-stream.ts";
export { WebTransportConnection } from "./transport/connection/connection.ts";
export type { CloseConnectionOptions, OpenSessionOptions } from "./transport/connection/connection.ts";
export type { DatagramStats } from "./transport/datagrams/datagram-queue.ts";
export { WebTransportDatagrams } from "./transport/datagrams/datagrams.ts";
export type { SendDatagramOptions } from "./transport/datagrams/datagrams.ts";
export type * from "./transport/events.ts";
export type { IncomingStream, IncomingStreamIterable } from "./transport/session/incoming-streams.ts";
export { WebTransportReceiveStream } from "./transport/streams/receive-stream.ts";
export { IncomingSession, RejectionKind } from "./transport/session/request.ts";
export type {
  AcceptOptions,
  Rejection,
  RejectOptions,
  RequestOutcome,
  SessionRequest,
} from "./transport/session/request.ts";
export { WebTransportSendStream } from "./transport/streams/send-stream.ts";
export { WebTransportSession } from "./transport/session/session.ts";
export { ConnectionState, SessionState, StreamState } from "./transport/types.ts";
export type * from "./transport/types.ts";
