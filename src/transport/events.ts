import type { EventPayload } from "../events/event-types.ts";
import type { WebTransportError } from "../errors/errors.ts";

import type { SessionRequest } from "./session/session-request.ts";
import type { Address, Bytes, CloseInfo, Connection, Session } from "./types.ts";

/** An event of a stream. */
export interface StreamEvent extends EventPayload {
  /** The session that the stream belongs to. */
  readonly session: Session;
  /** QUIC's stream ID (RFC 9000 §2.1). */
  readonly streamId: number;
  /** Which sides send on it, as seen from here. */
  readonly direction: "bidirectional" | "send_only" | "receive_only";
  /** Which side opened it. */
  readonly initiator: "local" | "peer";
}

/** An event of a session. */
export interface SessionEvent extends EventPayload {
  /** The session that it is about. */
  readonly session: Session;
}

/** Events of a session; its connection and its server emit them, too. */
export interface SessionEventMap {
  /** The session is established. */
  session_ready: SessionEvent;
  /** The session has ended; `info` tells how. */
  session_closed: SessionEvent & { readonly info: CloseInfo };
  /** The peer asks to end the session soon. */
  session_draining: SessionEvent;
  /** Either side has opened a stream. */
  stream_opened: StreamEvent;
  /** Every half of a stream has ended. */
  stream_closed: StreamEvent;
  /** A half of a stream has ended by a reset, a stop or a fault. */
  stream_error: StreamEvent & { readonly error: unknown };
  /** A datagram has arrived. Costs nothing while nobody listens. */
  datagram_received: SessionEvent & { readonly data: Bytes };
  /** A datagram of `size` bytes was handed to QUIC. Costs nothing while nobody listens. */
  datagram_sent: SessionEvent & { readonly size: number };
  /** A datagram could not be sent: it is too large, or the peer takes none. */
  datagram_error: SessionEvent & { readonly error: WebTransportError };
}

/** An event of a connection. */
export interface ConnectionEvent extends EventPayload {
  /** The connection that it is about. */
  readonly connection: Connection;
}

/** Events of a connection; its server emits them, too. */
export interface ConnectionEventMap extends SessionEventMap {
  /** The handshake has completed. */
  connection_established: ConnectionEvent & { readonly remoteAddress: Address };
  /** It ended without being closed by either side. */
  connection_lost: ConnectionEvent & { readonly error: WebTransportError };
  /**
   * A client's: the handshake did not succeed. A server has no connection then: `getServerStats()` counts its
   * `connectionRejections` by cause.
   */
  connection_failed: ConnectionEvent & { readonly error: WebTransportError };
  /** Either side has closed the connection. */
  connection_closed: ConnectionEvent & { readonly info: CloseInfo };
  /** A client asks for a session. */
  session_request: ConnectionEvent & { readonly request: SessionRequest };
  /** The peer broke the protocol, and the connection ends. */
  protocol_error: ConnectionEvent & { readonly error: WebTransportError };
  /** The connection has ended by a time-out: of its handshake, or because nothing came. The next event tells its end. */
  timeout_error: ConnectionEvent & { readonly error: WebTransportError };
}
