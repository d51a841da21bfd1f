import { isSubprotocol } from "../base/subprotocol.ts";
import { Configuration } from "../config/configuration.ts";
import { checkBuffers, checkCertificate, connectionOptions, longest } from "../config/connection-options.ts";
import type { ConnectionConfigOptions, ConnectionOptionWithoutDefault } from "../config/connection-options.ts";
import { clientDefaults as defaults, connectionDefaults } from "../constants/defaults.ts";
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
import { fieldFault } from "../transport/session/field-list.ts";
import type { HeadersInput } from "../transport/types.ts";

import { checkHashes, hashBytes, toHex } from "./certificate-hash.ts";
import type { CertificateHash } from "./certificate-hash.ts";

/** Durations in milliseconds, sizes in bytes. */
export interface ClientConfigOptions extends ConnectionConfigOptions {
  /**
   * SHA-256 hashes of the server's certificate: it is trusted when one fits and the certificate meets the W3C's conditions
   * (ECDSA P-256, valid now, for at most 14 days). Hashes of other algorithms are ignored.
   */
  readonly serverCertificateHashes?: readonly CertificateHash[];
  /**
   * PEM of certificate authorities to trust instead of the system's. A server's certificate that is its own authority, as
   * `openssl req -x509` makes it, is trusted when it is among them. An intermediate authority may stand here without its
   * root: then only what it has issued is trusted (Node's `tls` needs `allowPartialTrustChain` for that).
   */
  readonly ca?: string;
  /** The same as `ca`, under the name that ServerConfig has. */
  readonly caCerts?: string;
  /** "none" is the same as `insecure`. Default "required". */
  readonly verifyMode?: "required" | "none";
  /** No verification of the server's certificate at all: for tests. The process warns once. Default false. */
  readonly insecure?: boolean;
  /** The name that the server's certificate must be for (also sent as SNI). Default: the URL's host. */
  readonly serverName?: string;
  /**
   * May share a connection with other sessions that allow it, too, and have the same origin and the same options of trust
   * and transport, as many as the server allows on one. Of one connection, their streams together are what `maxStreams`
   * limits. Not with `serverCertificateHashes`. Default false.
   */
  readonly allowPooling?: boolean;
  /** Subprotocols to offer, most preferred first: 1 to 512 printable ASCII characters each, no two alike. */
  readonly protocols?: readonly string[];
  /** Request headers; `origin` is sent only when it is among them. */
  readonly headers?: HeadersInput;
  /** The request's `user-agent`, unless `headers` has one. Default "tswebtransport". */
  readonly userAgent?: string;
  /** From the call to the established session, retries included; 0: no limit. Default 30000. */
  readonly connectTimeout?: number;
  /** Further attempts after a failure that may pass (nothing answered, refused, 503 …), 0 to 1000. Default 3. */
  readonly maxRetries?: number;
  /** Pause before the first retry. Default 1000. */
  readonly retryDelay?: number;
  /** Each pause is so many times the one before, 1 to 100. Default 2. */
  readonly retryBackoff?: number;
  /** No pause is longer. Default 30000. */
  readonly maxRetryDelay?: number;
  /** Open streams that this side opens, both directions together, 1 to 1000000. Default 100. */
  readonly maxStreams?: number;
}

/** The options that have no default: what the application did not give stays undefined. */
type WithoutDefault =
  | ConnectionOptionWithoutDefault
  | "serverCertificateHashes"
  | "ca"
  | "caCerts"
  | "serverName"
  | "protocols"
  | "headers";

/** Every option of a client, defaults filled in. */
export type ClientConfigValues = Required<Omit<ClientConfigOptions, WithoutDefault>> & {
  readonly [Name in WithoutDefault]: ClientConfigOptions[Name] | undefined;
};

const hashes: Option = {
  initial: undefined,
  check: checkHashes,
  parse: (text) => text.split(",").map((value) => ({ algorithm: "sha-256", value: value.trim() })),
  show: (value) =>
    (value as readonly CertificateHash[]).map((hash) => ({ ...hash, value: toHex(hashBytes(hash.value)) })),
  capture: (value) =>
    (value as readonly CertificateHash[]).map((hash) => ({ algorithm: hash.algorithm, value: hashBytes(hash.value) })),
};

const headers: Option = {
  initial: undefined,
  sensitive: true,
  check: (value) => {
    if (areHeaders(value)) return unsentField(new Headers(value as Headers));
    const name = malformedField(value);
    return name === undefined ? "must be what Headers takes" : `must be what Headers takes: "${name}" is malformed`;
  },
  // Headers carry credentials: only those that cannot are shown.
  show: (value) =>
    Object.fromEntries(
      [...new Headers(value as Headers)].map(([name, text]) => [name, shownHeaders.has(name) ? text : "[hidden]"]),
    ),
  capture: (value) => new Headers(value as Headers),
};

/** The first field that cannot be sent over HTTP/3. Its value may be a secret. */
function unsentField(headers: Headers): string | undefined {
  for (const [name, value] of headers) {
    const fault = fieldFault(name, value);
    if (fault !== undefined) return `must be fields of HTTP/3, but "${name}" is not: ${fault}`;
  }
  return undefined;
}

function areHeaders(value: unknown): boolean {
  try {
    new Headers(value as Headers | undefined);
    return true;
  } catch {
    return false;
  }
}

/** The name of the first malformed field. The error that `Headers` throws would show its value. */
function malformedField(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const fields: readonly unknown[] = Array.isArray(value) ? value : Object.entries(value);
  const malformed = fields.find((field) => !areHeaders([field]));
  const name: unknown = Array.isArray(malformed) ? malformed[0] : undefined;
  return typeof name === "string" ? name : undefined;
}

const shownHeaders = new Set(["accept-language", "origin", "user-agent"]);

const protocols = listOption((value) =>
  typeof value === "string" && isSubprotocol(value) ? undefined : "must be 1 to 512 printable ASCII characters",
);

/** Every option: its default and what it allows. */
const table = new OptionTable<ClientConfigOptions>("ClientConfig", {
  ...connectionOptions(defaults.logLevel),
  serverCertificateHashes: hashes,
  ca: textOption(),
  caCerts: textOption(),
  verifyMode: choiceOption(defaults.verifyMode, "required", "none"),
  insecure: flagOption(false),
  serverName: textOption(),
  allowPooling: flagOption(false),
  protocols,
  headers,
  userAgent: textOption(defaults.userAgent),
  connectTimeout: numberOption(defaults.connectTimeout, 0, longest),
  maxRetries: numberOption(defaults.maxRetries, 0, 1000),
  retryDelay: numberOption(defaults.retryDelay, 0, longest),
  retryBackoff: {
    initial: defaults.retryBackoff,
    check: (value) =>
      typeof value === "number" && value >= 1 && value <= 100 ? undefined : "must be a number from 1 to 100",
    parse: Number,
  },
  maxRetryDelay: numberOption(defaults.maxRetryDelay, 0, longest),
  maxStreams: numberOption(connectionDefaults.maxOutgoingStreams, 1, 1_000_000),
});

export const clientOptionNames: readonly (keyof ClientConfigOptions)[] = table.names;

/** A client's options, checked and frozen: every option with its value or default. */
export class ClientConfig extends Configuration<ClientConfigOptions, ClientConfigValues> {
  private constructor(given: ClientConfigOptions) {
    super(table, given);
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

  protected override checkTogether(): void {
    checkCertificate(this.values);
    checkBuffers(this.values);
    const { ca, caCerts, protocols: offered = [], serverCertificateHashes: hashed = [], allowPooling } = this.values;
    if (ca !== undefined && caCerts !== undefined) throw refused("caCerts", undefined, "stands beside ca");
    // W3C WebTransport §6.2: a session with certificate hashes has a connection of its own.
    if (allowPooling && hashed.length > 0) throw refused("allowPooling", true, "stands beside serverCertificateHashes");
    if (new Set(offered).size !== offered.length) throw refused("protocols", offered, "has the same name twice");
  }
}
