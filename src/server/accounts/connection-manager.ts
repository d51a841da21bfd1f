import type { CloseConnectionOptions, WebTransportConnection } from "../../transport/connection/connection.ts";
import { checkCloseCode, checkCloseReason } from "../../transport/session/close-code.ts";
import type { ConnectionState } from "../../transport/types.ts";

import { closeAll } from "./close-all.ts";
import { Ledger } from "./ledger.ts";
import type { LedgerStats } from "./ledger.ts";

/** A server's connections begin when their handshake has completed; one that has closed is not counted any more. */
export type OpenConnectionState = Exclude<
  ConnectionState,
  typeof ConnectionState.CONNECTING | typeof ConnectionState.CLOSED
>;

export interface ConnectionManagerStats extends LedgerStats<OpenConnectionState> {
  /** Those that take further sessions: "connected". */
  readonly active: number;
  readonly maxConnections: number;
}

export type ConnectionLedger = Ledger<WebTransportConnection, OpenConnectionState>;

export function makeConnectionLedger(): ConnectionLedger {
  return new Ledger<WebTransportConnection, OpenConnectionState>({ connected: 0, draining: 0 });
}

/** A server's connections (`server.connectionManager`), in the order of their arrival. */
export class ConnectionManager implements Iterable<WebTransportConnection> {
  readonly maxConnections: number;
  readonly #ledger: ConnectionLedger;

  /** Made by the server. @internal */
  constructor(maxConnections: number, ledger: ConnectionLedger) {
    this.maxConnections = maxConnections;
    this.#ledger = ledger;
  }

  get connectionCount(): number {
    return this.#ledger.shown.size;
  }

  /** By `connection.id`. */
  getConnection(id: string): WebTransportConnection | undefined {
    return this.#ledger.shown.get(id);
  }

  /** In the order of their arrival. */
  getAllConnections(): readonly WebTransportConnection[] {
    return [...this.#ledger.shown.values()];
  }

  /** Those in this state now. */
  getConnectionsByState(state: ConnectionState): readonly WebTransportConnection[] {
    return this.getAllConnections().filter((connection) => connection.state === state);
  }

  /** Counted, not collected: it costs the same for any number of connections. */
  getStats(): ConnectionManagerStats {
    const stats = this.#ledger.stats;
    return { ...stats, active: stats.states.connected, maxConnections: this.maxConnections };
  }

  /** Ends every session, then every connection, and resolves when all have ended. Throws RangeError for a code out of range. */
  closeAllConnections(options: CloseConnectionOptions = {}): Promise<void> {
    checkCloseCode(options.code);
    checkCloseReason(options.reason);
    return closeAll("connection", this.getAllConnections(), (connection) => connection.close(options));
  }

  /** In the order of their arrival. */
  [Symbol.iterator](): Iterator<WebTransportConnection> {
    return this.getAllConnections()[Symbol.iterator]();
  }
}
