import type { CertificateAndKey, ServerConfig, ServerConfigOptions } from "../config/server-config.ts";
import type { QuicEngine } from "../engine/engine.ts";

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
  /** Milliseconds that sessions have to come to their own end. 0: everything ends at once, undelivered. Default 5000. */
  readonly timeout?: number;
  /** Application code of the sessions that are left, 0 to 2^32 - 1. Default 0. */
  readonly code?: number;
  readonly reason?: string;
}
