import { readFile } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the page needs to connect. */
export interface PageInfo {
  /** The address that the page connects to. */
  readonly url: string;
  /** SHA-256 of the certificate, hexadecimal. */
  readonly certificateHash: string;
}

const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  "/": ["page.html", "text/html; charset=utf-8"],
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
};

/** Serves the development server's page over plain HTTP on loopback: browsers treat http://localhost as secure. */
export class PageServer {
  readonly #info: () => PageInfo;
  #server: Server | undefined;

  constructor(info: () => PageInfo) {
    this.#info = info;
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
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/server.json") {
      answer(response, 200, "application/json", JSON.stringify(this.#info()));
      return;
    }
    const file = files[pathname];
    if (file === undefined) {
      answer(response, 404, "text/plain; charset=utf-8", "Not found\n");
      return;
    }
    readFile(new URL(file[0], import.meta.url)).then(
      (content) => {
        answer(response, 200, file[1], content);
      },
      (error: unknown) => {
        answer(response, 500, "text/plain; charset=utf-8", `${String(error)}\n`);
      },
    );
  }
}

function bind(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "localhost", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function answer(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-store",
    "content-security-policy": "default-src 'self'; connect-src 'self' https:; img-src data:",
    "x-content-type-options": "nosniff",
  });
  response.end(body);
}
