import type { HandshakeFailures } from "../engine/handshake-failures.ts";
import type { RejectionKind } from "../transport/session/request.ts";

import type { ConnectionManagerStats } from "./accounts/connection-manager.ts";
import type { EndedTotals } from "./accounts/counters.ts";
import { failureCount } from "./accounts/endpoint-totals.ts";
import type { EndpointSums } from "./accounts/endpoint-totals.ts";
import type { ServerAccount } from "./accounts/server-account.ts";
import type { SessionManagerStats } from "./accounts/session-manager.ts";

/** What there is now, and what there was since the server was made: the latter only grows. */
export interface ServerStats {
  readonly isServing: boolean;
  /** Milliseconds since `listen`; 0 when the server does not serve. */
  readonly uptime: number;

  /** Now. */
  readonly connections: number;
  readonly sessions: number;
  /** Streams of sessions that are not over on the wire. */
  readonly streams: number;
  /** Session requests that are not answered yet. */
  readonly requests: number;
  /** Handshakes that have begun and not ended. */
  readonly pendingHandshakes: number;
  /** Native handles: connections that the engine still keeps, closing ones included. */
  readonly engineConnections: number;

  /** Connections whose handshake has completed. */
  readonly connectionsAccepted: number;
  /** Refused before their handshake: a limit is reached, or the server is closing. */
  readonly connectionsRefused: number;
  /** Handshakes that did not succeed. */
  readonly handshakeFailures: number;
  /** `connectionsRefused` and `handshakeFailures`. */
  readonly connectionsRejected: number;
  /** `connectionsRejected` by cause. */
  readonly connectionRejections: HandshakeFailures;
  /** Accepted connections that have ended in a failure. */
  readonly connectionErrors: number;
  /** Clients that broke the protocol. */
  readonly protocolErrors: number;

  readonly sessionsRequested: number;
  readonly sessionsAccepted: number;
  readonly sessionsRefused: number;
  /** The client had gone before its request was answered. */
  readonly sessionsAbandoned: number;
  /** `sessionsRefused` by cause. */
  readonly refusals: Readonly<Record<RejectionKind, number>>;
  /** Totals of the sessions that have ended. */
  readonly ended: EndedTotals;

  readonly connectionStats: ConnectionManagerStats;
  readonly sessionStats: SessionManagerStats;
}

export interface ServerStatsSources {
  readonly isServing: boolean;
  readonly isClosed: boolean;
  readonly uptime: number;
  readonly account: ServerAccount;
  readonly endpoints: EndpointSums;
  readonly connectionStats: ConnectionManagerStats;
  readonly sessionStats: SessionManagerStats;
}

/** Reads counts alone, so it costs the same for any number of sessions. */
export function serverStats(sources: ServerStatsSources): ServerStats {
  const { isServing, isClosed, uptime, account, endpoints, connectionStats, sessionStats } = sources;
  const { counters } = account;
  const { pendingHandshakes, handshakesRefused, failures } = endpoints;
  const connectionsRejected = failureCount(failures);
  return {
    isServing,
    uptime,
    connections: account.connections.count,
    sessions: account.sessions.count,
    streams: account.streams,
    requests: account.requests,
    pendingHandshakes,
    engineConnections: isClosed ? 0 : endpoints.connections,
    connectionsAccepted: connectionStats.totalCreated,
    connectionsRefused: handshakesRefused,
    handshakeFailures: connectionsRejected - handshakesRefused,
    connectionsRejected,
    connectionRejections: failures,
    connectionErrors: counters.connectionErrors,
    protocolErrors: counters.protocolErrors,
    sessionsRequested: counters.sessionsRequested,
    sessionsAccepted: counters.sessionsAccepted,
    sessionsRefused: counters.sessionsRefused,
    sessionsAbandoned: counters.sessionsAbandoned,
    refusals: counters.refusals,
    ended: counters.ended,
    connectionStats,
    sessionStats,
  };
}
