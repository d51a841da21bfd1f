import { readFile, realpath } from "node:fs/promises";
import { extname, join, sep } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".mp4": "video/mp4",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webm": "video/webm",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

/** What reading fails with where a file is not there, or is none. */
const absent: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "EISDIR", "ENAMETOOLONG", "ERR_INVALID_ARG_VALUE"]);

/** The files of a folder, for a page in development. Nothing outside of it, also not through links, and no hidden file. */
export class PublicFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** By a URL's path; a folder's is its index.html. Undefined when there is no such file. */
  async read(pathname: string): Promise<{ readonly content: Uint8Array; readonly type: string } | undefined> {
    const name = fileName(pathname);
    if (name === undefined) return undefined;
    try {
      const [root, path] = await Promise.all([realpath(this.#directory), realpath(join(this.#directory, name))]);
      if (!path.startsWith(root + sep)) return undefined;
      return { content: await readFile(path), type: types[extname(path).toLowerCase()] ?? "application/octet-stream" };
    } catch (error) {
      if (absent.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw error;
    }
  }
}

function fileName(pathname: string): string | undefined {
  let path: string;
  try {
    path = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  const segments = path.split(/[/\\]/).filter((segment) => segment !== "");
  if (segments.some((segment) => segment.startsWith("."))) return undefined;
  return path.endsWith("/") ? join(...segments, "index.html") : join(...segments);
}
