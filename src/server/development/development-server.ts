import { hostAndPort } from "../../base/host-and-port.ts";
import { generateSelfSignedCertificate } from "../../certificates/self-signed.ts";
import type { SelfSignedCertificate } from "../../certificates/self-signed.ts";
import { checkOptions } from "../../config/given-options.ts";
import { loggerOf } from "../../config/logger.ts";
import { anything, flag, functionOrObject, integer, text } from "../../config/option-checks.ts";
import type { Check } from "../../config/option-checks.ts";
import type { CertificateAndKey, ServerConfig } from "../../config/server-config.ts";
import type { QuicEngine } from "../../engine/engine.ts";
import { ServerError } from "../../errors/errors.ts";
import type { Address } from "../../transport/types.ts";

import { ServerApp } from "../app.ts";
import type { ServerAppConfigOptions } from "../app.ts";
import { checkServerCloseOptions } from "../server-options.ts";
import type { ListenOptions, ServerCloseOptions } from "../server-options.ts";
import type { PageInfo, PageServer } from "./page-server.ts";
import { echoHandler, healthCheckHandler } from "../handlers.ts";

/** Validity of a development certificate: browsers accept at most 14 days. */
const certificateDays = 13;

/** Sessions have little time at the stop of a development server: a client that drains at once still ends well. */
const closeTimeout = 500;

/** A new certificate takes over one day before the old one ends. */
const rotationInterval = (certificateDays - 1) * 24 * 3600 * 1000;

/** Options of a development server. */
export interface DevelopmentServerOptions {
  /** Default "localhost": both loopback addresses. */
  readonly host?: string;
  /** UDP port; 0 picks a free one. Default 4433. */
  readonly port?: number;
  /** Make a fresh certificate at each start, in memory, and rotate it; false: the configuration's own is used. Default true. */
  readonly generateCerts?: boolean;
  /** TCP port of the page on localhost; one that is in use is replaced by a free one. Default 8080. */
  readonly pagePort?: number;
  /** A folder whose files are served instead of the development page; /server.json tells them address and hash. */
  readonly publicDirectory?: string;
  /** Path that the page connects to. Default "/echo". */
  readonly pagePath?: string;
  readonly config?: ServerAppConfigOptions<Record<string, unknown>>;
  readonly engine?: QuicEngine;
}

const pagePath: Check = (value) =>
  typeof value === "string" && value.startsWith("/") ? undefined : 'must be a path, which starts with "/"';

const checks: Readonly<Record<string, Check>> = {
  host: text,
  port: integer(0, 65_535),
  generateCerts: flag,
  pagePort: integer(0, 65_535),
  publicDirectory: text,
  pagePath,
  config: functionOrObject,
  // The server's own.
  engine: anything,
};

/** A ServerApp with a certificate of its own and a page that a browser connects from. */
export class DevelopmentServer extends ServerApp {
  readonly #options: DevelopmentServerOptions;
  #page: PageServer | undefined;
  #certificate: SelfSignedCertificate | undefined;
  #rotation: NodeJS.Timeout | undefined;
  #pageUrl: string | undefined;

  /** Throws ConfigurationError. */
  constructor(options: DevelopmentServerOptions = {}) {
    checkOptions("DevelopmentServer", options, checks);
    const { host = "localhost", port = 4433, generateCerts = true, engine } = options;
    super({
      config: { logLevel: "debug", bindHost: host, bindPort: port, ...options.config },
      ...(engine === undefined ? {} : { engine }),
      ...(generateCerts ? { certificate: () => this.#newCertificate() } : {}),
    });
    this.#options = options;
    this.onShutdown(() => {
      clearInterval(this.#rotation);
      return this.#page?.close();
    });
  }

  /** The address that clients connect to. */
  get url(): string {
    const { host = "localhost", pagePath = "/echo" } = this.#options;
    const address = this.server.localAddress;
    if (address === undefined) throw new ServerError("Cannot tell the address: the server does not listen");
    const name = host === "::" || host === "0.0.0.0" ? "localhost" : host;
    return `https://${hostAndPort(name, address.port)}${pagePath}`;
  }

  /** The page's address; undefined before `listen`. */
  get pageUrl(): string | undefined {
    return this.#pageUrl;
  }

  /** SHA-256 of the certificate, hexadecimal; undefined when it was not made here. */
  get certificateHash(): string | undefined {
    return this.#certificate && Buffer.from(this.#certificate.certificateHash.value).toString("hex");
  }

  override async listen(options?: ListenOptions): Promise<Address> {
    const address = await super.listen(options);
    try {
      const { PageServer } = await import("./page-server.ts");
      const instance = process.getBuiltinModule("node:crypto").randomUUID();
      this.#page = new PageServer(() => this.#pageInfo(instance), this.#options.publicDirectory);
      this.#pageUrl = await this.#page.listen(this.#options.pagePort ?? 8080);
      if (!this.server.isServing) {
        // The shutdown hook came too early for it.
        await this.#page.close();
        throw new ServerError("Cannot listen: the server was closed before its page was there");
      }
    } catch (error) {
      await this.close({ timeout: 0 });
      throw error;
    }
    if (this.#certificate !== undefined) {
      this.#rotation = setInterval(() => {
        this.#rotate().catch((error: unknown) => {
          const logger = loggerOf(this.server.config.values);
          logger.error({ error }, "the development certificate could not be renewed; the old one is served on");
        });
      }, rotationInterval);
      this.#rotation.unref();
    }
    return address;
  }

  /** As {@link ServerApp.close}, but sessions have half a second by default. */
  override close(options: ServerCloseOptions = {}): Promise<void> {
    checkServerCloseOptions(options);
    return super.close({ timeout: closeTimeout, ...options });
  }

  #pageInfo(instance: string): PageInfo {
    return {
      url: this.url,
      certificateHash: this.certificateHash ?? "",
      state: this.server.isServing ? "serving" : "closing",
      instance,
      paths: this.routes().flatMap(({ path }) => (path === undefined ? [] : [path])),
    };
  }

  async #newCertificate(): Promise<CertificateAndKey> {
    const { host = "localhost" } = this.#options;
    // A zone ("fe80::1%eth0") means something on one machine only: no certificate has one.
    const name = host.replace(/%.*$/, "");
    const hostname = [...new Set([name, "localhost", "127.0.0.1", "::1"])];
    this.#certificate = await generateSelfSignedCertificate({ hostname, days: certificateDays });
    return this.#certificate;
  }

  async #rotate(): Promise<void> {
    this.server.updateCertificate(await this.#newCertificate());
  }
}

/**
 * A server for development: fresh ECDSA P-256 certificate (rotated before it ends), and a page at `pageUrl` that
 * fetches the certificate's hash and connects. Add routes to it as to any ServerApp.
 */
export function createDevelopmentServer(options: DevelopmentServerOptions = {}): DevelopmentServer {
  return new DevelopmentServer(options);
}

/** An app that echoes at "/", with {@link echoHandler}. */
export function createEchoServerApp(
  options: { readonly config?: ServerConfig | ServerAppConfigOptions<Record<string, unknown>> } = {},
): ServerApp {
  const app = new ServerApp(options);
  app.route("/", echoHandler);
  return app;
}

/** An app with "/health" ({@link healthCheckHandler}) and "/echo" ({@link echoHandler}). */
export function createSimpleApp(
  options: { readonly config?: ServerConfig | ServerAppConfigOptions<Record<string, unknown>> } = {},
): ServerApp {
  const app = new ServerApp(options);
  app.route("/health", healthCheckHandler);
  app.route("/echo", echoHandler);
  return app;
}
