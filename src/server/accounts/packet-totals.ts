import type { ConnectionStats } from "../../engine/engine.ts";
import type { Connection } from "../../transport/types.ts";

/** Numbers that are written where they are: a sample of thousands of connections leaves nothing to collect. */
interface Counts {
  packetsSent: number;
  packetsReceived: number;
  packetsLost: number;
  bytesSent: number;
  bytesReceived: number;
}

const none: PacketCounts = { packetsSent: 0, packetsReceived: 0, packetsLost: 0, bytesSent: 0, bytesReceived: 0 };

export type PacketCounts = Readonly<Counts>;

/**
 * UDP packets of all connections. The engine counts them for each connection: a connection's are added when it ends, and
 * whenever somebody looks at it ({@link PacketTotals.seen}), each packet once.
 */
export class PacketTotals {
  readonly #total = { ...none };
  /** What has been added of a connection that is open and was looked at. */
  readonly #added = new WeakMap<Connection, Counts>();

  get counts(): PacketCounts {
    const { packetsSent, packetsReceived, packetsLost, bytesSent, bytesReceived } = this.#total;
    return { packetsSent, packetsReceived, packetsLost, bytesSent, bytesReceived };
  }

  /** `stats`: of the open connection now. */
  seen(connection: Connection, stats: ConnectionStats): void {
    let added = this.#added.get(connection);
    if (added === undefined) {
      added = { ...none };
      this.#added.set(connection, added);
    }
    this.#add(stats, added);
  }

  /** `stats`: the connection's last. They are 0 where the engine has forgotten it already. */
  ended(connection: Connection, stats: ConnectionStats): void {
    this.#add(stats, this.#added.get(connection) ?? { ...none });
    this.#added.delete(connection);
  }

  /** Adds what `stats` has more than `added`, which then has it, too. Neither ever falls. */
  #add(stats: PacketCounts, added: Counts): void {
    const total = this.#total;
    total.packetsSent += risen(stats.packetsSent, added.packetsSent);
    total.packetsReceived += risen(stats.packetsReceived, added.packetsReceived);
    total.packetsLost += risen(stats.packetsLost, added.packetsLost);
    total.bytesSent += risen(stats.bytesSent, added.bytesSent);
    total.bytesReceived += risen(stats.bytesReceived, added.bytesReceived);
    added.packetsSent = Math.max(stats.packetsSent, added.packetsSent);
    added.packetsReceived = Math.max(stats.packetsReceived, added.packetsReceived);
    added.packetsLost = Math.max(stats.packetsLost, added.packetsLost);
    added.bytesSent = Math.max(stats.bytesSent, added.bytesSent);
    added.bytesReceived = Math.max(stats.bytesReceived, added.bytesReceived);
  }
}

function risen(now: number, before: number): number {
  return Math.max(0, now - before);
}
