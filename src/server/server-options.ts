import { inspect } from "node:util";

import type { CertificateAndKey, ServerConfig, ServerConfigOptions } from "../config/server-config.ts";
import { checkOptions } from "../config/given-options.ts";
import { aFunction, anything, integer, text } from "../config/option-checks.ts";
import type { Check } from "../config/option-checks.ts";
import type { QuicEngine } from "../engine/engine.ts";
import { checkCloseCode, checkCloseReason } from "../transport/session/close-code.ts";

/** Options of a WebTransportServer. */
export interface WebTransportServerOptions {
  readonly config?: ServerConfig | ServerConfigOptions;
  /** Default: the native QUIC engine, loaded when it is first needed. */
  readonly engine?: QuicEngine;
  /** Called at each `listen`, instead of reading the configuration's certificate. */
  readonly certificate?: () => Promise<CertificateAndKey>;
}

/** Where to listen. */
export interface ListenOptions {
  /** IP address or name. Default: the configuration's `bindHost`. */
  readonly host?: string;
  /** 0 picks a free port. Default: the configuration's `bindPort`. */
  readonly port?: number;
  /** Instead of the constructor's; what `tswebtransport/testing` puts in. */
  readonly engine?: QuicEngine;
  /** Instead of the constructor's and the configuration's. */
  readonly certificate?: () => Promise<CertificateAndKey>;
}

/** Options for closing a server. */
export interface ServerCloseOptions {
  /**
   * Milliseconds that sessions have to come to their own end. 0: everything ends at once, undelivered; Infinity: as long as
   * they need. Default 5000.
   */
  readonly timeout?: number;
  /** Application code of the sessions that are left, 0 to 2^32 - 1. Default 0. */
  readonly code?: number;
  readonly reason?: string;
}

const engine: Check = (value) =>
  typeof value === "object" && value !== null && "createEndpoint" in value
    ? undefined
    : "must be a QUIC engine, which has createEndpoint()";

/** Throws ConfigurationError. */
export function checkServerOptions(options: WebTransportServerOptions): void {
  checkOptions("a server, which takes config, engine and certificate", options, {
    // Checks itself.
    config: anything,
    engine,
    certificate: aFunction,
  });
}

/** Throws ConfigurationError. */
export function checkListenOptions(options: ListenOptions): void {
  checkOptions("listen", options, { host: text, port: integer(0, 65_535), engine, certificate: aFunction });
}

/**
 * Throws RangeError for a code or time-out out of its range, TypeError for a reason that is no string, ConfigurationError
 * for a name that is no option.
 */
export function checkServerCloseOptions(options: ServerCloseOptions): void {
  checkOptions("close", options, { timeout: anything, code: anything, reason: anything });
  checkCloseCode(options.code);
  checkCloseReason(options.reason);
  const timeout: unknown = options.timeout;
  if (timeout === undefined || (typeof timeout === "number" && timeout >= 0)) return;
  throw new RangeError(`Cannot close with a time-out of ${inspect(timeout)}: 0 or more milliseconds are allowed`);
}
