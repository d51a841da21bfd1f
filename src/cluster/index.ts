/** Several servers as one: processes on all cores, behind one UDP port. */
export { clusterBus } from "./bus/cluster-bus.ts";
export type { BusChannels, BusListener, BusMessage, BusStats, MessageBus } from "./bus/message-bus.ts";
export { ServerCluster } from "./cluster.ts";
export type { ClusterRunOptions, ForEachCoreOptions, MemberOf } from "./cluster.ts";
export type { ClusterApp } from "./cluster-app.ts";
export type { ServerAddress } from "./cluster-backend.ts";
export type { ClusterEventMap, ClusterEventName, WorkerEvent } from "./cluster-events.ts";
export type { ClusterMember } from "./cluster-member.ts";
export type { AppModule, ClusterOptions } from "./cluster-options.ts";
export type {
  ClusterStats,
  EventLoopStats,
  ForwardingStats,
  MemoryStats,
  WorkerState,
  WorkerStats,
} from "./stats/cluster-stats.ts";
export type { ClusterWorker } from "./workers/cluster-worker.ts";
