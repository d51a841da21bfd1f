import { readFile } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { PublicFiles } from "./public-files.ts";

/** What the page needs to connect, at /server.json. */
export interface PageInfo {
  /** The address that the page connects to. */
  readonly url: string;
  /** SHA-256 of the certificate, hexadecimal. */
  readonly certificateHash: string;
  /** "failed": the app does not run, and `problem` says why. */
  readonly state: "starting" | "serving" | "closing" | "failed";
  /** Another one after each start of the app: a page whose session has ended connects again by that. */
  readonly instance: string;
  /** Paths of the app's routes. */
  readonly paths: readonly string[];
  readonly problem?: string;
}

const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  "/": ["page.html", "text/html; charset=utf-8"],
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
};

/** Serves the development server's page over plain HTTP on loopback: browsers treat http://localhost as secure. */
export class PageServer {
  readonly #info: () => PageInfo;
  readonly #publicFiles: PublicFiles | undefined;
  #server: Server | undefined;

  /** `publicDirectory`: its files are served instead of the development page. */
  constructor(info: () => PageInfo, publicDirectory?: string) {
    this.#info = info;
    this.#publicFiles = publicDirectory === undefined ? undefined : new PublicFiles(publicDirectory);
  }

  /** Resolves with the page's address. A port that is in use is replaced by a free one. */
  async listen(port: number): Promise<string> {
    // Not before it is needed: loading it takes longer than everything else of a server's start.
    const { createServer } = await import("node:http");
    const server = createServer((request, response) => {
      this.#serve(request, response);
    });
    this.#server = server;
    try {
      await bind(server, port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      await bind(server, 0);
    }
    return `http://localhost:${(server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server?.listening !== true) return;
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const pathname = pathOf(request.url);
    if (pathname === "/server.json") {
      answer(response, 200, "application/json", JSON.stringify(this.#info()));
      return;
    }
    if (this.#publicFiles !== undefined) {
      this.#servePublic(this.#publicFiles, pathname, response);
      return;
    }
    const file = Object.hasOwn(files, pathname) ? files[pathname] : undefined;
    if (file === undefined) {
      answer(response, 404, "text/plain; charset=utf-8", "Not found\n");
      return;
    }
    readFile(new URL(file[0], import.meta.url)).then(
      (content) => {
        response.setHeader("content-security-policy", pagePolicy);
        answer(response, 200, file[1], content);
      },
      (error: unknown) => {
        answer(response, 500, "text/plain; charset=utf-8", `${String(error)}\n`);
      },
    );
  }

  #servePublic(publicFiles: PublicFiles, pathname: string, response: ServerResponse): void {
    publicFiles.read(pathname).then(
      (file) => {
        if (file === undefined) answer(response, 404, "text/plain; charset=utf-8", "Not found\n");
        else answer(response, 200, file.type, file.content);
      },
      (error: unknown) => {
        answer(response, 500, "text/plain; charset=utf-8", `${String(error)}\n`);
      },
    );
  }
}

/** The development page needs nothing but its own files and sessions. */
const pagePolicy = "default-src 'self'; connect-src 'self' https:; img-src data:";

function bind(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "localhost", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** "" for what is no path: nothing is found there. */
function pathOf(url: string | undefined): string {
  const target = URL.canParse(url ?? "/", "http://localhost") ? new URL(url ?? "/", "http://localhost") : undefined;
  return target?.pathname ?? "";
}

function answer(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(body);
}
