import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { refused } from "../../config/option-table.ts";
import type { AppModule } from "../cluster-options.ts";

/**
 * The URL that a worker imports. Throws ConfigurationError for what is no module of this machine, and for TypeScript where
 * Node cannot run it.
 */
export function appModuleUrl(app: AppModule, execArgv: readonly string[] = process.execArgv): string {
  const url = urlOf(app);
  if (url.protocol !== "file:" && url.protocol !== "data:") {
    throw refused("app", String(app), "must be a file: URL or a path");
  }
  if (/\.[cm]?ts$/.test(url.pathname) && !runsTypeScript(execArgv)) {
    throw refused(
      "app",
      String(app),
      `is TypeScript, which Node ${process.versions.node} cannot run: use Node 22.18 or newer, compile it to JavaScript, ` +
        'or give `execArgv` a loader (["--import", "tsx"])',
    );
  }
  return url.href;
}

function urlOf(app: AppModule): URL {
  if (app instanceof URL) return app;
  // A drive's letter is no scheme.
  if (isAbsolute(app) || !/^[a-z][a-z0-9+.-]+:/i.test(app)) return pathToFileURL(resolve(app));
  if (!URL.canParse(app)) throw refused("app", app, "must be a file: URL or a path");
  return new URL(app);
}

/** Node says so itself, or a loader may do it. */
function runsTypeScript(execArgv: readonly string[]): boolean {
  const { typescript } = process.features as { readonly typescript?: unknown };
  if (typescript === "strip" || typescript === "transform") return true;
  return execArgv.some((argument) => /^(--import|--loader|--experimental-loader|--require|-r)\b/.test(argument));
}
