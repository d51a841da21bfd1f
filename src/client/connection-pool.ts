import { isDeepStrictEqual } from "node:util";

import { connectionDefaults } from "../constants/defaults.ts";
import { untilAborted } from "../async/promises.ts";

import { release } from "./reach.ts";
import type { Reached } from "./reach.ts";

/** Sessions that share a connection, if the server allows so many: each adds to what the connection may hold unread. */
export const maxPooledSessions = connectionDefaults.maxSessionsPerConnection;

/** Connections are shared by sessions whose keys are alike in everything. */
export interface PoolKey {
  /** Of the same content: origin, trust, configuration. */
  readonly data: unknown;
  /** The very same. */
  readonly objects: readonly unknown[];
}

/** A session's part in a connection that others may use, too. */
export interface Lease {
  /** The connection was there already, or others are waiting for it. */
  readonly isJoined: boolean;
  /** Rejects with what has kept all from it, or the signal's reason. */
  reached(signal: AbortSignal): Promise<Reached>;
  /** Whether the server allows this session, too, beside those that have asked before. Once {@link reached} is fulfilled. */
  claim(): boolean;
  /** The connection takes no further sessions. */
  retire(): void;
  /** Gives the part back. The last one closes the connection: at once, or when what was sent has been delivered. */
  end(how: "at once" | "delivered"): Promise<void>;
}

/** W3C WebTransport §6.2 and Fetch's connection pool: what sessions share that allow it. */
export class ConnectionPool {
  readonly #connections = new Set<PooledConnection>();

  /**
   * A part in a connection of this key, or in a new one: `reach` makes it, once the server's SETTINGS allow sessions. `room`: how many sessions a connection is
   * taken to allow whose server has not told yet.
   */
  lease(key: PoolKey, room: number, reach: (signal: AbortSignal) => Promise<Reached>): Lease {
    for (const connection of this.#connections) {
      if (!connection.isUsable) this.#connections.delete(connection);
      else if (connection.hasRoom(room) && isAlike(connection.key, key)) return connection.join(true);
    }
    const made = new PooledConnection(key, reach, () => this.#connections.delete(made));
    this.#connections.add(made);
    return made.join(false);
  }
}

function isAlike(one: PoolKey, other: PoolKey): boolean {
  return (
    one.objects.every((object, index) => object === other.objects[index]) && isDeepStrictEqual(one.data, other.data)
  );
}

class PooledConnection {
  readonly key: PoolKey;
  readonly #retire: () => void;
  readonly #abort = new AbortController();
  readonly #reached: Promise<Reached>;
  #connection: Reached["connection"] | undefined;
  /** Sessions that live or are being opened. */
  #parts = 0;
  /** Of them those that the server allows. */
  #claimed = 0;

  constructor(key: PoolKey, reach: (signal: AbortSignal) => Promise<Reached>, retire: () => void) {
    this.key = key;
    this.#retire = retire;
    this.#reached = this.#reach(reach);
    // A part waits for it only until its own signal aborts.
    this.#reached.catch(retire);
  }

  /** Neither closed nor about to (GOAWAY). */
  get isUsable(): boolean {
    return this.#connection === undefined || this.#connection.state === "connected";
  }

  hasRoom(room: number): boolean {
    return this.#parts < Math.min(this.#connection?.simultaneousSessions ?? room, maxPooledSessions);
  }

  join(isJoined: boolean): Lease {
    this.#parts += 1;
    let claimed = 0;
    let ending: Promise<void> | undefined;
    return {
      isJoined,
      reached: (signal) => untilAborted(this.#reached, signal),
      claim: () => {
        if (this.#claimed >= (this.#connection?.simultaneousSessions ?? 1)) return false;
        claimed = 1;
        this.#claimed += 1;
        return true;
      },
      retire: this.#retire,
      end: (how) => {
        ending ??= this.#leave(claimed, how);
        return ending;
      },
    };
  }

  async #reach(reach: (signal: AbortSignal) => Promise<Reached>): Promise<Reached> {
    const reached = await reach(this.#abort.signal);
    this.#connection = reached.connection;
    return reached;
  }

  async #leave(claimed: number, how: "at once" | "delivered"): Promise<void> {
    this.#parts -= 1;
    this.#claimed -= claimed;
    if (this.#parts > 0) return;
    this.#retire();
    this.#abort.abort(new Error("Nobody waits for this connection any more"));
    const reached = await this.#reached.catch(() => undefined);
    if (reached === undefined) return;
    if (how === "delivered") await reached.connection.close();
    await release(reached.endpoint);
  }
}
