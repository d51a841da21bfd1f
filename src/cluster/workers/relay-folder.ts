import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { errorLine } from "../../base/error-text.ts";
import { ServerError } from "../../errors/errors.ts";

/** What the path of a Unix socket may have at most (unix(7); macOS allows 104), its end included. */
const longestSocketPath = 104;
const folderPrefix = "tswt-";
/** Characters that mkdtemp puts behind the prefix, so that the folder's name is its own. */
const randomPart = 6;
/** Bytes behind the parent folder's path at most: of the folder, and of a socket, whose name is a count; each with its slash. */
const longestRest = 1 + folderPrefix.length + randomPart + 1 + String(Number.MAX_SAFE_INTEGER).length;

/** Where the workers have their local sockets. Only this user can enter it: whoever reaches a socket can hand it packets. */
export class RelayFolder {
  /** The last is in use. */
  readonly #folders: string[] = [];
  #count = 0;

  /** Throws ServerError. */
  constructor() {
    this.#folders.push(newFolder());
  }

  /** A path that was never given before: a process that ends may take its socket away late. Throws ServerError. */
  newPath(): string {
    let folder = this.#folders.at(-1);
    // What cleans the temporary files of a machine may have taken it away. Its name is known, so it is not made anew.
    if (folder === undefined || !process.getBuiltinModule("node:fs").existsSync(folder)) {
      folder = newFolder();
      this.#folders.push(folder);
    }
    this.#count += 1;
    return join(folder, String(this.#count));
  }

  async remove(): Promise<void> {
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

function newFolder(): string {
  const parent = shortEnough(tmpdir()) || process.platform === "win32" ? tmpdir() : "/tmp";
  try {
    return process.getBuiltinModule("node:fs").mkdtempSync(join(parent, folderPrefix));
  } catch (error) {
    const text = `Cannot make a folder for the workers' local sockets in ${parent}: ${errorLine(error)}. TMPDIR names another place`;
    throw new ServerError(text, { cause: error });
  }
}

function shortEnough(folder: string): boolean {
  return Buffer.byteLength(folder) + longestRest < longestSocketPath;
}
