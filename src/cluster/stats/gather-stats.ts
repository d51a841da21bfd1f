import type { ServerStats } from "../../server/server-stats.ts";
import type { ClusterStats, WorkerStats } from "./cluster-stats.ts";
import { sumStats } from "./sum-stats.ts";

export interface StatsParts {
  readonly serverCount: number;
  readonly workers: readonly WorkerStats[];
  /** What processes that have ended had counted. */
  readonly past: readonly ServerStats[];
  readonly restarts: number;
}

export function clusterStats({ serverCount, workers, past, restarts }: StatsParts): Omit<ClusterStats, "bus"> {
  const answers = workers.map(({ stats }) => stats).filter((stats) => stats !== undefined);
  const totals = sumStats([...past, ...answers]);
  const silent = workers.filter(({ stats, pid }) => stats === undefined && pid !== undefined);
  return {
    serverCount,
    totalConnectionsAccepted: totals.connectionsAccepted,
    totalConnectionsRejected: totals.connectionsRejected,
    totalConnectionsActive: totals.connections,
    totalSessionsActive: totals.sessions,
    totals,
    workers,
    unresponsive: [...new Set(silent.map(({ id }) => id))],
    restarts,
  };
}
