/** What a tool that watches a cluster reads of it, such as a monitor. No method of the cluster: an application has no use for it. */
import type { Logger } from "../config/logger.ts";
import type { WebTransportServer } from "../server/server.ts";
import type { WorkerState } from "./stats/cluster-stats.ts";
import type { ModuleCall } from "./workers/messages.ts";

export interface ClusterInspection extends BackendInspection {
  readonly logger: Logger;
  readonly isRunning: boolean;
  readonly isStopping: boolean;
  /** Milliseconds that a worker has for an answer (`statsTimeout`). */
  readonly answerTimeout: number;
}

export interface BackendInspection {
  /** Those of this process; undefined where each has a process of its own. */
  readonly servers: readonly WebTransportServer[] | undefined;
  /** Every process, and an entry for each worker that has none now. */
  readonly processes: readonly InspectedProcess[];
}

export interface InspectedProcess {
  /** Of its worker: a process that drains has the id of its successor. */
  readonly id: number;
  /** Of its UDP port; undefined of a worker that was given up. */
  readonly slot: number | undefined;
  /** The UDP port. */
  readonly port: number | undefined;
  readonly pid: number | undefined;
  readonly state: WorkerState;
  readonly isHung: boolean;
  readonly restarts: number;
  /**
   * Runs an exported function of a module in the process; undefined when there is none. Rejects with TimeoutError when it
   * takes too long, ServerError when the process ends, and as the function does.
   */
  readonly call: ((call: ModuleCall, timeout: number) => Promise<unknown>) | undefined;
}
