import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

import { ConfigurationError } from "../../errors/errors.ts";

/** What of this process decides how TypeScript is run. */
export interface RuntimeFacts {
  /** "22.17.0". */
  readonly version: string;
  /** Node strips types by itself, or was told to; Deno and Bun run TypeScript anyway. */
  readonly runsTypeScript: boolean;
  /** The path of `tsx` as the app's folder sees it; undefined when it is not installed there. */
  readonly tsx: string | undefined;
}

/**
 * The flags of Node that a process needs to run this module: none for JavaScript, and where Node runs TypeScript itself.
 * Throws ConfigurationError, saying what to do, where nothing can run it.
 */
export function typeScriptFlags(path: string, facts: RuntimeFacts = factsOf(path)): readonly string[] {
  if (!/\.[cm]?tsx?$/.test(path) || facts.runsTypeScript) return [];
  const [major = 0, minor = 0] = facts.version.split(".").map(Number);
  if (major === 22 && minor >= 6) return ["--experimental-strip-types", "--disable-warning=ExperimentalWarning"];
  if (facts.tsx !== undefined) return ["--import", pathToFileURL(facts.tsx).href];
  throw new ConfigurationError(
    `Cannot run ${path}: Node ${facts.version} does not run TypeScript. Install tsx beside it (npm install --save-dev ` +
      "tsx), use Node 22.18 or newer, or compile it and name the JavaScript file",
    { configKey: "app", configValue: path },
  );
}

function factsOf(path: string): RuntimeFacts {
  const { versions, features, execArgv } = process;
  const { typescript } = features as { typescript?: unknown };
  const isOtherRuntime = "bun" in versions || "deno" in versions;
  const hasLoader = execArgv.some((argument) => /[/\\]tsx[/\\]/.test(argument));
  return {
    version: versions.node,
    runsTypeScript: isOtherRuntime || hasLoader || (typescript !== undefined && typescript !== false),
    tsx: resolved("tsx", path),
  };
}

function resolved(name: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return undefined;
  }
}
