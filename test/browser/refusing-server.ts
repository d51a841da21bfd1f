/** A server whose log, counts and middleware a test looks at, and pages of two origins that connect to it. */
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import type { Browser, Page } from "playwright-core";

import { generateSelfSignedCertificate } from "../../src/certificates/self-signed.ts";
import { ServerApp } from "../../src/server/app.ts";
import type { ServerAppConfigOptions } from "../../src/server/app.ts";
import type { Middleware } from "../../src/server/middleware/middleware.ts";
import type { ServerStats } from "../../src/server/server-stats.ts";

const identity = await generateSelfSignedCertificate();

export interface PageAttempt {
  readonly path: string;
  readonly host?: string;
  readonly protocols?: readonly string[];
  /** Trust this hash instead of the certificate's own. */
  readonly hash?: Uint8Array;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly kind: unknown;
  readonly status: unknown;
}

/** Pages of `http://localhost` and, as another origin, of `http://127.0.0.1`. */
export class TwoOrigins {
  readonly #browser: Browser;
  readonly #server: Server;
  #pages: Page[] = [];

  private constructor(browser: Browser, server: Server) {
    this.#browser = browser;
    this.#server = server;
  }

  static async open(browser: Browser): Promise<TwoOrigins> {
    const server = createServer((_request, response) => {
      response.setHeader("content-type", "text/html").end("<!doctype html><title>client</title>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new TwoOrigins(browser, server);
  }

  get allowed(): string {
    return `http://localhost:${this.#port}`;
  }

  /** A fresh one each time: Chromium lets a page wait ever longer whose sessions have failed. */
  async page(host: "localhost" | "127.0.0.1" = "localhost"): Promise<Page> {
    const page = await this.#browser.newPage();
    this.#pages.push(page);
    await page.goto(`http://${host}:${this.#port}/`);
    return page;
  }

  async closePages(): Promise<void> {
    const pages = this.#pages;
    this.#pages = [];
    await Promise.all(pages.map((page) => page.close()));
  }

  async close(): Promise<void> {
    await this.closePages();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
}

export class RefusingServer {
  readonly app: ServerApp;
  readonly lines: LogLine[] = [];
  /** Which middleware and handlers were asked, in order. */
  readonly trace: string[] = [];

  constructor(config: ServerAppConfigOptions<Record<string, unknown>> = {}) {
    const note = (level: string) => (fields: object, message: string) => {
      const { kind, status } = fields as Partial<Record<string, unknown>>;
      this.lines.push({ level, message, kind, status });
    };
    const logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
    const { cert, key } = identity;
    this.app = new ServerApp({ config: { cert, key, logger, accessLog: false, ...config } });
  }

  /** Middleware that refuses what has its name in the query's `stop`. */
  stopping(name: string): Middleware {
    return (request) => {
      this.trace.push(name);
      return request.url.searchParams.get("stop") !== name;
    };
  }

  /** What has become of an attempt, and what the server has noted of it. */
  async attempt(
    page: Page,
    attempt: PageAttempt,
  ): Promise<{ page: string; trace: string[]; lines: LogLine[]; refusals: Record<string, number> }> {
    this.trace.length = this.lines.length = 0;
    const before = this.app.server.getServerStats();
    const seen = await connectFrom(page, this.#url(attempt), {
      hash: [...(attempt.hash ?? identity.certificateHash.value)],
      protocols: [...(attempt.protocols ?? [])],
    });
    const refusals = changes(before, this.app.server.getServerStats());
    return { page: seen, trace: [...this.trace], lines: [...this.lines], refusals };
  }

  async listen(): Promise<this> {
    await this.app.listen({ host: "localhost", port: 0 });
    return this;
  }

  async close(): Promise<void> {
    await this.app.close({ timeout: 0 });
  }

  #url({ path, host = "127.0.0.1" }: PageAttempt): string {
    return `https://${host}:${this.app.server.localAddress?.port ?? 0}${path}`;
  }
}

/** Refusals by cause that are new. */
function changes(before: ServerStats, after: ServerStats): Record<string, number> {
  const counts = Object.entries(after.refusals).map(([kind, count]) => [
    kind,
    count - before.refusals[kind as keyof ServerStats["refusals"]],
  ]);
  return Object.fromEntries(counts.filter(([, count]) => count !== 0)) as Record<string, number>;
}

/** "ready" with the subprotocol, or how the page sees the failure. A session that is ready is left open. */
function connectFrom(
  page: Page,
  url: string,
  { hash, protocols }: { readonly hash: readonly number[]; readonly protocols: readonly string[] },
): Promise<string> {
  return page.evaluate(
    async (given) => {
      const transport = new WebTransport(given.url, {
        serverCertificateHashes: [{ algorithm: "sha-256", value: Uint8Array.from(given.hash) }],
        ...(given.protocols.length === 0 ? {} : { protocols: [...given.protocols] }),
      });
      const closed = transport.closed.then(
        () => "closed",
        (error: unknown) => (error as Error).name,
      );
      try {
        await transport.ready;
        Object.assign(window, { transport });
        return `ready ${(transport as { protocol?: string }).protocol ?? ""}`;
      } catch (error) {
        const { name, source } = error as WebTransportError;
        return `${name} of the ${source} before ready, closed: ${await closed}`;
      }
    },
    { url, hash, protocols },
  );
}
