import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

import { WireCodes } from "../constants/wire-codes.ts";
import { EngineError } from "../engine/engine.ts";
import type {
  CertificateVerification,
  ConnectOptions,
  QuicEndpoint,
  QuicEngine,
  TlsIdentity,
  TransportOptions,
} from "../engine/engine.ts";
import { CertificateError, ClientError, ConfigurationError, ConnectionError, TimeoutError } from "../errors/errors.ts";
import type { WebTransportError } from "../errors/errors.ts";
import { controlStreamPreamble } from "../protocol/webtransport/connection.ts";
import { WebTransportConnection } from "../session/connection.ts";
import type { LiveOptions } from "../session/options.ts";
import { untilAborted } from "../session/promises.ts";
import type { WebTransportSession } from "../session/session.ts";
import type { HeadersInput, SignalOption } from "../session/types.ts";

export interface CertificateHash {
  readonly algorithm: string;
  readonly value: ArrayBuffer | ArrayBufferView;
}

export interface ClientOptions extends SignalOption {
  /** SHA-256 hashes of the server's certificate: it is trusted when one fits, with the W3C's conditions. */
  readonly serverCertificateHashes?: readonly CertificateHash[];
  /** PEM of certificate authorities to trust instead of the system's. */
  readonly ca?: string;
  /** No verification of the server's certificate at all. For tests. Default false. */
  readonly insecure?: boolean;
  /** PEM of a client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** TLS server name. Default: the URL's host. */
  readonly serverName?: string;
  /** Subprotocols to offer, most preferred first. */
  readonly protocols?: readonly string[];
  readonly headers?: HeadersInput;
  /** Milliseconds until the session is established. 0: no limit. Default 30000. */
  readonly connectTimeout?: number;
  readonly transport?: TransportOptions;
  readonly session?: LiveOptions;
  /** Default: the native engine. */
  readonly engine?: QuicEngine;
}

/**
 * Connects to a WebTransport server and opens a session. Closing the session closes its connection, too.
 * Rejects with ConfigurationError (URL, options), ConnectionError, CertificateError, HandshakeError, HttpError (the
 * server's status), TimeoutError, or the signal's reason.
 */
export async function connect(url: string | URL, options: ClientOptions = {}): Promise<WebTransportSession> {
  const target = parseUrl(url);
  const verification = verificationOf(options);
  const identity = identityOf(options);
  const { signal, connectTimeout = 30_000 } = options;
  signal?.throwIfAborted();
  const limit = new AbortController();
  const giveUp = (): void => {
    const text = `Could not connect to ${target.host} within ${connectTimeout} ms`;
    limit.abort(new TimeoutError(text, { operation: "connect", timeoutDuration: connectTimeout }));
  };
  const timer = connectTimeout === 0 ? undefined : setTimeout(giveUp, connectTimeout);
  const either = signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]);
  try {
    return await attempt(target, verification, identity, options, either);
  } finally {
    clearTimeout(timer);
  }
}

async function attempt(
  target: URL,
  verification: CertificateVerification,
  identity: TlsIdentity | undefined,
  options: ClientOptions,
  signal: AbortSignal,
): Promise<WebTransportSession> {
  const hostname = target.hostname.replace(/^\[|\]$/g, "");
  const engine = options.engine ?? (await defaultEngine());
  const address = await untilAborted(resolve(hostname), signal);
  const endpoint = await createEndpoint(engine, address, options);
  const connect: ConnectOptions = {
    address: { host: address, port: target.port === "" ? 443 : Number(target.port) },
    serverName: options.serverName ?? hostname,
    alpn: ["h3"],
    verification,
    ...(identity && { identity }),
  };
  try {
    signal.throwIfAborted();
    const connection = new WebTransportConnection({
      ...liveOptionsOf(options),
      role: "client",
      quic: (listener) => endpoint.connect(connect, listener),
    });
    const session = await connection.openSession({
      url: target,
      signal,
      ...(options.headers && { headers: options.headers }),
      ...(options.protocols && { protocols: options.protocols }),
    });
    closeWith(session, connection, endpoint);
    return session;
  } catch (error) {
    await endpoint.close(WireCodes.H3_NO_ERROR, "");
    throw error instanceof EngineError ? clientErrorOf(error) : error;
  }
}

/** Nothing of a client outlives its session: the process can end. */
function closeWith(session: WebTransportSession, connection: WebTransportConnection, endpoint: QuicEndpoint): void {
  const close = async (): Promise<void> => {
    await session.closed;
    await connection.close();
    await endpoint.close(WireCodes.H3_NO_ERROR, "");
  };
  close().catch((error: unknown) => {
    process.emitWarning(`The client's endpoint could not be closed: ${String(error)}`, { code: "WT_CLIENT" });
  });
}

async function createEndpoint(engine: QuicEngine, address: string, options: ClientOptions): Promise<QuicEndpoint> {
  const ipv6 = isIP(address) === 6;
  const loopback = ipv6 ? address === "::1" : address.startsWith("127.");
  const host = loopback ? (ipv6 ? "::1" : "127.0.0.1") : ipv6 ? "::" : "0.0.0.0";
  const { streamBufferSize } = options.session ?? {};
  const transport: TransportOptions = {
    ...(streamBufferSize !== undefined && { initialCredit: streamBufferSize }),
    ...options.transport,
    preamble: [controlStreamPreamble({ role: "client", ...options.session?.protocol })],
  };
  try {
    return await engine.createEndpoint({ host, port: 0, transport }, { connection: unexpected, failed: ignore });
  } catch (error) {
    throw error instanceof EngineError ? clientErrorOf(error) : error;
  }
}

async function resolve(hostname: string): Promise<string> {
  if (isIP(hostname) !== 0) return hostname;
  try {
    const { address } = await lookup(hostname);
    return address;
  } catch (cause) {
    const text = `Cannot find the address of ${hostname}`;
    throw new ConnectionError(text, { code: "ERR_WT_LOOKUP_FAILED", cause, remoteAddress: hostname });
  }
}

async function defaultEngine(): Promise<QuicEngine> {
  const { nativeEngine } = await import("../engine/native/native-engine.ts");
  return nativeEngine();
}

function liveOptionsOf(options: ClientOptions): LiveOptions {
  return options.session ?? {};
}

function parseUrl(url: string | URL): URL {
  const text = String(url);
  const invalid = (why: string): ConfigurationError =>
    new ConfigurationError(`Cannot connect to "${text}": ${why}`, { configKey: "url", configValue: text });
  if (!URL.canParse(text)) throw invalid("it is no URL");
  const parsed = new URL(text);
  if (parsed.protocol !== "https:") throw invalid("WebTransport needs https:");
  if (parsed.hash !== "") throw invalid("a fragment is not allowed");
  if (parsed.username !== "" || parsed.password !== "") throw invalid("credentials are not allowed");
  return parsed;
}

function verificationOf(options: ClientOptions): CertificateVerification {
  const { serverCertificateHashes: hashes, ca, insecure } = options;
  if (insecure === true) return { kind: "insecure" };
  if (hashes !== undefined && hashes.length > 0) {
    return { kind: "hashes", hashes: hashes.filter(({ algorithm }) => algorithm === "sha-256").map(hashBytes) };
  }
  return ca === undefined ? { kind: "system" } : { kind: "ca", ca };
}

function hashBytes({ value }: CertificateHash): Uint8Array {
  const bytes = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  if (bytes.byteLength === 32) return bytes.slice();
  throw new ConfigurationError(`Cannot use a certificate hash of ${bytes.byteLength} bytes: SHA-256 has 32`, {
    configKey: "serverCertificateHashes",
  });
}

function identityOf({ cert, key }: ClientOptions): TlsIdentity | undefined {
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert === undefined && key === undefined) return undefined;
  const missing = cert === undefined ? "cert" : "key";
  throw new ConfigurationError(`A client certificate needs cert and key: ${missing} is missing`, {
    configKey: missing,
  });
}

function clientErrorOf(error: EngineError): WebTransportError {
  switch (error.code) {
    case "invalid-certificate":
    case "invalid-key":
      return new CertificateError(error.message, { cause: error, certificateError: error.code });
    case "certificate-key-mismatch":
      return new CertificateError(error.message, {
        code: "ERR_WT_CERTIFICATE_MISMATCH",
        cause: error,
        certificateError: error.code,
      });
    case "invalid-option":
      return new ConfigurationError(error.message, { cause: error });
    case "lookup-failed":
      return new ConnectionError(error.message, { code: "ERR_WT_LOOKUP_FAILED", cause: error });
    case "address-in-use":
    case "address-not-available":
    case "permission-denied":
      return new ConnectionError(error.message, { cause: error });
    case "unavailable":
    case "internal":
      return new ClientError(error.message, { cause: error });
  }
}

function unexpected(): never {
  throw new Error("Invariant broken: an endpoint that only connects was given a connection");
}

function ignore(): void {
  // Every connection has been told before.
}
