import { inspect } from "node:util";

import { consoleLogger } from "../config/logger.ts";
import type { Logger, LogLevel } from "../config/logger.ts";
import { aFunction, draftSelection, functionOrObject, optional } from "../config/option-checks.ts";
import {
  OptionTable,
  choiceOption,
  flagOption,
  listOption,
  numberOption,
  refused,
  textOption,
} from "../config/option-table.ts";
import type { Option } from "../config/option-table.ts";
import type { DraftSelection } from "../constants/drafts.ts";
import type { HeadersInput } from "../session/types.ts";

import { checkHashes, hashBytes, toHex } from "./certificate-hash.ts";
import type { CertificateHash } from "./certificate-hash.ts";

/** Durations in milliseconds, sizes in bytes. */
export interface ClientConfigOptions {
  /**
   * SHA-256 hashes of the server's certificate: it is trusted when one fits and the certificate meets the W3C's conditions
   * (ECDSA P-256, valid now, for at most 14 days). Hashes of other algorithms are ignored.
   */
  readonly serverCertificateHashes?: readonly CertificateHash[];
  /** PEM of certificate authorities to trust instead of the system's. */
  readonly ca?: string;
  /** The same as `ca`, under the name that ServerConfig has. */
  readonly caCerts?: string;
  /** "none" is the same as `insecure`. Default "required". */
  readonly verifyMode?: "required" | "none";
  /** No verification of the server's certificate at all: for tests. The process warns once. Default false. */
  readonly insecure?: boolean;
  /** PEM chain of a client certificate, leaf first. */
  readonly cert?: string;
  /** Its PEM private key (PKCS#8, PKCS#1 or SEC1). */
  readonly key?: string;
  /** Path of the PEM chain, instead of `cert`. */
  readonly certfile?: string;
  /** Path of the PEM key, instead of `key`. */
  readonly keyfile?: string;
  /** The name that the server's certificate must be for (also sent as SNI). Default: the URL's host. */
  readonly serverName?: string;
  /** Subprotocols to offer, most preferred first: 1 to 512 printable ASCII characters each, no two alike. */
  readonly protocols?: readonly string[];
  /** Request headers; `origin` is sent only when it stands here. */
  readonly headers?: HeadersInput;
  /** The request's `user-agent`, unless `headers` has one. Default "tswebtransport". */
  readonly userAgent?: string;
  /** From the call to the established session, retries included; 0: no limit. Default 30000. */
  readonly connectTimeout?: number;
  /** Silence after which an address is given up, 1 to 600000. Default 10000. */
  readonly handshakeTimeout?: number;
  /** Further attempts after a failure that may pass (nothing answered, refused, 503 …), 0 to 1000. Default 3. */
  readonly maxRetries?: number;
  /** Pause before the first retry. Default 1000. */
  readonly retryDelay?: number;
  /** Each pause is so many times the one before, 1 to 100. Default 2. */
  readonly retryBackoff?: number;
  /** No pause is longer. Default 30000. */
  readonly maxRetryDelay?: number;
  /** How long opening a stream waits for the peer to allow it; 0: without limit. Default 10000. */
  readonly streamCreationTimeout?: number;
  /** Limit of one write; 0: none. Default 30000. */
  readonly writeTimeout?: number;
  /** How long a closing session waits for what was finished to be delivered; 0 to 600000. Default 5000. */
  readonly closeTimeout?: number;
  /** Drafts of WebTransport that are announced, as ServerConfig's option of this name. Default "all". */
  readonly drafts?: DraftSelection;
  /** A connection that hears nothing for so long is lost; 0: never. Default 60000. */
  readonly connectionIdleTimeout?: number;
  /** Interval of PINGs that keep a connection alive; 0: none. Default 25000. */
  readonly keepaliveInterval?: number;
  /** Open streams that this side opens, both directions together, 1 to 1000000. Default 100. */
  readonly maxStreams?: number;
  /** Open streams of each direction that the server may have, 1 to 1000000. Default 100. */
  readonly maxIncomingStreams?: number;
  /** Bytes of a stream that wait for the reader, and for the writer's high-water mark; 1024 to 2^30. Default 65536. */
  readonly streamBufferSize?: number;
  /** QUIC flow-control window of a stream, 1024 to 2^30. Default 1 MiB. */
  readonly maxStreamBufferSize?: number;
  /** Bytes that a session's streams may hold unread together, 65536 to 2^31 - 1. Default 8 MiB. */
  readonly maxSessionBufferSize?: number;
  /** Largest DATAGRAM frame that is accepted, 0 to 65535; 0: no datagrams. Default 65535. */
  readonly maxDatagramSize?: number;
  /** Default "cubic". */
  readonly congestionControl?: "cubic" | "newreno" | "bbr";
  /** Gets one line about each failed attempt that is followed by another. Of pino's shape. Default: lines on standard error. */
  readonly logger?: Logger;
  /** Default "warn". */
  readonly logLevel?: LogLevel;
  /** Gets NSS key-log lines, which decrypt the traffic: for debugging only. */
  readonly keylog?: (line: string) => void;
  /** An existing directory: the connection writes a qlog file there, which qvis opens. For debugging only. */
  readonly qlogDirectory?: string;
  /** Default false. */
  readonly debug?: boolean;
}

type WithoutDefault =
  | "serverCertificateHashes"
  | "ca"
  | "caCerts"
  | "cert"
  | "key"
  | "certfile"
  | "keyfile"
  | "serverName"
  | "protocols"
  | "headers"
  | "keylog"
  | "qlogDirectory";

export type ClientConfigValues = Required<Omit<ClientConfigOptions, WithoutDefault>> & {
  readonly [Name in WithoutDefault]: ClientConfigOptions[Name] | undefined;
};

const MiB = 1024 * 1024;
const longest = 2 ** 31 - 1;

const hashes: Option = {
  initial: undefined,
  check: checkHashes,
  parse: (text) => text.split(",").map((value) => ({ algorithm: "sha-256", value: value.trim() })),
  show: (value) =>
    (value as readonly CertificateHash[]).map((hash) => ({ ...hash, value: toHex(hashBytes(hash.value)) })),
};

const headers: Option = {
  initial: undefined,
  check: (value) => {
    try {
      new Headers(value as Headers | undefined);
      return undefined;
    } catch (error) {
      return `must be what Headers takes (${error instanceof Error ? error.message : String(error)})`;
    }
  },
  // Headers carry credentials: only those that cannot are shown.
  show: (value) =>
    Object.fromEntries(
      [...new Headers(value as Headers)].map(([name, text]) => [name, shownHeaders.has(name) ? text : "[hidden]"]),
    ),
};
const shownHeaders = new Set(["accept-language", "origin", "user-agent"]);

/** draft-ietf-webtrans-http3 §3.3 and the W3C's constructor: what a subprotocol's name may be. */
const protocolName = /^[\x20-\x7e]{1,512}$/;

const protocols: Option = {
  ...listOption((value) =>
    typeof value === "string" && protocolName.test(value) ? undefined : "must be 1 to 512 printable ASCII characters",
  ),
};

/** Every option: its default and what it allows. */
const table = new OptionTable<ClientConfigOptions>("ClientConfig", {
  serverCertificateHashes: hashes,
  ca: textOption(),
  caCerts: textOption(),
  verifyMode: choiceOption("required", "required", "none"),
  insecure: flagOption(false),
  cert: textOption(),
  key: { ...textOption(), secret: true },
  certfile: textOption(),
  keyfile: textOption(),
  serverName: textOption(),
  protocols,
  headers,
  userAgent: textOption("tswebtransport"),
  connectTimeout: numberOption(30_000, 0, longest),
  handshakeTimeout: numberOption(10_000, 1, 600_000),
  maxRetries: numberOption(3, 0, 1000),
  retryDelay: numberOption(1000, 0, longest),
  retryBackoff: {
    initial: 2,
    check: (value) =>
      typeof value === "number" && value >= 1 && value <= 100 ? undefined : "must be a number from 1 to 100",
    parse: Number,
  },
  maxRetryDelay: numberOption(30_000, 0, longest),
  streamCreationTimeout: numberOption(10_000, 0, longest),
  writeTimeout: numberOption(30_000, 0, longest),
  closeTimeout: numberOption(5000, 0, 600_000),
  drafts: { initial: "all", check: draftSelection },
  connectionIdleTimeout: numberOption(60_000, 0, longest),
  keepaliveInterval: numberOption(25_000, 0, longest),
  maxStreams: numberOption(100, 1, 1_000_000),
  maxIncomingStreams: numberOption(100, 1, 1_000_000),
  streamBufferSize: numberOption(65_536, 1024, 2 ** 30),
  maxStreamBufferSize: numberOption(MiB, 1024, 2 ** 30),
  maxSessionBufferSize: numberOption(8 * MiB, 65_536, longest),
  maxDatagramSize: numberOption(65_535, 0, 65_535),
  congestionControl: choiceOption("cubic", "cubic", "newreno", "bbr"),
  logger: { initial: consoleLogger, check: functionOrObject, live: true },
  logLevel: choiceOption("warn", "debug", "info", "warn", "error", "silent"),
  keylog: { initial: undefined, check: optional(aFunction), live: true },
  qlogDirectory: textOption(),
  debug: flagOption(false),
});

/** The names of all options, for who takes them beside others. */
export const clientConfigNames: ReadonlySet<string> = new Set(table.names);

/** A client's options, checked and frozen: every option with its value or default. */
export class ClientConfig {
  readonly values: ClientConfigValues;

  private constructor(given: ClientConfigOptions) {
    this.values = Object.freeze(captured(table.complete(given))) as unknown as ClientConfigValues;
    this.validate();
    Object.freeze(this);
  }

  /** Throws ConfigurationError naming key, value and reason. */
  static create(given: ClientConfigOptions | ClientConfig = {}): ClientConfig {
    return given instanceof ClientConfig ? given : new ClientConfig(given);
  }

  /** From plain data, such as parsed JSON: certificate hashes are hexadecimal there. Throws ConfigurationError. */
  static fromObject(data: Readonly<Record<string, unknown>>): ClientConfig {
    return new ClientConfig(data);
  }

  /** From variables such as `WT_CONNECT_TIMEOUT`; lists stand between commas. Throws ConfigurationError. */
  static fromEnvironment(
    prefix = "WT_",
    environment: Readonly<Record<string, string | undefined>> = process.env,
  ): ClientConfig {
    return new ClientConfig(table.fromEnvironment(environment, prefix));
  }

  /** Throws ConfigurationError for the first value that is not allowed, or that does not go with another. */
  validate(): void {
    const { values } = this;
    table.check(values);
    const { ca, caCerts, cert, certfile, key, keyfile } = values;
    if (ca !== undefined && caCerts !== undefined) throw refused("caCerts", undefined, "stands beside ca");
    if (cert !== undefined && certfile !== undefined) throw refused("certfile", certfile, "stands beside cert");
    if (key !== undefined && keyfile !== undefined) throw refused("keyfile", keyfile, "stands beside key");
    const hasCertificate = (cert ?? certfile) !== undefined;
    if (hasCertificate !== ((key ?? keyfile) !== undefined)) {
      const missing = hasCertificate ? "key" : "cert";
      throw refused(missing, undefined, "is missing: a client certificate needs cert and key");
    }
    const offered = values.protocols ?? [];
    if (new Set(offered).size !== offered.length) throw refused("protocols", offered, "has the same name twice");
  }

  /** A new configuration with some values changed; those that are undefined stay as they are. */
  update(changes: ClientConfigOptions): ClientConfig {
    const given = Object.entries(changes).filter(([, value]) => value !== undefined);
    return new ClientConfig({ ...table.changed(this.values), ...Object.fromEntries(given) });
  }

  copy(): ClientConfig {
    return new ClientConfig(table.changed(this.values));
  }

  /** `other`'s values where they differ from the defaults, this one's elsewhere. */
  merge(other: ClientConfig | ClientConfigOptions): ClientConfig {
    return this.update(other instanceof ClientConfig ? table.changed(other.values) : other);
  }

  /** Every value that is data; the private key and headers that may carry credentials are hidden. */
  toObject(): Record<string, unknown> {
    return table.toObject(this.values);
  }

  toJSON(): Record<string, unknown> {
    return this.toObject();
  }

  [inspect.custom](): string {
    return `ClientConfig ${inspect(this.toObject())}`;
  }
}

/** What the caller may change later is copied. */
function captured(values: Record<string, unknown>): Record<string, unknown> {
  const { serverCertificateHashes: hashes, headers: sent, protocols: offered } = values as ClientConfigOptions;
  return {
    ...values,
    serverCertificateHashes: hashes?.map(({ algorithm, value }) => ({ algorithm, value: hashBytes(value) })),
    headers: sent && new Headers(sent as Headers),
    protocols: offered && [...offered],
  };
}
