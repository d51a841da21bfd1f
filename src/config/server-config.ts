import { connectionDefaults, serverDefaults as defaults } from "../constants/defaults.ts";
import { ConfigurationError } from "../errors/errors.ts";
import { otherCopyHint } from "../errors/other-copy.ts";

import { authorityOption } from "./authorities.ts";
import { Configuration } from "./configuration.ts";
import { checkBuffers, checkCertificate, connectionOptions, longest } from "./connection-options.ts";
import type { ConnectionConfigOptions, ConnectionOptionWithoutDefault } from "./connection-options.ts";
import type { ConfiguredMiddleware } from "./middleware.ts";
import { checkReload, namedCertificates } from "./named-certificates.ts";
import { aFunction, integer, listOf, optional } from "./option-checks.ts";
import { originFault } from "./origins.ts";
import {
  OptionTable,
  checkIsOptions,
  choiceOption,
  flagOption,
  listOption,
  numberOption,
  refused,
  textOption,
} from "./option-table.ts";

/** A certificate chain and its private key as PEM text. */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

/** Paths of the PEM files of a certificate chain and its private key. */
export interface CertificateFiles {
  readonly certfile: string;
  readonly keyfile: string;
}

/** What {@link ServerConfig.createForProduction} does not go without. */
export type ProductionOptions = ServerConfigOptions & {
  readonly bindHost: string;
  readonly bindPort: number;
} & (CertificateAndKey | CertificateFiles);

/** Durations in milliseconds, sizes in bytes. */
export interface ServerConfigOptions extends ConnectionConfigOptions {
  /** IP address or name to bind; `::` is dual stack. Default "localhost". */
  readonly bindHost?: string;
  /** UDP port, 0 to 65535; 0 picks a free one. Default 4433. */
  readonly bindPort?: number;
  /** Further certificates by the server name that the client asks for (SNI); "*.example.com" is for any one label in front. */
  readonly sni?: Readonly<Record<string, CertificateAndKey | CertificateFiles>>;
  /** Watch the certificates' files, those of `sni`, too, and serve what is renewed there. Default false. */
  readonly certificateReload?: boolean;
  /**
   * PEM of the authorities that client certificates must chain to; one that is its own authority may be among them, and an
   * intermediate one without its root. With `verifyMode` "optional" or "required" TLS sessions are not resumed, so that
   * each connection's certificate is verified.
   */
  readonly caCerts?: string;
  /** Client certificates: "none", "optional" or "required". Default "none". */
  readonly verifyMode?: "none" | "optional" | "required";
  /** QUIC connections, those in handshake included; 1 to 1000000. An idle one costs about 40 KiB. Default 10000. */
  readonly maxConnections?: number;
  /** Sessions and unanswered requests of all connections, 1 to 1000000; further requests get 429. Default 10000. */
  readonly maxSessions?: number;
  /** Sessions of one connection, 1 to 1024; further requests get 429. Default 16. */
  readonly maxSessionsPerConnection?: number;
  /**
   * QUIC connections of one client address, those in handshake included: IPv6 by /64, IPv4-mapped as IPv4; 1 to 1000000.
   * Further ones are refused before their handshake, and with `retry: "adaptive"` the second half of them must prove their
   * address first. Mind that people behind one router share an address. Default: no limit.
   */
  readonly maxConnectionsPerAddress?: number;
  /** Sessions and unanswered requests of one client address, as above; 1 to 1000000; further requests get 429. Default: no limit. */
  readonly maxSessionsPerAddress?: number;
  /** Open streams of each direction that this side opens on a connection, 1 to 1000000. Default 100. */
  readonly maxStreamsPerConnection?: number;
  /**
   * Bytes that all sessions of the server may hold unread, 65536 to 2^40. The windows of
   * connections that are not read grow by at most half of it together; such connections wait then, and the other half stays
   * for those that are read. Each connection
   * may hold its first window (half of `maxSessionBufferSize`, 8 MiB) besides, so the worst case is this and 8 MiB for every
   * connection that neither reads nor is closed: `maxConnections` bounds it. Default 512 MiB.
   */
  readonly maxTotalBufferSize?: number;
  /** SO_REUSEPORT. Default false. */
  readonly reusePort?: boolean;
  /** Address validation by Retry packets (RFC 9000 §8.1.2). Default "adaptive": when many handshakes are pending. */
  readonly retry?: "never" | "adaptive" | "always";
  /**
   * Hosts that are served, with or without a port: "example.com", "example.com:4433", "*.example.com" (one label in place of
   * the asterisk), "[::1]:4433". Requests for others are answered 421 (RFC 9110 §15.5.20). An entry without a port is for
   * every port. Default: none, and every host is served.
   */
  readonly authorities?: readonly string[];
  /**
   * Origins that may connect ("https://example.com", "https://*.example.com" with one label in place of the asterisk, or
   * "*"); others get 403, as do clients that send none. Without it middleware decides.
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * Asked about each session request, before the app's own and before it is routed. Typed `locals`: write it as
   * `Middleware<Locals>`, or hand it to `new ServerApp<Locals>`. Default: none.
   */
  readonly middleware?: readonly ConfiguredMiddleware[];
  /** Milliseconds that each middleware has for its answer, then the client gets 503; 0: without limit. Default 10000. */
  readonly middlewareTimeout?: number;
  /**
   * A line for each session that is accepted and for each that ends; refusals are logged always. Set it to false
   * when `createLoggingMiddleware` logs instead, or both write their lines. Default true.
   */
  readonly accessLog?: boolean;
  /** Leave the values of the query's parameters, which may be tokens, out of the paths in the log. Default true. */
  readonly redactQuery?: boolean;
}

const none: readonly ConfiguredMiddleware[] = Object.freeze([]);

function frozenCopy(value: unknown): unknown {
  return Object.freeze([...(value as readonly unknown[])]);
}

/** Every option: its default and what it allows. */
const table = new OptionTable<ServerConfigOptions>("ServerConfig", {
  ...connectionOptions(defaults.logLevel),
  bindHost: textOption(defaults.bindHost),
  bindPort: numberOption(defaults.bindPort, 0, 65_535),
  sni: { initial: undefined, check: optional(namedCertificates), secret: true },
  certificateReload: flagOption(false),
  caCerts: textOption(),
  verifyMode: choiceOption(defaults.verifyMode, "none", "optional", "required"),
  maxConnections: numberOption(defaults.maxConnections, 1, 1_000_000),
  maxSessions: numberOption(defaults.maxSessions, 1, 1_000_000),
  maxSessionsPerConnection: numberOption(connectionDefaults.maxSessionsPerConnection, 1, 1024),
  maxStreamsPerConnection: numberOption(connectionDefaults.maxOutgoingStreams, 1, 1_000_000),
  maxTotalBufferSize: numberOption(defaults.maxTotalBufferSize, 65_536, 2 ** 40),
  reusePort: flagOption(false),
  retry: choiceOption(defaults.retry, "never", "adaptive", "always"),
  authorities: authorityOption,
  maxConnectionsPerAddress: { initial: undefined, check: optional(integer(1, 1_000_000)), parse: Number },
  maxSessionsPerAddress: { initial: undefined, check: optional(integer(1, 1_000_000)), parse: Number },
  allowedOrigins: listOption(originFault),
  middleware: { initial: none, check: listOf(aFunction), live: true, capture: frozenCopy },
  middlewareTimeout: numberOption(defaults.middlewareTimeout, 0, longest),
  accessLog: flagOption(true),
  redactQuery: flagOption(true),
});

/** The options that have no default: what the application did not give stays undefined. */
type WithoutDefault =
  | ConnectionOptionWithoutDefault
  | "sni"
  | "caCerts"
  | "allowedOrigins"
  | "maxConnectionsPerAddress"
  | "maxSessionsPerAddress";

/** Every option of a server, defaults filled in. */
export type ServerConfigValues = Required<Omit<ServerConfigOptions, WithoutDefault>> & {
  readonly [Name in WithoutDefault]: ServerConfigOptions[Name] | undefined;
};

/** A server's options, checked and frozen: every option with its value or default. */
export class ServerConfig extends Configuration<ServerConfigOptions, ServerConfigValues> {
  private constructor(given: ServerConfigOptions) {
    super(table, given);
  }

  /** Throws ConfigurationError naming key, value and reason. */
  static create(given: ServerConfigOptions | ServerConfig = {}): ServerConfig {
    if (given instanceof ServerConfig) return given;
    const hint = otherCopyHint(given, "ServerConfig");
    if (hint !== "") throw new ConfigurationError(`config must be a ServerConfig${hint}`, { configKey: "config" });
    return new ServerConfig(given);
  }

  /** As {@link ServerConfig.create}, with every message logged. */
  static createForDevelopment(given: ServerConfigOptions = {}): ServerConfig {
    return new ServerConfig({ logLevel: "debug", ...given });
  }

  /**
   * As {@link ServerConfig.create}, for a server that others reach: address and certificate must be given. Client
   * certificates are asked for, and not required, when there are `caCerts`. Throws ConfigurationError.
   */
  static createForProduction(given: ProductionOptions): ServerConfig {
    checkIsOptions(table.owner, given);
    const options: ServerConfigOptions = given;
    const { bindHost, bindPort, cert, certfile, caCerts } = options;
    for (const [name, value] of Object.entries({ bindHost, bindPort })) {
      if (value === undefined) throw refused(name, undefined, "is missing: a server in production has a fixed address");
    }
    if ((cert ?? certfile) === undefined) {
      throw refused("certfile", undefined, "is missing: give certfile and keyfile (paths), or cert and key (PEM)");
    }
    return new ServerConfig({ ...(caCerts === undefined ? {} : { verifyMode: "optional" }), ...options });
  }

  /** From plain data, such as parsed JSON. Throws ConfigurationError. */
  static fromObject(data: Readonly<Record<string, unknown>>): ServerConfig {
    return new ServerConfig(data);
  }

  /** From variables such as `WT_BIND_PORT`; lists stand between commas. Throws ConfigurationError. */
  static fromEnvironment(
    prefix = "WT_",
    environment: Readonly<Record<string, string | undefined>> = process.env,
  ): ServerConfig {
    return new ServerConfig(table.fromEnvironment(environment, prefix));
  }

  /** `bindHost` and `bindPort`. */
  getBindAddress(): { host: string; port: number } {
    return { host: this.values.bindHost, port: this.values.bindPort };
  }

  protected override checkTogether(): void {
    checkCertificate(this.values);
    checkBuffers(this.values);
    checkReload(this.values);
    const { verifyMode, caCerts } = this.values;
    if (verifyMode !== "none" && caCerts === undefined) {
      throw refused("caCerts", undefined, `is needed with verifyMode "${verifyMode}"`);
    }
  }
}
