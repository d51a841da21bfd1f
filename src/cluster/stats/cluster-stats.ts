import type { ServerStats } from "../../server/server-stats.ts";
import type { Address } from "../../transport/types.ts";
import type { BusStats } from "../bus/message-bus.ts";

/**
 * "starting": it does not listen yet. "active": takes new connections. "draining": keeps its sessions, its successor takes
 * the new ones. "crashed": its process has ended and will be replaced. "failed": it has crashed too often and is given up.
 */
export type WorkerState = "starting" | "active" | "draining" | "crashed" | "failed";

/** How late a worker's timers are, and how busy its event loop is. Milliseconds. */
export interface EventLoopStats {
  /** Half of the timers of about the last minute were later than this. */
  readonly delayP50: number;
  /** One in a hundred was later than this. */
  readonly delayP99: number;
  /** 0 to 1, since the last heartbeat. */
  readonly utilization: number;
}

/** Bytes. */
export interface MemoryStats {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

/** Packets that were received by one worker and belong to another. */
export interface ForwardingStats {
  readonly packetsSent: number;
  readonly packetsReceived: number;
  /** The other worker was too slow to take them. */
  readonly packetsDropped: number;
}

/** One server of a cluster. While it drains after a restart, a worker has two entries with the same id: one for each process. */
export interface WorkerStats {
  readonly id: number;
  /** This process's own without `app`. */
  readonly pid: number | undefined;
  /** The slot of the UDP port; undefined without `app`. */
  readonly slot: number | undefined;
  readonly state: WorkerState;
  /** Its event loop has not answered for `hangTimeout`. */
  readonly isHung: boolean;
  /**
   * The part of the new connections of its UDP port that it gets, 0 to 1: less than an even part while it has more
   * connections than the others. Undefined without `app`.
   */
  readonly share: number | undefined;
  readonly address: Address | undefined;
  /** Milliseconds since its process was started; without `app`, since it listens. */
  readonly age: number;
  /** How often its process was replaced after a crash. */
  readonly restarts: number;
  /** Undefined when the worker has not answered in time; it is among `unresponsive` then. */
  readonly stats: ServerStats | undefined;
  /** Undefined without `app`, and before its first heartbeat; else as of the last one. */
  readonly eventLoop: EventLoopStats | undefined;
  readonly memory: MemoryStats | undefined;
  readonly forwarding: ForwardingStats | undefined;
  readonly bus: BusStats | undefined;
}

/** What all servers of a cluster have and had. */
export interface ClusterStats {
  readonly serverCount: number;
  readonly totalConnectionsAccepted: number;
  readonly totalConnectionsRejected: number;
  readonly totalConnectionsActive: number;
  readonly totalSessionsActive: number;
  /**
   * Every figure of a server, summed over the servers that have answered. What only grows has the counts of processes that
   * have ended, too (of one that was killed, as of its last heartbeat). `uptime` is the longest of all.
   */
  readonly totals: ServerStats;
  readonly workers: readonly WorkerStats[];
  /** Ids of workers that have not answered within `statsTimeout`: they are not in the sums. */
  readonly unresponsive: readonly number[];
  /** Processes that were replaced after a crash. */
  readonly restarts: number;
  /** Of this process. */
  readonly bus: BusStats;
}
