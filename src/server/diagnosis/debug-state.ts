import type { BufferBudget } from "../../transport/streams/buffer-budget.ts";
import type { WebTransportConnection } from "../../transport/connection/connection.ts";
import type { Address, ConnectionState } from "../../transport/types.ts";

import type { ServerAccount } from "../accounts/server-account.ts";
import type { ServerStats } from "../server-stats.ts";

/** A connection as plain data, without secrets. */
export interface ConnectionDebugState {
  readonly connectionId: string;
  readonly state: ConnectionState;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly serverName: string | undefined;
  /** Of WebTransport; undefined before the client's SETTINGS. */
  readonly draft: string | undefined;
  /** Milliseconds since the epoch. */
  readonly establishedAt: number | undefined;
  /** Milliseconds; undefined while it goes on. */
  readonly handshakeDuration: number | undefined;
  readonly sessions: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  /** Of its streams and of the protocol. */
  readonly errorCount: number;
  /** Milliseconds since the epoch: see {@link WebTransportConnection.lastActivity}. */
  readonly lastActivity: number;
  /** Milliseconds. */
  readonly rtt: number;
  readonly mtu: number;
}

/** JSON-serialisable, without secrets. */
export interface ServerDebugState {
  readonly serverInfo: {
    readonly serving: boolean;
    readonly localAddress: Address | undefined;
    /** Names of the configuration's and the app's. */
    readonly middleware: readonly string[];
  };
  readonly aggregatedStats: ServerStats;
  /** What sessions hold unread, and what is set aside for connections whose streams are not read (`maxTotalBufferSize`). */
  readonly buffers: {
    readonly used: number;
    readonly reserved: number;
    readonly limit: number;
    readonly isFull: boolean;
  };
  readonly connections: readonly ConnectionDebugState[];
  /** What `session.debugState()` gives of each. */
  readonly sessions: readonly Readonly<Record<string, unknown>>[];
}

/** What of a server is shown. */
interface ShownServer {
  readonly isServing: boolean;
  readonly localAddress: Address | undefined;
  readonly middlewareManager: { readonly middlewareNames: readonly string[] };
  readonly connectionManager: Iterable<WebTransportConnection>;
  readonly sessionManager: Iterable<{ debugState(): Record<string, unknown> }>;
  getServerStats(): ServerStats;
}

export interface DebugStateSources {
  readonly server: ShownServer;
  readonly account: Pick<ServerAccount, "establishedAt">;
  readonly budget: BufferBudget;
}

export function debugState({ server, account, budget }: DebugStateSources): ServerDebugState {
  const { used, reserved, limit, isFull } = budget;
  return {
    serverInfo: {
      serving: server.isServing,
      localAddress: server.localAddress,
      middleware: server.middlewareManager.middlewareNames,
    },
    aggregatedStats: server.getServerStats(),
    buffers: { used, reserved, limit, isFull },
    connections: [...server.connectionManager].map((connection) => ofConnection(connection, account)),
    sessions: [...server.sessionManager].map((session) => session.debugState()),
  };
}

function ofConnection(connection: WebTransportConnection, account: DebugStateSources["account"]): ConnectionDebugState {
  const { bytesSent, bytesReceived, packetsSent, packetsReceived, packetsLost, rtt, mtu } = connection.getStats();
  return {
    connectionId: connection.id,
    state: connection.state,
    localAddress: connection.localAddress,
    remoteAddress: connection.remoteAddress,
    serverName: connection.serverName,
    draft: connection.draft,
    establishedAt: account.establishedAt(connection),
    handshakeDuration: connection.handshakeDuration,
    sessions: connection.sessions.length,
    bytesSent,
    bytesReceived,
    packetsSent,
    packetsReceived,
    packetsLost,
    errorCount: connection.errorCount,
    lastActivity: connection.lastActivity,
    rtt,
    mtu,
  };
}
