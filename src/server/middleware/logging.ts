import { hostAndPort } from "../../base/host-and-port.ts";
import { quiet } from "../../async/promises.ts";
import { checkOptions } from "../../config/given-options.ts";
import { consoleLogger, LogLevel } from "../../config/logger.ts";
import type { Logger } from "../../config/logger.ts";
import { aFunction, aLogger, flag, oneOf } from "../../config/option-checks.ts";
import type { RequestOutcome, SessionRequest } from "../../transport/session/request.ts";
import type { CloseInfo, Session } from "../../transport/types.ts";
import { fullPath, redactQuery } from "../logging/redact-query.ts";

import type { Middleware } from "./middleware.ts";

/** Options of `createLoggingMiddleware`. */
export interface LoggingOptions {
  /** Of pino's shape. Default, and instead of `console` itself: one line each on standard error. */
  readonly logger?: Logger;
  /** Of every line; "silent" writes none. Default "info". */
  readonly level?: LogLevel;
  /** Leave the values of the query's parameters out, which may be tokens. Default true. */
  readonly redactQuery?: boolean;
  /** For tests: milliseconds of a clock that does not jump. Default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Writes one line for each request when it is answered, and one for each session when it ends. Lets every request go on;
 * put it first, so that it sees those which other middleware refuses. Throws ConfigurationError. The server's own access log goes on beside it:
 * `accessLog: false` of the configuration leaves of that the refusals alone.
 *
 * A request's fields: `path`, `remote`, `origin`, `status` (none when the client has gone before), `kind` (of a
 * rejection), `protocol`, `session`, `duration` (milliseconds until the answer). A session's: `path`, `remote`, `status`,
 * `session`, `duration` (milliseconds), `bytesSent`, `bytesReceived`, `streamsOpened`, `streamsAccepted`, `datagramsSent`,
 * `datagramsReceived`, `by`, and `code` and `reason` or, when no side has closed the session, `error`.
 *
 * ```ts
 * app.middleware(createLoggingMiddleware({ logger: pino() }));
 * ```
 */
export function createLoggingMiddleware(options: LoggingOptions = {}): Middleware<unknown> {
  checkOptions("createLoggingMiddleware", options, {
    logger: aLogger,
    level: oneOf(...Object.values(LogLevel)),
    redactQuery: flag,
    now: aFunction,
  });
  const { logger = consoleLogger, level = "info", now = () => performance.now() } = options;
  const shownPath = options.redactQuery === false ? fullPath : redactQuery;
  // `console` would spread the fields over several lines.
  const target: Logger = (logger as unknown) === console ? consoleLogger : logger;
  return function logging(request) {
    if (level === "silent") return true;
    const started = now();
    const { host, port } = request.remoteAddress;
    const place = {
      path: shownPath(request.url),
      remote: hostAndPort(host, port),
    };
    const follow = async (): Promise<void> => {
      const outcome = await request.outcome;
      const [message, fields] = described(outcome, request);
      target[level]({ ...place, ...fields, duration: Math.round(now() - started) }, message);
      if (outcome.type !== "accepted") return;
      const answered = now();
      const info = await outcome.session.closed;
      const duration = Math.round(now() - answered);
      target[level]({ ...place, status: 200, ...endOf(outcome.session, info), duration }, "session ended");
    };
    // A logger that throws must not end the process.
    void quiet(follow());
    return true;
  };
}

function described(outcome: RequestOutcome, request: SessionRequest<unknown>): [message: string, fields: object] {
  const { origin } = request;
  switch (outcome.type) {
    case "accepted": {
      const { id, protocol } = outcome.session;
      return ["session accepted", { origin, status: 200, session: id, protocol: protocol || undefined }];
    }
    case "rejected":
      return ["session refused", { origin, status: outcome.status, kind: request.rejection?.kind }];
    case "cancelled":
      return ["session request abandoned by the client", { origin }];
  }
}

function endOf(session: Session, info: CloseInfo): object {
  const { bytesSent, bytesReceived, streamsOpened, streamsAccepted, datagramsSent, datagramsReceived } =
    session.getStats();
  return {
    session: session.id,
    bytesSent,
    bytesReceived,
    streamsOpened,
    streamsAccepted,
    datagramsSent,
    datagramsReceived,
    by: info.by,
    ...(info.clean ? { code: info.code, reason: info.reason || undefined } : { error: info.error.message }),
  };
}
