import { inspect } from "node:util";

import type { DraftSelection } from "../constants/drafts.ts";
import { ConfigurationError } from "../errors/errors.ts";

import type { Logger, LogLevel } from "./logger.ts";
import { consoleLogger } from "./logger.ts";
import {
  aFunction,
  draftSelection,
  flag,
  functionOrObject,
  integer,
  listOf,
  oneOf,
  optional,
  text,
} from "./option-checks.ts";
import type { Check } from "./option-checks.ts";

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

type OptionName = keyof ServerConfigOptions;

interface Option {
  readonly initial: unknown;
  readonly check: Check;
  /** Never shown. */
  readonly secret?: true;
  /** Not data: left out of `toJSON`. */
  readonly live?: true;
}

const MiB = 1024 * 1024;
const milliseconds = integer(0, 2 ** 31 - 1);
const identity: Check = (value) =>
  typeof value === "object" && value !== null && "cert" in value && "key" in value
    ? undefined
    : "must be an object with cert and key";
const byName: Check = (value) =>
  typeof value === "object" && value !== null ? listOf(identity)(Object.values(value)) : "must be an object";

/** Every option: its default and what it allows. */
const options: Readonly<Record<OptionName, Option>> = {
  bindHost: { initial: "localhost", check: text },
  bindPort: { initial: 4433, check: integer(0, 65_535) },
  cert: { initial: undefined, check: optional(text) },
  key: { initial: undefined, check: optional(text), secret: true },
  certfile: { initial: undefined, check: optional(text) },
  keyfile: { initial: undefined, check: optional(text) },
  sni: { initial: undefined, check: optional(byName), secret: true },
  caCerts: { initial: undefined, check: optional(text) },
  verifyMode: { initial: "none", check: oneOf("none", "optional", "required") },
  maxConnections: { initial: 10_000, check: integer(1, 1_000_000) },
  maxSessions: { initial: 10_000, check: integer(1, 1_000_000) },
  maxSessionsPerConnection: { initial: 16, check: integer(1, 1024) },
  maxStreamsPerConnection: { initial: 100, check: integer(1, 1_000_000) },
  maxIncomingStreams: { initial: 100, check: integer(1, 1_000_000) },
  streamBufferSize: { initial: 65_536, check: integer(1024, 2 ** 30) },
  maxStreamBufferSize: { initial: MiB, check: integer(1024, 2 ** 30) },
  maxSessionBufferSize: { initial: 8 * MiB, check: integer(65_536, 2 ** 31 - 1) },
  maxTotalBufferSize: { initial: 512 * MiB, check: integer(65_536, 2 ** 40) },
  maxDatagramSize: { initial: 65_535, check: integer(0, 65_535) },
  drafts: { initial: "all", check: draftSelection },
  connectionIdleTimeout: { initial: 60_000, check: milliseconds },
  keepaliveInterval: { initial: 25_000, check: milliseconds },
  handshakeTimeout: { initial: 10_000, check: integer(1, 600_000) },
  readTimeout: { initial: 0, check: milliseconds },
  writeTimeout: { initial: 30_000, check: milliseconds },
  closeTimeout: { initial: 5000, check: integer(0, 600_000) },
  streamCreationTimeout: { initial: 10_000, check: milliseconds },
  reusePort: { initial: false, check: flag },
  congestionControl: { initial: "cubic", check: oneOf("cubic", "newreno", "bbr") },
  retry: { initial: "adaptive", check: oneOf("never", "adaptive", "always") },
  allowedOrigins: { initial: undefined, check: optional(listOf(text)) },
  logger: { initial: consoleLogger, check: functionOrObject, live: true },
  logLevel: { initial: "info", check: oneOf("debug", "info", "warn", "error", "silent") },
  accessLog: { initial: true, check: flag },
  keylog: { initial: undefined, check: optional(aFunction), live: true },
  qlogDirectory: { initial: undefined, check: optional(text) },
  debug: { initial: false, check: flag },
};

const optionNames = Object.keys(options) as OptionName[];

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
    const values: Record<string, unknown> = {};
    for (const name of optionNames) values[name] = given[name] ?? options[name].initial;
    this.values = Object.freeze(values) as unknown as ServerConfigValues;
    this.validate(given);
    Object.freeze(this);
  }

  /** Throws {@link ConfigurationError} naming key, value and reason. */
  static create(given: ServerConfigOptions | ServerConfig = {}): ServerConfig {
    return given instanceof ServerConfig ? given : new ServerConfig(given);
  }

  /** As {@link ServerConfig.create}, with every message logged. */
  static createForDevelopment(given: ServerConfigOptions = {}): ServerConfig {
    return new ServerConfig({ logLevel: "debug", debug: true, ...given });
  }

  /** Throws {@link ConfigurationError} for the first value that is not allowed. */
  validate(given: object = this.values): void {
    for (const name of Object.keys(given)) {
      if (!(name in options)) throw refused(name, undefined, "is no option of ServerConfig");
    }
    for (const name of optionNames) {
      const reason = options[name].check(this.values[name]);
      if (reason !== undefined) throw refused(name, options[name].secret ? "[hidden]" : this.values[name], reason);
    }
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
    return new ServerConfig({ ...this.#given(), ...changes });
  }

  copy(): ServerConfig {
    return new ServerConfig(this.#given());
  }

  /** `other`'s values where they differ from the defaults, this one's elsewhere. */
  merge(other: ServerConfig | ServerConfigOptions): ServerConfig {
    return this.update(other instanceof ServerConfig ? other.#given() : other);
  }

  getBindAddress(): { host: string; port: number } {
    return { host: this.values.bindHost, port: this.values.bindPort };
  }

  /** Every value that is data; the private keys are hidden. */
  toObject(): Record<string, unknown> {
    const shown = optionNames.filter((name) => options[name].live !== true && this.values[name] !== undefined);
    return Object.fromEntries(shown.map((name) => [name, options[name].secret ? "[hidden]" : this.values[name]]));
  }

  toJSON(): Record<string, unknown> {
    return this.toObject();
  }

  [inspect.custom](): string {
    return `ServerConfig ${inspect(this.toObject())}`;
  }

  /** The values that differ from the defaults. */
  #given(): ServerConfigOptions {
    const changed = optionNames.filter((name) => this.values[name] !== options[name].initial);
    return Object.fromEntries(changed.map((name) => [name, this.values[name]]));
  }
}

function refused(key: string, value: unknown, reason: string): ConfigurationError {
  const current = value === undefined ? "" : `: current value is ${inspect(value)}`;
  return new ConfigurationError(`${key} ${reason}${current}`, { configKey: key, configValue: value });
}
