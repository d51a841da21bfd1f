import { inspect } from "node:util";

import type { DraftSelection } from "../constants/drafts.ts";

import type { Logger, LogLevel } from "./logger.ts";
import { consoleLogger } from "./logger.ts";
import { aFunction, draftSelection, functionOrObject, listOf, optional } from "./option-checks.ts";
import type { Check } from "./option-checks.ts";
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

/** Durations in milliseconds, sizes in bytes. */
export interface ServerConfigOptions {
  /** IP address or name to bind; `::` is dual stack. Default "localhost". */
  readonly bindHost?: string;
  /** UDP port, 0 to 65535; 0 picks a free one. Default 4433. */
  readonly bindPort?: number;
  /** PEM chain, leaf first. */
  readonly cert?: string;
  /** PEM private key (PKCS#8, PKCS#1 or SEC1). */
  readonly key?: string;
  /** Path of the PEM chain, instead of `cert`. */
  readonly certfile?: string;
  /** Path of the PEM key, instead of `key`. */
  readonly keyfile?: string;
  /** Further certificates by the server name that the client asks for (SNI). */
  readonly sni?: Readonly<Record<string, CertificateAndKey>>;
  /** PEM of the authorities that client certificates must chain to. */
  readonly caCerts?: string;
  /** Client certificates: "none", "optional" or "required". Default "none". */
  readonly verifyMode?: "none" | "optional" | "required";
  /** QUIC connections, those in handshake included; 1 to 1000000. An idle one costs about 40 KiB. Default 10000. */
  readonly maxConnections?: number;
  /** Sessions of all connections, 1 to 1000000; further requests get 429. Default 10000. */
  readonly maxSessions?: number;
  /** Sessions of one connection, 1 to 1024; further requests get 429. Default 16. */
  readonly maxSessionsPerConnection?: number;
  /** Open streams of each direction that this side opens on a connection, 1 to 1000000. Default 100. */
  readonly maxStreamsPerConnection?: number;
  /** Open streams of each direction that the peer may have on a connection, 1 to 1000000. Default 100. */
  readonly maxIncomingStreams?: number;
  /** Bytes of a stream that wait for the reader, and for the writer's high-water mark; 1024 to 2^30. Default 65536. */
  readonly streamBufferSize?: number;
  /** QUIC flow-control window of a stream, 1024 to 2^30. Default 1 MiB. */
  readonly maxStreamBufferSize?: number;
  /** Bytes that a session's streams may hold unread together, 65536 to 2^31 - 1. Default 8 MiB. */
  readonly maxSessionBufferSize?: number;
  /** Bytes that all sessions of the process may hold unread, 65536 to 2^40. Default 512 MiB. */
  readonly maxTotalBufferSize?: number;
  /** Largest DATAGRAM frame that is accepted, 0 to 65535; 0: no datagrams. Default 65535. */
  readonly maxDatagramSize?: number;
  /**
   * Drafts of WebTransport that are announced: "all" (the widest set that serves everybody at once, today P2), a profile
   * ("P1", "P1b", "P2"; see {@link DraftProfileName}) or a list of "draft-02", "draft-07", "draft-13" and "draft-15".
   * Default "all".
   */
  readonly drafts?: DraftSelection;
  /** A connection that hears nothing for so long is lost; 0: never. Default 60000. */
  readonly connectionIdleTimeout?: number;
  /** Interval of PINGs that keep a connection alive; 0: none. Default 25000. */
  readonly keepaliveInterval?: number;
  /** From a client's first packet to its completed handshake, 1 to 600000. Default 10000. */
  readonly handshakeTimeout?: number;
  /** How long one read waits, then TimeoutError; the stream lives on. 0: no limit. Default 0. */
  readonly readTimeout?: number;
  /** Limit of one write; 0: none. Default 30000. */
  readonly writeTimeout?: number;
  /** How long a closing session waits for what was finished to be delivered; 0 to 600000. Default 5000. */
  readonly closeTimeout?: number;
  /** How long opening a stream waits for the peer to allow it; 0: without limit. Default 10000. */
  readonly streamCreationTimeout?: number;
  /** SO_REUSEPORT. Default false. */
  readonly reusePort?: boolean;
  /** Default "cubic". */
  readonly congestionControl?: "cubic" | "newreno" | "bbr";
  /** Address validation by Retry packets (RFC 9000 §8.1.2). Default "adaptive": when many handshakes are pending. */
  readonly retry?: "never" | "adaptive" | "always";
  /** Exact origins that may connect; without it middleware decides. */
  readonly allowedOrigins?: readonly string[];
  /** Of pino's shape. Default: lines on standard error. */
  readonly logger?: Logger;
  /** Default "info". */
  readonly logLevel?: LogLevel;
  /** One line per session. Default true. */
  readonly accessLog?: boolean;
  /** Gets NSS key-log lines, which decrypt the traffic: for debugging only. */
  readonly keylog?: (line: string) => void;
  /** An existing directory: each connection writes a qlog file there, which qvis opens. For debugging only. */
  readonly qlogDirectory?: string;
  /** Default false. */
  readonly debug?: boolean;
}

const MiB = 1024 * 1024;
const longest = 2 ** 31 - 1;
const identity: Check = (value) =>
  typeof value === "object" && value !== null && "cert" in value && "key" in value
    ? undefined
    : "must be an object with cert and key";
const byName: Check = (value) =>
  typeof value === "object" && value !== null ? listOf(identity)(Object.values(value)) : "must be an object";

/** Every option: its default and what it allows. */
const table = new OptionTable<ServerConfigOptions>("ServerConfig", {
  bindHost: textOption("localhost"),
  bindPort: numberOption(4433, 0, 65_535),
  cert: textOption(),
  key: { ...textOption(), secret: true },
  certfile: textOption(),
  keyfile: textOption(),
  sni: { initial: undefined, check: optional(byName), secret: true },
  caCerts: textOption(),
  verifyMode: choiceOption("none", "none", "optional", "required"),
  maxConnections: numberOption(10_000, 1, 1_000_000),
  maxSessions: numberOption(10_000, 1, 1_000_000),
  maxSessionsPerConnection: numberOption(16, 1, 1024),
  maxStreamsPerConnection: numberOption(100, 1, 1_000_000),
  maxIncomingStreams: numberOption(100, 1, 1_000_000),
  streamBufferSize: numberOption(65_536, 1024, 2 ** 30),
  maxStreamBufferSize: numberOption(MiB, 1024, 2 ** 30),
  maxSessionBufferSize: numberOption(8 * MiB, 65_536, longest),
  maxTotalBufferSize: numberOption(512 * MiB, 65_536, 2 ** 40),
  maxDatagramSize: numberOption(65_535, 0, 65_535),
  drafts: { initial: "all", check: draftSelection },
  connectionIdleTimeout: numberOption(60_000, 0, longest),
  keepaliveInterval: numberOption(25_000, 0, longest),
  handshakeTimeout: numberOption(10_000, 1, 600_000),
  readTimeout: numberOption(0, 0, longest),
  writeTimeout: numberOption(30_000, 0, longest),
  closeTimeout: numberOption(5000, 0, 600_000),
  streamCreationTimeout: numberOption(10_000, 0, longest),
  reusePort: flagOption(false),
  congestionControl: choiceOption("cubic", "cubic", "newreno", "bbr"),
  retry: choiceOption("adaptive", "never", "adaptive", "always"),
  allowedOrigins: listOption(),
  logger: { initial: consoleLogger, check: functionOrObject, live: true },
  logLevel: choiceOption("info", "debug", "info", "warn", "error", "silent"),
  accessLog: flagOption(true),
  keylog: { initial: undefined, check: optional(aFunction), live: true },
  qlogDirectory: textOption(),
  debug: flagOption(false),
});

/** The options that have no default: what the application did not give stays undefined. */
type WithoutDefault =
  "cert" | "key" | "certfile" | "keyfile" | "sni" | "caCerts" | "allowedOrigins" | "keylog" | "qlogDirectory";

export type ServerConfigValues = Required<Omit<ServerConfigOptions, WithoutDefault>> & {
  readonly [Name in WithoutDefault]: ServerConfigOptions[Name] | undefined;
};

/** A server's options, checked and frozen: every option with its value or default. */
export class ServerConfig {
  readonly values: ServerConfigValues;

  private constructor(given: ServerConfigOptions) {
    this.values = Object.freeze(table.complete(given)) as unknown as ServerConfigValues;
    this.validate();
    Object.freeze(this);
  }

  /** Throws ConfigurationError naming key, value and reason. */
  static create(given: ServerConfigOptions | ServerConfig = {}): ServerConfig {
    return given instanceof ServerConfig ? given : new ServerConfig(given);
  }

  /** As {@link ServerConfig.create}, with every message logged. */
  static createForDevelopment(given: ServerConfigOptions = {}): ServerConfig {
    return new ServerConfig({ logLevel: "debug", debug: true, ...given });
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

  /** Throws ConfigurationError for the first value that is not allowed, or that does not go with another. */
  validate(): void {
    table.check(this.values);
    const { cert, certfile, key, keyfile, verifyMode, caCerts } = this.values;
    if (cert !== undefined && certfile !== undefined) throw refused("certfile", certfile, "stands beside cert");
    if (key !== undefined && keyfile !== undefined) throw refused("keyfile", keyfile, "stands beside key");
    if ((cert ?? certfile) !== undefined && (key ?? keyfile) === undefined) {
      throw refused("key", undefined, "is missing beside the certificate");
    }
    if (verifyMode !== "none" && caCerts === undefined) {
      throw refused("caCerts", undefined, `is needed with verifyMode "${verifyMode}"`);
    }
  }

  /** A new configuration with some values changed. */
  update(changes: ServerConfigOptions): ServerConfig {
    return new ServerConfig({ ...table.changed(this.values), ...changes });
  }

  copy(): ServerConfig {
    return new ServerConfig(table.changed(this.values));
  }

  /** `other`'s values where they differ from the defaults, this one's elsewhere. */
  merge(other: ServerConfig | ServerConfigOptions): ServerConfig {
    return this.update(other instanceof ServerConfig ? table.changed(other.values) : other);
  }

  getBindAddress(): { host: string; port: number } {
    return { host: this.values.bindHost, port: this.values.bindPort };
  }

  /** Every value that is data; the private keys are hidden. */
  toObject(): Record<string, unknown> {
    return table.toObject(this.values);
  }

  toJSON(): Record<string, unknown> {
    return this.toObject();
  }

  [inspect.custom](): string {
    return `ServerConfig ${inspect(this.toObject())}`;
  }
}
