import { authorityOption } from "./authorities.ts";
import { Configuration } from "./configuration.ts";
import { checkCertificate, connectionOptions } from "./connection-options.ts";
import type { ConnectionConfigOptions, ConnectionOptionWithoutDefault } from "./connection-options.ts";
import { checkReload, namedCertificates } from "./named-certificates.ts";
import { optional } from "./option-checks.ts";
import {
  OptionTable,
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
  /** PEM of the authorities that client certificates must chain to; one that is its own authority may be among them. */
  readonly caCerts?: string;
  /** Client certificates: "none", "optional" or "required". Default "none". */
  readonly verifyMode?: "none" | "optional" | "required";
  /** QUIC connections, those in handshake included; 1 to 1000000. An idle one costs about 40 KiB. Default 10000. */
  readonly maxConnections?: number;
  /** Sessions and unanswered requests of all connections, 1 to 1000000; further requests get 429. Default 10000. */
  readonly maxSessions?: number;
  /** Sessions of one connection, 1 to 1024; further requests get 429. Default 16. */
  readonly maxSessionsPerConnection?: number;
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
  /** Exact origins that may connect; others get 403, as do clients that send none. Without it middleware decides. */
  readonly allowedOrigins?: readonly string[];
  /** A line for each session that is accepted and for each that ends; refusals are logged always. Default true. */
  readonly accessLog?: boolean;
}

const MiB = 1024 * 1024;
/** Every option: its default and what it allows. */
const table = new OptionTable<ServerConfigOptions>("ServerConfig", {
  ...connectionOptions("info"),
  bindHost: textOption("localhost"),
  bindPort: numberOption(4433, 0, 65_535),
  sni: { initial: undefined, check: optional(namedCertificates), secret: true },
  certificateReload: flagOption(false),
  caCerts: textOption(),
  verifyMode: choiceOption("none", "none", "optional", "required"),
  maxConnections: numberOption(10_000, 1, 1_000_000),
  maxSessions: numberOption(10_000, 1, 1_000_000),
  maxSessionsPerConnection: numberOption(16, 1, 1024),
  maxStreamsPerConnection: numberOption(100, 1, 1_000_000),
  maxTotalBufferSize: numberOption(512 * MiB, 65_536, 2 ** 40),
  reusePort: flagOption(false),
  retry: choiceOption("adaptive", "never", "adaptive", "always"),
  authorities: authorityOption,
  allowedOrigins: listOption(),
  accessLog: flagOption(true),
});

/** The options that have no default: what the application did not give stays undefined. */
type WithoutDefault = ConnectionOptionWithoutDefault | "sni" | "caCerts" | "allowedOrigins";

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
    return given instanceof ServerConfig ? given : new ServerConfig(given);
  }

  /** As {@link ServerConfig.create}, with every message logged. */
  static createForDevelopment(given: ServerConfigOptions = {}): ServerConfig {
    return new ServerConfig({ logLevel: "debug", ...given });
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

  getBindAddress(): { host: string; port: number } {
    return { host: this.values.bindHost, port: this.values.bindPort };
  }

  protected override checkTogether(): void {
    checkCertificate(this.values);
    checkReload(this.values);
    const { verifyMode, caCerts } = this.values;
    if (verifyMode !== "none" && caCerts === undefined) {
      throw refused("caCerts", undefined, `is needed with verifyMode "${verifyMode}"`);
    }
  }
}
