import { ServerConfig } from "../config/server-config.ts";
import type { ServerConfigOptions } from "../config/server-config.ts";

import { ClientConfig } from "./client-config.ts";
import type { ClientConfigOptions } from "./client-config.ts";

/** Every option that has a default, with it: a new object at each call, which can be given to `create`. */
export const Defaults = Object.freeze({
  getServerConfig: (): ServerConfigOptions => withoutUndefined(ServerConfig.create().values),
  getClientConfig: (): ClientConfigOptions => withoutUndefined(ClientConfig.create().values),
});

function withoutUndefined(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
