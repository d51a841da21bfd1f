import type { ConnectionClosed } from "../../engine/engine.ts";
import type { WebTransportError } from "../../errors/errors.ts";
import type { HeaderList, RefusalCause } from "../../protocol/output.ts";

import type { IncomingSession } from "../session/request.ts";
import type { Address, CloseInfo, Connection, ConnectionState, Session, SessionState, SessionStats } from "../types.ts";

/** A session request that was turned down before the application could see it. */
export interface RefusedRequest {
  readonly status: number;
  /** Of the core's; "url": authority and path make no URL; "closing": the connection is being closed here. */
  readonly cause: RefusalCause | "url" | "closing";
  /** Pseudo-headers included; none with the cause "headers", for they were not read. */
  readonly headers: HeaderList;
  readonly remoteAddress: Address;
}

/** A request that asks for no session. */
export interface PlainRequest {
  /** Pseudo-headers included. */
  readonly headers: HeaderList;
  readonly remoteAddress: Address;
  /** Takes effect once. What is still to come of the request is dropped. */
  respond(response: { readonly status: number; readonly headers: HeaderList }, body?: Uint8Array): void;
}

/**
 * The owner of a connection: a server. It answers requests and keeps account, so it is called directly and at the very
 * moment in which something happens, before any event: listeners of events are the application's, and may be removed.
 */
export interface ConnectionOwner {
  /** Counted until {@link ConnectionOwner.requestAnswered}. */
  requestArrived(request: IncomingSession): void;
  /** When it throws or rejects, the request is rejected with 500. Without it every request is rejected with 404. */
  answerRequest(request: IncomingSession): void | Promise<void>;
  /** Once for each that has arrived. "cancelled": the client has taken it back, or its connection has ended. */
  requestAnswered(request: IncomingSession, answer: "accepted" | "rejected" | "cancelled"): void;
  /** Without it every such request is answered 404. */
  plainRequest(request: PlainRequest): void;
  /** Has not arrived, and will not. */
  requestRefused(refused: RefusedRequest): void;
  /** A session that was accepted. Its state is "connected". */
  sessionEstablished(session: Session): void;
  sessionMoved(from: SessionState, to: SessionState): void;
  /** Once for each that was established, and behind its move to "closed". */
  sessionEnded(session: Session, info: CloseInfo, stats: SessionStats): void;
  /** A stream of a session, opened by either side. */
  streamOpened(): void;
  streamClosed(): void;
  /** The peer has broken the protocol. */
  violated(error: WebTransportError): void;
  connectionMoved(from: ConnectionState, to: ConnectionState): void;
  /** Behind the ends of its sessions and its move to "closed". */
  connectionEnded(connection: Connection, info: CloseInfo, closed: ConnectionClosed): void;
}
