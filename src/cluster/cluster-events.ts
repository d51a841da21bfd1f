import type { ServerError } from "../errors/errors.ts";
import type { EventPayload } from "../events/event-types.ts";
import type { Address } from "../transport/types.ts";

/** The worker that an event of a cluster is about. */
export interface WorkerEvent extends EventPayload {
  readonly id: number;
  readonly pid: number | undefined;
  /** Of the UDP port. */
  readonly slot: number;
}

/** What a cluster with `app` tells of its workers. */
export interface ClusterEventMap {
  /** Its server listens and takes new connections from now on: the first one, a successor, or the replacement after a crash. */
  worker_ready: WorkerEvent & { readonly address: Address };
  /** Its process has ended. `wasAsked`: by the cluster or an operator; else it has crashed. `age` in milliseconds. */
  worker_exited: WorkerEvent & {
    readonly code: number | null;
    readonly signal: string | null;
    readonly age: number;
    readonly wasAsked: boolean;
  };
  /** Its event loop has not answered for `silence` milliseconds. */
  worker_hung: WorkerEvent & { readonly silence: number };
  /** It answers again. */
  worker_recovered: WorkerEvent;
  /** It crashed `maxCrashes` times in a row and is not replaced any more; `restart()` tries again. */
  failed: EventPayload & { readonly id: number; readonly error: ServerError };
  /**
   * Messages of the bus are dropped from now on: a worker does not take them fast enough, or ("worker") it sends them faster
   * than this process takes them. Told once until half of the queue is free again; the stats count each message.
   */
  bus_overflow: WorkerEvent & { readonly at: "cluster" | "worker" };
  /** New tokens, TLS tickets and connection IDs are made with new keys. */
  keys_rotated: EventPayload;
}

export type ClusterEventName = keyof ClusterEventMap;

const names: Readonly<Record<ClusterEventName, true>> = {
  worker_ready: true,
  worker_exited: true,
  worker_hung: true,
  worker_recovered: true,
  failed: true,
  bus_overflow: true,
  keys_rotated: true,
};

/** Names of the events are no channels of the bus. */
export function isClusterEvent(name: string): name is ClusterEventName {
  return Object.hasOwn(names, name);
}
