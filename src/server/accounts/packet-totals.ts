import type { ConnectionStats } from "../../engine/engine.ts";
import type { Connection } from "../../transport/types.ts";

const counted = ["packetsSent", "packetsReceived", "packetsLost", "bytesSent", "bytesReceived"] as const;

export type PacketCounts = Readonly<Record<(typeof counted)[number], number>>;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const none: PacketCounts = { packetsSent: 0, packetsReceived: 0, packetsLost: 0, bytesSent: 0, bytesReceived: 0 };

/**
 * UDP packets of all connections. The engine counts them for each connection: a connection's are added when it ends, and
 * whenever somebody looks at it ({@link PacketTotals.seen}), each packet once.
 */
export class PacketTotals {
  readonly #total: Writable<PacketCounts> = { ...none };
  /** What has been added of a connection that is open. */
  readonly #added = new WeakMap<Connection, PacketCounts>();

  get counts(): PacketCounts {
    return { ...this.#total };
  }

  /** `stats`: of the open connection now. */
  seen(connection: Connection, stats: ConnectionStats): void {
    this.#add(stats, this.#added.get(connection) ?? none);
    const { packetsSent, packetsReceived, packetsLost, bytesSent, bytesReceived } = stats;
    this.#added.set(connection, { packetsSent, packetsReceived, packetsLost, bytesSent, bytesReceived });
  }

  /** `stats`: the connection's last. They are 0 where the engine has forgotten it already. */
  ended(connection: Connection, stats: ConnectionStats): void {
    this.#add(stats, this.#added.get(connection) ?? none);
    this.#added.delete(connection);
  }

  #add(stats: PacketCounts, before: PacketCounts): void {
    for (const name of counted) this.#total[name] += Math.max(0, stats[name] - before[name]);
  }
}
