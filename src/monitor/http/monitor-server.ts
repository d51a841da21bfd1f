import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import { hostAndPort } from "../../base/host-and-port.ts";
import type { Logger } from "../../config/logger.ts";
import { ServerError } from "../../errors/errors.ts";
import type { Address } from "../../transport/types.ts";

import type { Access, CompleteServeOptions } from "./access.ts";
import { answer } from "./exchange.ts";
import type { MonitorRoute, MonitorView } from "./exchange.ts";

/** Connections at a time: a handful of scrapers, probes and people. */
const maxConnections = 256;
/** Requests of a connection at a time: a client that sends hundreds before it reads an answer would fill the memory. */
const maxRequests = 8;

/** Milliseconds. */
interface Patience {
  /** That a client has for its request. */
  readonly request: number;
  /** In which something of an answer must go out: a client that does not read keeps a connection from the others. */
  readonly answer: number;
}
const defaultPatience: Patience = Object.freeze({ request: 10_000, answer: 60_000 });

const responseHeaders = Object.freeze({
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
});

/** Where a monitor is served. */
export interface MonitorEndpoint extends AsyncDisposable {
  readonly address: Address;
  /** Of its root, with "/" at the end. */
  readonly url: string;
  /** Ends every answer that is under way. Idempotent. */
  close(): Promise<void>;
}

export interface MonitorServerInit extends CompleteServeOptions {
  readonly monitor: MonitorView;
  readonly routes: readonly MonitorRoute[];
  readonly logger: Logger;
  /** Default: 10 and 60 seconds. */
  readonly patience?: Patience;
}

/** The monitor's HTTP server. It does not keep the process alive. */
export class MonitorServer implements MonitorEndpoint {
  readonly address: Address;
  readonly url: string;
  readonly #server: Server;
  readonly #closing: AbortController;
  #closed: Promise<void> | undefined;

  private constructor(server: Server, closing: AbortController, name: string) {
    this.#server = server;
    this.#closing = closing;
    const { address, port, family } = server.address() as AddressInfo;
    this.address = { host: address, port, family: family === "IPv6" ? 6 : 4 };
    const host = name === "localhost" ? name : family === "IPv6" ? `[${address}]` : address;
    this.url = `http://${host}:${port}/`;
  }

  /** Rejects with ServerError when it cannot be bound. */
  static async listen(init: MonitorServerInit): Promise<MonitorServer> {
    const { host, port, patience = defaultPatience } = init;
    const closing = new AbortController();
    // Every answer that is under way listens to it.
    const dispatcher = new Dispatcher(init, closing.signal);
    const timeouts = {
      requestTimeout: patience.request,
      headersTimeout: patience.request,
      // By default Node looks each half minute.
      connectionsCheckingInterval: patience.request / 2,
    };
    const server = createServer(timeouts, (request, response) => {
      void dispatcher.dispatch(request, response);
    });
    server.timeout = patience.answer;
    server.maxConnections = maxConnections;
    server.unref();
    server.on("connection", (socket) => socket.unref());
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: Error) => {
        const bindAddress = hostAndPort(host, port);
        const text = `Cannot serve the monitor on ${bindAddress}: ${listenFault(error, port)}`;
        reject(new ServerError(text, { bindAddress, cause: error }));
      });
      server.listen({ host, port }, resolve);
    });
    // A later error (too many open files) is one client's.
    server.on("error", (error) => {
      init.logger.warn({ error }, "the monitor's HTTP server failed for a client");
    });
    return new MonitorServer(server, closing, host);
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#closing.abort();
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

class Dispatcher {
  readonly #monitor: MonitorView;
  readonly #access: Access;
  readonly #routes: readonly MonitorRoute[];
  readonly #logger: Logger;
  /** Of each client: its requests that are not answered completely. Node's `AbortSignal.any` would keep something of each. */
  readonly #pending = new Map<Socket, Set<AbortController>>();

  constructor({ monitor, access, routes, logger }: MonitorServerInit, closing: AbortSignal) {
    this.#monitor = monitor;
    this.#access = access;
    this.#routes = routes;
    this.#logger = logger;
    closing.addEventListener("abort", () => {
      for (const pending of this.#pending.values()) abortAll(pending);
    });
  }

  /** Never rejects. */
  async dispatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const pending = this.#pendingOf(socket);
    if (socket.destroyed || pending.size >= maxRequests) {
      socket.destroy();
      return;
    }
    const answering = new AbortController();
    pending.add(answering);
    response.once("close", () => {
      pending.delete(answering);
      answering.abort();
    });
    // Of a client that has gone.
    response.on("error", () => {});
    try {
      for (const [name, value] of Object.entries(responseHeaders)) response.setHeader(name, value);
      await this.#answer(request, response, answering.signal);
    } catch (error) {
      this.#logger.error({ error, path: request.url }, "the monitor could not answer a request");
      if (response.headersSent) response.destroy();
      else answer({ request, response }, 500, "Internal server error\n");
    }
  }

  #pendingOf(socket: Socket): Set<AbortController> {
    const known = this.#pending.get(socket);
    if (known !== undefined) return known;
    const pending = new Set<AbortController>();
    this.#pending.set(socket, pending);
    socket.once("close", () => {
      this.#pending.delete(socket);
      abortAll(pending);
    });
    return pending;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const url = urlOf(request);
    if (url === undefined) {
      answer({ request, response }, 400, "Bad request\n");
      return;
    }
    const route = this.#routes.find(({ path }) => matches(path, url.pathname));
    const { methods = ["GET", "HEAD"] } = route ?? {};
    if (!methods.includes(request.method ?? "")) {
      answer({ request, response }, 405, `Only ${methods.join(" and ")} are allowed\n`, { allow: methods.join(", ") });
      return;
    }
    // The client may have gone while `authorize` was asked.
    if (!(await this.#isAdmitted(request, response, route)) || signal.aborted) return;
    if (route === undefined) {
      answer({ request, response }, 404, "Not found\n");
      return;
    }
    await route.handle({ monitor: this.#monitor, access: this.#access, request, response, url, signal });
  }

  async #isAdmitted(
    request: IncomingMessage,
    response: ServerResponse,
    route: MonitorRoute | undefined,
  ): Promise<boolean> {
    if (isForeign(request)) {
      answer({ request, response }, 403, "Not allowed\n");
      return false;
    }
    const isOpen = route?.isOpen === true && this.#access.admitsHost(request);
    const needsToken = route?.isOpen !== "to-log-in";
    switch (isOpen ? "admitted" : await this.#access.verdictOn(request, needsToken)) {
      case "admitted":
        return true;
      case "wrong-host":
        answer({ request, response }, 421, "The Host header names another machine: see allowedHosts\n");
        return false;
      case "unauthorized":
        refuse(request, response, route);
        return false;
      case "forbidden":
        answer({ request, response }, 403, "Not allowed\n");
        return false;
    }
  }
}

function abortAll(pending: ReadonlySet<AbortController>): void {
  for (const answering of pending) answering.abort();
}

/**
 * Sent by a page of another site. It could not read the answer, but answers cost something; links lead here all the same.
 * Browsers tell; other clients need not.
 */
function isForeign({ headers }: IncomingMessage): boolean {
  return headers["sec-fetch-site"] === "cross-site" && headers["sec-fetch-mode"] !== "navigate";
}

function refuse(request: IncomingMessage, response: ServerResponse, route: MonitorRoute | undefined): void {
  if (route?.unauthorized === "login") {
    // Relative, so that a proxy may serve it below a path of its own.
    answer({ request, response }, 303, "Log in first\n", { location: "login" });
    return;
  }
  const headers: Readonly<Record<string, string>> =
    route?.unauthorized === "silent" ? {} : { "www-authenticate": challenge };
  answer({ request, response }, 401, "The monitor's token is needed\n", headers);
}

const challenge = 'Basic realm="tswebtransport monitor", charset="UTF-8"';

function urlOf({ url = "" }: IncomingMessage): URL | undefined {
  // The absolute form is for proxies.
  const text = `http://monitor.invalid${url}`;
  return url.startsWith("/") && URL.canParse(text) ? new URL(text) : undefined;
}

function matches(path: string, pathname: string): boolean {
  return path.endsWith("*") ? pathname.startsWith(path.slice(0, -1)) : path === pathname;
}

function listenFault(error: NodeJS.ErrnoException, port: number): string {
  if (error.code !== "EADDRINUSE") return error.message;
  return `TCP port ${port} is in use. End the program that has it, or choose another port (0 picks a free one)`;
}
