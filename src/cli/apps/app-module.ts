import { stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { ServerConfig } from "../../config/server-config.ts";
import type { ServerConfigOptions } from "../../config/server-config.ts";
import { ConfigurationError } from "../../errors/errors.ts";
import type { ServerApp } from "../../server/app.ts";

import { UsageError } from "../usage-error.ts";

/** Of a module's exports. */
const shownNames = 5;

/** The absolute path of an app's module. Throws UsageError when there is no such file, or Node cannot run it. */
export async function appPath(given: string): Promise<string> {
  const path = resolve(given);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new UsageError(`There is no file ${given}`);
  if (!found.isFile()) throw new UsageError(`${given} is no file`);
  // Without an extension it may be a module, too.
  if (/^$|^\.[cm]?[jt]sx?$/.test(extname(path))) return path;
  throw new UsageError(`${given} is no module: name a file of JavaScript or TypeScript, such as app.js or app.ts`);
}

/**
 * Imports the module and gives its app: its default export, or what it exports as `app`. A function there is called with the
 * configuration. Rejects with ConfigurationError when it is neither, and as the module itself does.
 */
export async function loadApp(path: string, config: ServerConfigOptions): Promise<ServerApp> {
  const module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  const exported = module["default"] ?? module["app"];
  const app: unknown = typeof exported === "function" ? await call(exported, config) : exported;
  if (isApp(app)) return app;
  const found = exported === undefined ? `it exports ${listed(Object.keys(module))}` : "its export is none";
  throw new ConfigurationError(
    `Cannot find an app in ${path}: ${found}. Write: export default new ServerApp(); or export default (config) => new ` +
      "ServerApp({ config })",
    { configKey: "app", configValue: path },
  );
}

/** The first few say enough. */
function listed(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  const shown = names.slice(0, shownNames).join(", ");
  return names.length > shownNames ? `${shown} and ${names.length - shownNames} more` : shown;
}

function call(make: unknown, config: ServerConfigOptions): unknown {
  return (make as (config: ServerConfig) => unknown)(ServerConfig.create(config));
}

/** By its shape: the app may have been made by another copy of this package. */
function isApp(value: unknown): value is ServerApp {
  if (typeof value !== "object" || value === null) return false;
  return ["listen", "close", "run", "routes"].every(
    (name) => typeof (value as Readonly<Record<string, unknown>>)[name] === "function",
  );
}
