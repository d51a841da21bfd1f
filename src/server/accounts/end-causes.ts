import type { ConnectionClosed } from "../../engine/engine.ts";
import type { CloseInfo } from "../../transport/types.ts";

/** How a connection ended, for counts: a fixed set, whatever codes a peer uses. */
export const ConnectionEndCause = Object.freeze({
  /** Closed here. */
  LOCAL: "local",
  /** Closed by the client with H3_NO_ERROR, or with a session's code. */
  PEER: "peer",
  /** The client broke the protocol. */
  PROTOCOL_ERROR: "protocol_error",
  /** The client closed it with an error of HTTP/3 or an unknown code. */
  PEER_ERROR: "peer_error",
  /** Closed with an error of QUIC. */
  TRANSPORT_ERROR: "transport_error",
  /** Nothing came within `connectionIdleTimeout`. */
  IDLE_TIMEOUT: "idle_timeout",
  /** The client has forgotten the connection. */
  STATELESS_RESET: "stateless_reset",
  /** The engine or its socket failed. */
  FAILED: "failed",
} as const);
export type ConnectionEndCause = (typeof ConnectionEndCause)[keyof typeof ConnectionEndCause];

/** How a session ended, for counts. */
export const SessionEndCause = Object.freeze({
  /** Closed here with code 0: the handler has returned. */
  LOCAL: "local",
  /** Closed here with another code. */
  LOCAL_ERROR: "local_error",
  /** Closed by the client with code 0. */
  PEER: "peer",
  /** Closed by the client with another code. */
  PEER_ERROR: "peer_error",
  /** The client reset the session without closing it. */
  PEER_ABORTED: "peer_aborted",
  /** The client broke the protocol. */
  PROTOCOL_ERROR: "protocol_error",
  /** Its connection was lost. */
  CONNECTION_LOST: "connection_lost",
} as const);
export type SessionEndCause = (typeof SessionEndCause)[keyof typeof SessionEndCause];

/** `info`: what `closed` means to the sessions of the connection. */
export function connectionEndCause(closed: ConnectionClosed, info: CloseInfo): ConnectionEndCause {
  if (info.clean) return info.by;
  switch (closed.kind) {
    case "application":
      // The server closes with another code than H3_NO_ERROR only where the client broke the protocol.
      return closed.by === "local" ? "protocol_error" : "peer_error";
    case "idle-timeout":
      return "idle_timeout";
    case "stateless-reset":
      return "stateless_reset";
    case "transport":
      return "transport_error";
    case "handshake-timeout":
    case "version-mismatch":
    case "failed":
      return "failed";
  }
}

export function sessionEndCause(info: CloseInfo): SessionEndCause {
  if (info.clean) return info.code === 0 ? info.by : `${info.by}_error`;
  switch (info.by) {
    case "transport":
      return "connection_lost";
    case "local":
      return "protocol_error";
    case "peer":
      return "peer_aborted";
  }
}

/** A count of 0 for each of `causes`. */
export function noCounts<Cause extends string>(causes: Readonly<Record<string, Cause>>): Record<Cause, number> {
  return Object.fromEntries(Object.values(causes).map((cause) => [cause, 0])) as Record<Cause, number>;
}
