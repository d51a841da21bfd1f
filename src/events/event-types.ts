/** Names of the events of servers, connections and sessions; all but the certificate's have pywebtransport's values. */
export const EventType = Object.freeze({
  CONNECTION_ESTABLISHED: "connection_established",
  CONNECTION_LOST: "connection_lost",
  CONNECTION_FAILED: "connection_failed",
  CONNECTION_CLOSED: "connection_closed",
  SESSION_REQUEST: "session_request",
  SESSION_READY: "session_ready",
  SESSION_CLOSED: "session_closed",
  SESSION_DRAINING: "session_draining",
  STREAM_OPENED: "stream_opened",
  STREAM_CLOSED: "stream_closed",
  STREAM_ERROR: "stream_error",
  DATAGRAM_RECEIVED: "datagram_received",
  DATAGRAM_SENT: "datagram_sent",
  DATAGRAM_ERROR: "datagram_error",
  PROTOCOL_ERROR: "protocol_error",
  TIMEOUT_ERROR: "timeout_error",
  CERTIFICATE_UPDATED: "certificate_updated",
  CERTIFICATE_UPDATE_FAILED: "certificate_update_failed",
} as const);

export type EventType = (typeof EventType)[keyof typeof EventType];

/** What every event carries: milliseconds since the epoch. */
export interface EventPayload {
  readonly timestamp: number;
}
