import type { ServerConfig } from "../config/server-config.ts";
import type { ServerCloseOptions } from "../server/server.ts";
import type { ServerStats } from "../server/server-stats.ts";
import type { Address } from "../transport/types.ts";

/** A server of a cluster: a `WebTransportServer` of this process, or a {@link ClusterWorker} with a process of its own. */
export interface ClusterMember {
  readonly config: ServerConfig;
  readonly isServing: boolean;
  /** As bound: with the resolved host and the port that was picked. Undefined before it listens. */
  readonly localAddress: Address | undefined;
  getServerStats(): ServerStats | Promise<ServerStats>;
  diagnoseIssues(): Promise<string[]>;
  close(options?: ServerCloseOptions): Promise<void>;
}
