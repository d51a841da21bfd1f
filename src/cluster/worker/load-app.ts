import type { ServerConfig } from "../../config/server-config.ts";
import type { QuicEngine } from "../../engine/engine.ts";
import { ServerError } from "../../errors/errors.ts";
import { readCertificate } from "../../server/binding/certificates.ts";
import type { ListenOptions } from "../../server/server.ts";
import type { ClusterApp } from "../cluster-app.ts";

export interface LoadedApp {
  readonly app: ClusterApp;
  /** What the app listens with, beside its address. */
  readonly listenOptions: ListenOptions;
  /** Options of the cluster's configuration that the app does not use, because it has its own. */
  readonly unused: readonly string[];
}

/** Options that reach an app that has a configuration of its own, too. */
const handedOn: readonly string[] = ["bindHost", "bindPort", "cert", "key", "certfile", "keyfile"];

/**
 * Loads the module and makes the app of its default export. `given`: the options of the configuration that are not default.
 * Rejects as the module does, or with ServerError.
 */
export async function loadApp(
  url: string,
  config: ServerConfig,
  given: readonly string[],
  engine: QuicEngine,
): Promise<LoadedApp> {
  const module = (await import(url)) as { readonly default?: unknown };
  if (module.default === undefined) {
    throw new ServerError(`${url} has no default export: it must be a ServerApp, or a function (config) => ServerApp`);
  }
  if (typeof module.default === "function") {
    const make = module.default as (config: ServerConfig) => unknown;
    return {
      app: appOf(await make(config), `what the default export of ${url} returns`),
      listenOptions: { engine },
      unused: [],
    };
  }
  const app = appOf(module.default, `the default export of ${url}`);
  const { cert, certfile } = config.values;
  return {
    app,
    listenOptions: {
      engine,
      ...(cert === undefined && certfile === undefined ? {} : { certificate: () => readCertificate(config.values) }),
    },
    unused: given.filter((name) => !handedOn.includes(name)),
  };
}

function appOf(value: unknown, what: string): ClusterApp {
  const app = value as Partial<ClusterApp> | null | undefined;
  const isApp =
    typeof app === "object" && app !== null && typeof app.listen === "function" && typeof app.close === "function";
  const server = app?.server as Partial<ClusterApp["server"]> | null | undefined;
  const isServer = typeof server?.getServerStats === "function" && typeof server.diagnoseIssues === "function";
  if (isApp && isServer) return app as ClusterApp;
  throw new ServerError(`Cannot use ${what}: it must be a ServerApp, or a function (config) => ServerApp`);
}
