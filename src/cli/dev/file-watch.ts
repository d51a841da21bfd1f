import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

/** What is watched in a folder; other files count only when they are named. */
const isCode = (name: string): boolean => /\.[cm]?[jt]sx?$/.test(name);

/** Folders that hold no code of the app's. */
const isForeign = (name: string): boolean => name === "node_modules" || name.startsWith(".");

/** Milliseconds without a change after which a change is told: editors and compilers write several files. */
const quietTime = 100;

export interface FileWatchOptions {
  readonly changed: (path: string) => void;
  /** A folder that cannot be watched. */
  readonly failed: (path: string, error: Error) => void;
}

/** Watches folders with the code in them and below, and single files. */
export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #folders = new Set<string>();
  readonly #files = new Set<string>();
  #quiet: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
  }

  /** A folder's code, or a file. Resolves when it is watched; nothing happens for what is not there. */
  async add(path: string): Promise<void> {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) return;
    if (found.isDirectory()) await this.#addFolder(path);
    else this.addFile(path);
  }

  addFile(path: string): void {
    if (this.#files.has(path)) return;
    this.#files.add(path);
    // The folder, because editors replace a file by another one.
    this.#watch(dirname(path));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#quiet);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  async #addFolder(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    this.#folders.add(path);
    this.#watch(path);
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (entry.isDirectory() && !isForeign(entry.name)) await this.#addFolder(join(path, entry.name));
    }
  }

  #watch(folder: string): void {
    if (this.#isClosed || this.#watchers.has(folder)) return;
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name !== null) this.#changed(folder, name);
      });
      watcher.on("error", () => {
        this.#forget(folder);
      });
      this.#watchers.set(folder, watcher);
    } catch (error) {
      this.#options.failed(folder, error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** The folder is gone. */
  #forget(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
    this.#folders.delete(folder);
  }

  #changed(folder: string, name: string): void {
    const path = join(folder, name);
    if (this.#files.has(path) || (this.#folders.has(folder) && isCode(name))) {
      this.#tellSoon(path);
    } else if (this.#folders.has(folder) && !isForeign(name)) {
      void this.#addNewFolder(path);
    }
  }

  async #addNewFolder(path: string): Promise<void> {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() !== true || this.#folders.has(path)) return;
    await this.#addFolder(path);
    // Code may have been written there before it was watched.
    const names = await readdir(path).catch(() => []);
    const code = names.find(isCode);
    if (code !== undefined) this.#tellSoon(join(path, code));
  }

  #tellSoon(path: string): void {
    if (this.#isClosed) return;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      this.#options.changed(path);
    }, quietTime);
  }
}
