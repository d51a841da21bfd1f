import { ErrorCodes } from "../../constants/error-codes.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import type { ConnectionClosed } from "../../engine/engine.ts";
import {
  CertificateError,
  ConnectionError,
  HandshakeError,
  HttpError,
  ProtocolError,
  SessionError,
  TimeoutError,
} from "../../errors/errors.ts";
import { withoutStack } from "../../errors/webtransport-error.ts";
import type { WebTransportError } from "../../errors/errors.ts";
import type { ProtocolOutput, SessionEnd } from "../../protocol/output.ts";
import { fromWireCode } from "../../protocol/webtransport/error-mapping.ts";

import type { CloseInfo } from "../types.ts";

/** What a child of an ended session is told. */
export function sessionErrorOf(info: CloseInfo, sessionId: string): SessionError {
  return withoutStack(() => makeSessionError(info, sessionId));
}

function makeSessionError(info: CloseInfo, sessionId: string): SessionError {
  if (!info.clean) {
    return new SessionError(`The session has ended: ${info.error.message}`, {
      code: "ERR_WT_SESSION_ABORTED",
      errorCode: info.error.errorCode,
      cause: info.error,
      sessionId,
      sessionState: "closed",
    });
  }
  const who = info.by === "local" ? "here" : "by the peer";
  const why = info.reason === "" ? "" : `: ${info.reason}`;
  return new SessionError(`The session was closed ${who} with code ${info.code}${why}`, {
    errorCode: info.code,
    sessionId,
    sessionState: "closed",
    closeCode: info.code,
    reason: info.reason,
  });
}

/** The core's account of a session's end as the application sees it. */
export function closeInfoOf(end: SessionEnd, sessionId: string): CloseInfo {
  if (end.clean) return end;
  const error =
    end.by === "peer"
      ? new SessionError(`The peer has aborted the session: ${end.message}`, {
          code: "ERR_WT_SESSION_ABORTED",
          errorCode: Number(end.wireCode),
          sessionId,
        })
      : new ProtocolError(end.message, { errorCode: Number(end.wireCode) });
  return { clean: false, by: end.by, error };
}

/**
 * How a session ends when its connection does. Deno and moq's clients close a session by closing the connection, with its
 * code mapped, raw or H3_NO_ERROR: that is a clean end.
 */
export function closeInfoOfConnection(closed: ConnectionClosed, error: () => WebTransportError): CloseInfo {
  if (closed.by === "peer" && closed.kind === "application") {
    const code = closed.code === WireCodes.H3_NO_ERROR ? 0 : fromWireCode(closed.code);
    if (code !== undefined) return { clean: true, by: "peer", withoutCapsule: true, code, reason: closed.reason };
  }
  if (closed.by === "local" && closed.kind === "application" && closed.code === WireCodes.H3_NO_ERROR) {
    return { clean: true, code: 0, reason: closed.reason, by: "local" };
  }
  return { clean: false, by: closed.by, error: error() };
}

/** Why a client got no session: the server's status, the code it reset the request with, or what is wrong with its answer. */
export function rejectionOf({
  status,
  code,
  headers,
  fault,
}: Omit<Extract<ProtocolOutput, { type: "sessionRejected" }>, "type" | "sessionId">): WebTransportError {
  if (status !== undefined) {
    const regular = Object.fromEntries(headers.filter(([name]) => !name.startsWith(":")));
    return new HttpError(status, `The server answered the session request with status ${status}`, {
      details: { headers: regular },
    });
  }
  if (fault !== undefined) {
    return new ProtocolError(`The server's answer to the session request cannot be used: ${fault}`, {
      errorCode: Number(code),
    });
  }
  const wire = code === undefined ? "" : ` (0x${code.toString(16)})`;
  return new SessionError(`The server refused the session request${wire}`, {
    code: "ERR_WT_SESSION_REFUSED",
    errorCode: Number(code ?? 0n),
  });
}

/** TLS alerts about certificates (RFC 8446 §6.2): bad, unsupported, revoked, expired, unknown, unknown CA, required. */
const certificateAlerts: Readonly<Record<number, string>> = {
  42: "it is malformed or does not match",
  43: "its type is not supported",
  44: "it has been revoked",
  45: "it has expired or is not yet valid",
  46: "it was not accepted",
  48: "its authority is unknown",
  116: "a client certificate is required",
};

/** The end of a QUIC connection as an error. `remoteAddress`: `host:port`. */
export function connectionErrorOf(
  closed: ConnectionClosed,
  remoteAddress: string,
  established: boolean,
): WebTransportError {
  return withoutStack(() => makeConnectionError(closed, remoteAddress, established));
}

function makeConnectionError(closed: ConnectionClosed, remoteAddress: string, established: boolean): WebTransportError {
  const errorCode = Number(closed.code);
  const reason = closed.reason === "" ? "" : `: ${closed.reason}`;
  const common = { errorCode, remoteAddress, details: { by: closed.by, kind: closed.kind, reason: closed.reason } };
  switch (closed.kind) {
    case "idle-timeout":
      return new ConnectionError(`The connection to ${remoteAddress} was lost: nothing came within the idle time-out`, {
        ...common,
        code: established ? "ERR_WT_CONNECTION_LOST" : "ERR_WT_CONNECTION_FAILED",
      });
    case "handshake-timeout":
      return new TimeoutError(`${remoteAddress} did not complete the handshake in time`, {
        details: common.details,
        operation: "handshake",
      });
    case "stateless-reset":
      return new ConnectionError(`${remoteAddress} has forgotten the connection (stateless reset)`, {
        ...common,
        code: "ERR_WT_CONNECTION_LOST",
      });
    case "version-mismatch":
      return new HandshakeError(`${remoteAddress} speaks no version of QUIC that we do`, {
        ...common,
        handshakeStage: "quic",
      });
    case "transport":
      return established
        ? new ConnectionError(
            `The connection to ${remoteAddress} failed with transport error ${hex(errorCode)}${reason}`,
            {
              ...common,
              code: "ERR_WT_CONNECTION_LOST",
            },
          )
        : handshakeErrorOf(errorCode, remoteAddress, reason, common.details);
    case "failed":
      return new ConnectionError(`The connection to ${remoteAddress} failed${reason}`, {
        ...common,
        code: established ? "ERR_WT_CONNECTION_LOST" : "ERR_WT_CONNECTION_FAILED",
      });
    case "application": {
      const who = closed.by === "local" ? "here" : `by ${remoteAddress}`;
      const text = `The connection was closed ${who} with code ${hex(errorCode)}${reason}`;
      return new ConnectionError(text, { ...common, code: "ERR_WT_CONNECTION_CLOSED" });
    }
  }
}

function handshakeErrorOf(
  errorCode: number,
  remoteAddress: string,
  reason: string,
  details: Readonly<Record<string, unknown>>,
): WebTransportError {
  if (errorCode === ErrorCodes.CONNECTION_REFUSED) {
    const text = `${remoteAddress} refused the connection${reason}`;
    return new ConnectionError(text, { errorCode, remoteAddress, details });
  }
  // RFC 9001 §4.8: CRYPTO_ERROR is 0x0100 plus the TLS alert.
  const alert = errorCode >= 0x100 && errorCode <= 0x1ff ? errorCode - 0x100 : undefined;
  // What an engine finds wrong with a certificate it need not put into one of the alerts that are about certificates.
  const certificateError =
    alert === undefined
      ? undefined
      : (certificateAlerts[alert] ?? (/certificate/i.test(reason) ? "it was not accepted" : undefined));
  if (certificateError !== undefined) {
    return new CertificateError(`The certificate was refused: ${certificateError}${reason}`, {
      code: "ERR_WT_CERTIFICATE_REFUSED",
      errorCode,
      certificateError,
      details,
    });
  }
  const stage = alert === undefined ? "quic" : "tls";
  const cause = alert === 120 ? " (it does not offer h3)" : "";
  return new HandshakeError(`The handshake with ${remoteAddress} failed with ${hex(errorCode)}${cause}${reason}`, {
    errorCode,
    handshakeStage: stage,
    details,
  });
}

function hex(code: number): string {
  return `0x${code.toString(16)}`;
}
