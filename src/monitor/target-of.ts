import { inspect } from "node:util";

import type { AppModule } from "../cluster/cluster-options.ts";
import { ServerCluster } from "../cluster/cluster.ts";
import { ConfigurationError } from "../errors/errors.ts";
import { otherCopyHint } from "../errors/other-copy.ts";
import { ServerApp } from "../server/app.ts";
import { WebTransportServer } from "../server/server.ts";

import { ClusterTarget } from "./cluster-target.ts";
import { ServerTarget } from "./server-target.ts";
import type { MonitorTarget } from "./target.ts";

/** What a monitor can watch. */
export type Monitored =
  WebTransportServer | ServerCluster<AppModule | undefined> | { readonly server: WebTransportServer } | MonitorTarget;

/** Throws ConfigurationError for what cannot be watched. */
export function targetOf(monitored: Monitored): MonitorTarget {
  if (monitored instanceof WebTransportServer) return new ServerTarget(monitored);
  if (monitored instanceof ServerApp) return new ServerTarget(monitored.server);
  if (monitored instanceof ServerCluster) return new ClusterTarget(monitored);
  if (isObject(monitored)) {
    if ("server" in monitored && monitored.server instanceof WebTransportServer)
      return new ServerTarget(monitored.server);
    if (isTarget(monitored)) return monitored;
  }
  const hint = otherCopyHint(monitored, "WebTransportServer", "ServerApp", "ServerCluster");
  const shown = inspect(monitored, { depth: 0 });
  const text = `Cannot monitor ${shown}: give a WebTransportServer, a ServerApp or a cluster${hint}`;
  throw new ConfigurationError(text, { configKey: "server" });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isTarget(value: object): value is MonitorTarget {
  const { sample, measure, listSessions, session } = value as Partial<Record<keyof MonitorTarget, unknown>>;
  return [sample, measure, listSessions, session].every((method) => typeof method === "function");
}
