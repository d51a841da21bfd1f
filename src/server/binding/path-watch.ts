/** Tells when what a path leads to may have changed, however it is exchanged: written anew, renamed, or by a symbolic link. */
import type { FSWatcher } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, parse, resolve, sep } from "node:path";

/** As Linux allows in one path (path_resolution(7)). */
const mostLinks = 40;

/** A folder on the way, and the names in it that the way goes through. */
interface Step {
  readonly names: Set<string>;
  /** A file or a symbolic link is in it, not only the next folder. */
  isEssential: boolean;
}

export interface PathWatchListener {
  /** Perhaps, and perhaps again soon. */
  changed(): void;
  /** A folder cannot be watched. */
  failed(folder: string, error: unknown): void;
}

/**
 * Watches every folder on the way to the files, so that a link in the middle may be turned, too (certbot's `live/`, the
 * `..data` of Kubernetes). Does not keep the process alive.
 */
export class PathWatch {
  readonly #paths: readonly string[];
  readonly #listener: PathWatchListener;
  #watchers: FSWatcher[] = [];
  #isClosed = false;

  constructor(paths: readonly string[], listener: PathWatchListener) {
    this.#paths = paths;
    this.#listener = listener;
  }

  /** Watches where the paths lead now: after each change, and before the files are read again. */
  async renew(): Promise<void> {
    let steps = await stepsTo(this.#paths);
    for (let attempt = 0; attempt < mostLinks; attempt += 1) {
      this.#watch(steps);
      // What was turned before its folder was watched has been told by nobody.
      const now = await stepsTo(this.#paths);
      if (keyOf(now) === keyOf(steps)) return;
      steps = now;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#end();
  }

  /** A watcher is a folder's, whatever its name is later: all of them are made anew. */
  #watch(steps: ReadonlyMap<string, Step>): void {
    this.#end();
    if (this.#isClosed) return;
    const { watch } = process.getBuiltinModule("node:fs");
    for (const [folder, { names, isEssential }] of steps) {
      const failed = (error: unknown): void => {
        if (isEssential && !this.#isClosed) this.#listener.failed(folder, error);
      };
      try {
        const watcher = watch(folder, { persistent: false }, (_event, name) => {
          // The folder's own name: it was itself moved or deleted.
          if (name === null || names.has(name) || name === basename(folder)) this.#listener.changed();
        });
        watcher.on("error", failed);
        this.#watchers.push(watcher);
      } catch (error) {
        failed(error);
      }
    }
  }

  #end(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }
}

async function stepsTo(paths: readonly string[]): Promise<Map<string, Step>> {
  const steps = new Map<string, Step>();
  for (const path of paths) await walk(resolve(path), steps);
  return steps;
}

/** Goes the way as the system does, link by link, until its end or until something is missing. */
async function walk(path: string, steps: Map<string, Step>): Promise<void> {
  const { root } = parse(path);
  let at = root;
  let rest = namesOf(path.slice(root.length));
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === "..") {
      at = dirname(at);
      continue;
    }
    const here = join(at, name);
    const target = await targetOf(here);
    const isPlainFolder = target === "" && rest.length > 0;
    // What lies in the root is mounted or made by the system; a link there may be turned all the same.
    if (!isPlainFolder || at !== root) note(steps, at, name, !isPlainFolder);
    if (target === undefined || links > mostLinks) return;
    if (target === "") {
      at = here;
      continue;
    }
    links += 1;
    rest = [...namesOf(target), ...rest];
    if (isAbsolute(target)) at = root;
  }
}

/** What a symbolic link says; empty for anything else, undefined when there is nothing. */
async function targetOf(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : "";
  } catch {
    return undefined;
  }
}

function note(steps: Map<string, Step>, folder: string, name: string, isEssential: boolean): void {
  const step = steps.get(folder) ?? { names: new Set<string>(), isEssential: false };
  step.names.add(name);
  step.isEssential ||= isEssential;
  steps.set(folder, step);
}

function namesOf(path: string): string[] {
  return path.split(sep === "\\" ? /[\\/]/ : sep).filter((name) => name !== "" && name !== ".");
}

function keyOf(steps: ReadonlyMap<string, Step>): string {
  return JSON.stringify([...steps].map(([folder, { names }]) => [folder, ...names]));
}
