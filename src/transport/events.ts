import type { EventPayload } from "../events/event-types.ts";
import type { WebTransportError } from "../errors/errors.ts";

import type { Address, Bytes, CloseInfo, Connection, Session } from "./types.ts";

export interface StreamEvent extends EventPayload {
  readonly session: Session;
  readonly streamId: number;
  readonly direction: "bidirectional" | "send_only" | "receive_only";
  readonly initiator: "local" | "peer";
}

export interface SessionEvent extends EventPayload {
  readonly session: Session;
}

/** Events of a session; its connection and its server emit them, too. */
export interface SessionEventMap {
  session_ready: SessionEvent;
  session_closed: SessionEvent & { readonly info: CloseInfo };
  session_draining: SessionEvent;
  stream_opened: StreamEvent;
  stream_closed: StreamEvent;
  stream_error: StreamEvent & { readonly error: unknown };
  datagram_received: SessionEvent & { readonly data: Bytes };
  datagram_sent: SessionEvent & { readonly size: number };
  /** A datagram could not be sent: it is too large, or the peer takes none. */
  datagram_error: SessionEvent & { readonly error: WebTransportError };
}

export interface ConnectionEvent extends EventPayload {
  readonly connection: Connection;
}

/** Events of a connection; its server emits them, too. */
export interface ConnectionEventMap extends SessionEventMap {
  connection_established: ConnectionEvent & { readonly remoteAddress: Address };
  /** It ended without being closed by either side. */
  connection_lost: ConnectionEvent & { readonly error: WebTransportError };
  /**
   * A client's: the handshake did not succeed. A server has no connection then: `getServerStats()` counts its
   * `connectionRejections` by cause.
   */
  connection_failed: ConnectionEvent & { readonly error: WebTransportError };
  connection_closed: ConnectionEvent & { readonly info: CloseInfo };
  session_request: ConnectionEvent & { readonly request: object };
  protocol_error: ConnectionEvent & { readonly error: WebTransportError };
  /** The connection has ended by a time-out: of its handshake, or because nothing came. The next event tells its end. */
  timeout_error: ConnectionEvent & { readonly error: WebTransportError };
}
