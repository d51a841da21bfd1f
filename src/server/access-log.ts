import { hostAndPort } from "../base/host-and-port.ts";
import { errorLine } from "../base/error-text.ts";
import type { Logger } from "../config/logger.ts";
import type { Rejection, RejectionKind } from "../transport/session/request.ts";
import type { Address, CloseInfo, Session, SessionStats } from "../transport/types.ts";

import { fullPath, redactQuery } from "./logging/redact-query.ts";

/** Of the configuration. */
export interface AccessLogOptions {
  readonly accessLog: boolean;
  readonly redactQuery: boolean;
}

/** Refusals for which something here is to be mended. */
const failures: ReadonlySet<RejectionKind> = new Set<RejectionKind>([
  "error",
  "middleware_error",
  "middleware_timeout",
]);

/** With its stack: somebody has to find the place. What is no error may be anything, a user's record as well. */
function faultOf(cause: unknown): { readonly error?: Error } {
  return cause instanceof Error ? { error: cause } : {};
}

/** In one line: nothing here is at fault. The reason names the error itself already, when it is made of its message. */
function causeOf(cause: unknown, reason: string): { readonly cause?: string } {
  const told = cause instanceof Error && cause.message !== "" && reason.endsWith(cause.message) ? cause.cause : cause;
  return told instanceof Error ? { cause: errorLine(told) } : {};
}

/** What a line of the log is about. */
export interface LogSubject {
  readonly url: { readonly pathname: string; readonly search: string };
  readonly remoteAddress: Address;
}

/**
 * The server's account of its requests and sessions in the log: one line a request with its outcome, one a session's end.
 * Every line has the fields `path` (with its query, whose values are left out unless `redactQuery` is off) and `remote`; one
 * of a request has the `status` that the client got, one of a session `session`, its id. A refusal has its `kind`, and the `cause` in one line or,
 * where something here is at fault, the `error`. What was refused is always told
 * ("warn", what failed "error"), the rest with `accessLog` ("info").
 */
export class AccessLog {
  readonly #logger: Logger;
  readonly #tellsAll: boolean;
  readonly #pathOf: (url: LogSubject["url"]) => string;

  constructor(logger: Logger, options: AccessLogOptions) {
    this.#logger = logger;
    this.#tellsAll = options.accessLog;
    this.#pathOf = options.redactQuery ? redactQuery : fullPath;
  }

  accepted(session: Session): void {
    if (!this.#tellsAll) return;
    const protocol = session.protocol === "" ? {} : { protocol: session.protocol };
    this.#write("info", session, { status: 200, session: session.id, ...protocol }, "200: accepted");
  }

  refused(subject: LogSubject, { status, kind, reason, cause }: Omit<Rejection, "headers">): void {
    const isFailure = failures.has(kind);
    const why = isFailure || status >= 500 ? faultOf(cause) : causeOf(cause, reason);
    this.#write(isFailure ? "error" : "warn", subject, { status, kind, ...why }, `${status}: ${reason}`);
  }

  /** The client has gone before it was answered. */
  abandoned(subject: LogSubject): void {
    if (this.#tellsAll) this.#write("info", subject, {}, "abandoned: the client has gone before it was answered");
  }

  ended(session: Session, info: CloseInfo, stats: SessionStats): void {
    if (!this.#tellsAll) return;
    const { duration, bytesSent, bytesReceived } = stats;
    const how = info.clean ? `code ${info.code}` : info.error.message;
    const fields = info.clean ? { code: info.code, reason: info.reason } : { error: info.error.message };
    this.#write(
      "info",
      session,
      { session: session.id, by: info.by, ...fields, duration, bytesSent, bytesReceived },
      `ended: ${how}`,
    );
  }

  #write(level: keyof Logger, subject: LogSubject, fields: object, message: string): void {
    const { host, port } = subject.remoteAddress;
    this.#logger[level]({ path: this.#pathOf(subject.url), remote: hostAndPort(host, port), ...fields }, message);
  }
}
