import type { ListenOptions, ServerCloseOptions, WebTransportServer } from "../server/server.ts";
import type { Address } from "../transport/types.ts";

/**
 * What a worker of a cluster runs: a ServerApp, or anything else with a server of its own that listens and closes as one. It
 * hands the options on to its server: they have the worker's part of the UDP port.
 */
export interface ClusterApp {
  readonly server: Pick<WebTransportServer, "getServerStats" | "diagnoseIssues">;
  listen(options: ListenOptions): Promise<Address>;
  close(options: ServerCloseOptions): Promise<void>;
}
