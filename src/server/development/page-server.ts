import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
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
  readonly #server: Server;

  constructor(info: () => PageInfo) {
    this.#server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      if (pathname === "/server.json") {
        answer(response, 200, "application/json", JSON.stringify(info()));
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
    });
  }

  /** Resolves with the page's address. A port that is in use is replaced by a free one. */
  async listen(port: number): Promise<string> {
    try {
      await this.#listen(port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      await this.#listen(0);
    }
    return `http://localhost:${(this.#server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "localhost", () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }
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
