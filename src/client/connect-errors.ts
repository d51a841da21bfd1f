/** Why a client got no session: the stage at which it failed, and what to do about it. */
import { certificateRefused } from "../certificates/faults.ts";
import { ErrorCodes } from "../constants/error-codes.ts";
import type { EngineError } from "../engine/engine.ts";
import {
  CertificateError,
  ClientError,
  ConfigurationError,
  ConnectionError,
  HandshakeError,
  HttpError,
  ProtocolError,
  SessionError,
  TimeoutError,
} from "../errors/errors.ts";
import type { HandshakeStage, WebTransportError, WebTransportErrorOptions } from "../errors/errors.ts";

import type { RaceLost } from "./address-race.ts";
import { certificateFault, certificateRequired, clientCertificateFault } from "./certificate-faults.ts";
import { responseHeader } from "./response-header.ts";

/** What the messages mention. */
export interface ConnectContext {
  /** `host:port`. */
  readonly authority: string;
  readonly path: string;
  /** The name that the certificate must be for. */
  readonly serverName: string;
  readonly protocols: readonly string[];
  readonly handshakeTimeout: number;
  /** What has become of each address, where there were several. */
  readonly attempts?: readonly { readonly address: string; readonly error: string }[];
}

/** RFC 8446 §6: the alerts that say why a handshake has failed. */
const alertNoApplicationProtocol = 120;
function isAlert({ errorCode, details }: WebTransportError): boolean {
  return details["kind"] === "transport" && errorCode >= 0x100 && errorCode <= 0x1ff;
}

/** The failure of a handshake. */
function explainHandshake(error: unknown, context: ConnectContext): unknown {
  if (error instanceof CertificateError) return explainCertificate(error, context);
  if (error instanceof TimeoutError) {
    const text = `nothing answered within ${context.handshakeTimeout} ms. ${unreachable}`;
    return new TimeoutError(sentence(context, text), {
      ...carried(error, "udp", context),
      operation: "handshake",
      timeoutDuration: context.handshakeTimeout,
    });
  }
  if (error instanceof HandshakeError) return explainAgreement(error, context);
  if (error instanceof ConnectionError) return explainConnection(error, context);
  return error;
}

/** The failure of the request for a session, once QUIC and TLS are established. */
export function explainRequest(error: unknown, context: ConnectContext): unknown {
  if (error instanceof HttpError) return explainStatus(error, context);
  if (error instanceof SessionError) return explainRefusal(error, context);
  if (error instanceof HandshakeError) {
    const text = `${error.message}. Is it a WebTransport server, or one of HTTP/3 only?`;
    return new HandshakeError(sentence(context, text), carried(error, error.handshakeStage ?? "settings", context));
  }
  if (error instanceof ProtocolError)
    return new ProtocolError(sentence(context, error.message), carried(error, "http", context));
  if (error instanceof ConnectionError) {
    // TLS 1.3: a server judges the client's certificate after the client has finished its handshake.
    return isAlert(error) ? explainClientCertificate(error, context) : explainConnection(error, context);
  }
  return error;
}

/** Why no address could be reached: the error that tells most, and all of them in its details. */
export function explainRace({ failures }: RaceLost, context: ConnectContext): unknown {
  const telling = failures.find(({ error }) => !(error instanceof TimeoutError)) ?? failures[0];
  const attempts = failures.map(({ address, error }) => ({ address, error: String(error) }));
  return explainHandshake(telling?.error, { ...context, ...(attempts.length > 1 && { attempts }) });
}

/** The time for everything together is over, in the middle of `stage`. */
export function outOfTime(
  stage: HandshakeStage,
  timeout: number,
  cause: unknown,
  { authority }: ConnectContext,
): TimeoutError {
  const before = cause instanceof Error ? `. The last attempt: ${cause.message}` : "";
  const text = `Cannot connect to ${authority} within ${timeout} ms: ${waitedFor[stage]}${before}`;
  return new TimeoutError(text, {
    operation: "connect",
    timeoutDuration: timeout,
    handshakeStage: stage,
    ...(cause !== undefined && { cause }),
  });
}

/** What the engine has refused. */
export function explainEngine(error: EngineError): WebTransportError {
  const { message } = error;
  switch (error.code) {
    case "invalid-certificate":
    case "invalid-key":
    case "certificate-key-mismatch":
      return certificateRefused(error, message);
    case "invalid-option":
      return new ConfigurationError(message, { cause: error });
    case "lookup-failed":
      return new ConnectionError(message, { code: "ERR_WT_LOOKUP_FAILED", cause: error, handshakeStage: "dns" });
    case "address-in-use":
    case "address-not-available":
    case "permission-denied":
      return new ConnectionError(message, { cause: error, handshakeStage: "udp" });
    case "unavailable":
    case "internal":
      return new ClientError(message, { cause: error });
  }
}

const unreachable =
  "Is a server listening on this UDP port? Something on the way may drop UDP: a firewall, or a port that is open for TCP only";

const waitedFor: Readonly<Record<HandshakeStage, string>> = {
  dns: "the name's address was not found. Check this machine's name servers",
  udp: `nothing answered. ${unreachable}`,
  quic: "the server goes on refusing",
  tls: "TLS was not completed",
  alpn: "the server did not agree to HTTP/3",
  settings: "the connection stands, but the server has sent no SETTINGS. Is it an HTTP/3 server?",
  http: "the server has not answered the session request. Does its handler accept or reject every session?",
  subprotocol: "no subprotocol was agreed on",
};

function explainCertificate(error: CertificateError, context: ConnectContext): CertificateError {
  if (error.details["by"] === "peer") return explainClientCertificate(error, context);
  if (error.code !== "ERR_WT_CERTIFICATE_REFUSED") return explainGiven(error, context);
  const { reason } = error.details;
  const shown = typeof reason === "string" ? reason : "";
  const { what, fix } = certificateFault(shown, context.serverName) ?? {
    what: `${error.certificateError ?? "it was not accepted"} (${shown})`,
    fix: "Use a certificate that is valid for this name, or trust it with ca or serverCertificateHashes",
  };
  const text = `the certificate of ${context.serverName} was refused: ${what}. ${fix}`;
  return new CertificateError(sentence(context, text), { ...carried(error, "tls", context), certificateError: what });
}

/** The engine cannot use what the application has given. */
function explainGiven(error: CertificateError, context: ConnectContext): CertificateError {
  const { message, certificateError } = error;
  const text = `cannot use the certificate, key or authority that was given: ${message}`;
  return new CertificateError(sentence(context, text), {
    ...carried(error, "tls", context),
    ...(certificateError !== undefined && { certificateError }),
  });
}

function explainClientCertificate(error: WebTransportError, context: ConnectContext): CertificateError {
  const { what, fix } = clientCertificateFault(error.errorCode - 0x100);
  const text =
    what === certificateRequired
      ? "the server requires a client certificate"
      : `the server has refused the client certificate: ${what}`;
  return new CertificateError(sentence(context, `${text}. ${fix}`), {
    ...carried(error, "tls", context),
    code: "ERR_WT_CERTIFICATE_REFUSED",
    certificateError: what,
  });
}

function explainAgreement(error: HandshakeError, context: ConnectContext): HandshakeError {
  if (error.errorCode - 0x100 === alertNoApplicationProtocol) {
    const text =
      'the server does not speak HTTP/3 (ALPN "h3") on this port. Is it the port of another protocol over QUIC?';
    return new HandshakeError(sentence(context, text), carried(error, "alpn", context));
  }
  return new HandshakeError(sentence(context, error.message), carried(error, error.handshakeStage ?? "quic", context));
}

function explainConnection(error: ConnectionError, context: ConnectContext): ConnectionError {
  const refused = error.errorCode === ErrorCodes.CONNECTION_REFUSED && error.details["kind"] === "transport";
  const text = refused
    ? "the server refuses connections: it is full or about to close. Try again later"
    : error.code === "ERR_WT_CONNECTION_FAILED"
      ? `${error.message}. ${unreachable}`
      : error.message;
  return new ConnectionError(sentence(context, text), {
    ...carried(error, error.code === "ERR_WT_CONNECTION_FAILED" && !refused ? "udp" : "quic", context),
    remoteAddress: error.remoteAddress ?? context.authority,
  });
}

const statusFixes: Readonly<Record<number, string>> = {
  400: "It did not understand the request",
  401: "It asks for credentials: give them in headers",
  403: "It does not allow this client: check the header origin, and what its middleware asks for",
  404: "It has no WebTransport route of this path",
  405: "The path exists, but not for WebTransport",
  421: "It does not serve this name",
  429: "It allows no further sessions for now",
  431: "Its limit for the request's headers is lower: shorten the URL, the headers or the subprotocols",
  501: "It does not know this kind of WebTransport request",
  503: "It is overloaded or about to close",
};

function explainStatus(error: HttpError, context: ConnectContext): HttpError {
  const { status } = error;
  const location = responseHeader(error, "location");
  const redirect = `Redirects are not followed${location === undefined ? "" : `: connect to ${location}`}`;
  const fix = status < 400 ? redirect : (statusFixes[status] ?? (status >= 500 ? "It has failed" : ""));
  const text = `the server answered the request for ${context.path} with status ${status}${fix === "" ? "" : `. ${fix}`}`;
  return new HttpError(status, sentence(context, text), carried(error, "http", context));
}

function explainRefusal(error: SessionError, context: ConnectContext): SessionError {
  const isProtocol = error.errorCode === ErrorCodes.WT_ALPN_ERROR;
  const offered = context.protocols.length === 0 ? "none" : context.protocols.join(", ");
  const text = isProtocol
    ? `the server has chosen a subprotocol that was not offered. Offered: ${offered}`
    : `${error.message}. It opens no session for now, or none of this kind`;
  return new SessionError(sentence(context, text), carried(error, isProtocol ? "subprotocol" : "http", context));
}

function sentence({ authority }: ConnectContext, text: string): string {
  return `Cannot connect to ${authority}: ${text}`;
}

function carried(
  error: WebTransportError,
  handshakeStage: HandshakeStage,
  { attempts }: ConnectContext,
): WebTransportErrorOptions {
  const { code, errorCode, details } = error;
  return { code, errorCode, details: { ...details, ...(attempts && { attempts }) }, handshakeStage, cause: error };
}
