import { inspect } from "node:util";

import { refused } from "../../config/option-table.ts";
import { ServerConfig } from "../../config/server-config.ts";
import type { ServerConfigOptions } from "../../config/server-config.ts";

const defaults: Readonly<Record<string, unknown>> = { ...ServerConfig.create().values };

/**
 * What of a configuration differs from the defaults, as data that can be sent to another process. Throws
 * ConfigurationError for an option that cannot: functions, and objects with functions.
 */
export function crossingConfig(config: ServerConfig): ServerConfigOptions {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(config.values)) {
    if (value === defaults[name]) continue;
    given[name] = cloned(name, value);
  }
  return given;
}

function cloned(name: string, value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    throw refused(
      name,
      undefined,
      `of a cluster with \`app\` cannot be sent to the worker processes, because it has functions (${inspect(value, { depth: 0 })}): ` +
        "set it in the app's module",
    );
  }
}
