import type { ServerConfig } from "../config/server-config.ts";
import type { ServerCloseOptions } from "../server/server.ts";
import type { ClusterMember } from "./cluster-member.ts";
import type { BackendInspection } from "./inspection.ts";
import type { ClusterStats } from "./stats/cluster-stats.ts";

/** Names a UDP port of a cluster. */
export interface ServerAddress {
  /** As bound ("127.0.0.1", not "localhost"). */
  readonly host: string;
  readonly port: number;
}

/** Where a cluster's servers run. Its calls come one after the other; only `stop`, `stats` and `inspect` may come at any time. */
export interface ClusterBackend {
  readonly members: readonly ClusterMember[];
  /** Starts a server for each. When one cannot start, none is left; rejects with an AggregateError of every cause. */
  start(configs: readonly ServerConfig[]): Promise<void>;
  stop(options: ServerCloseOptions): Promise<void>;
  add(config: ServerConfig): Promise<ClusterMember>;
  remove(address: ServerAddress): Promise<boolean>;
  restart(): Promise<void>;
  scale(workers: number, address: ServerAddress | undefined): Promise<void>;
  stats(): Promise<Omit<ClusterStats, "bus">>;
  inspect(): BackendInspection;
}
