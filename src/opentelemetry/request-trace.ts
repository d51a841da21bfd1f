import { SpanKind, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";

import { SessionError } from "../errors/errors.ts";
import type { IncomingSession, Rejection, RequestOutcome } from "../transport/session/request.ts";
import type { CloseInfo, Session } from "../transport/types.ts";

import { endAttributes, errorType, requestAttributes, sessionAttributes } from "./attributes.ts";
import { setContext } from "./contexts.ts";
import { Attribute, EventName, OwnAttribute } from "./names.ts";
import { safely } from "./options.ts";
import type { Propagation } from "./options.ts";
import type { ServerMetrics } from "./server-metrics.ts";
import { fail, recordError } from "./span-errors.ts";

/** What all traces of a server share. */
export interface Tracing {
  readonly tracer: Tracer;
  readonly recordsSpans: () => boolean;
  readonly propagation: Propagation;
  readonly metrics: ServerMetrics;
  /** Leave values of the query out. */
  readonly redactQuery: boolean;
}

/**
 * The span of a request and of the session that comes of it: it begins when the request arrives and ends once, when the
 * request was not accepted, or the session is closed.
 */
export class RequestTrace {
  readonly context: Context;
  readonly #tracing: Tracing;
  readonly #request: IncomingSession;
  readonly #span: Span;
  /** Nobody sees what is told to a span that does not record: no SDK is registered, or its sampler has left it out. */
  readonly #isRecording: boolean;
  readonly #arrived = performance.now();
  #session: Session | undefined;
  #errorType: string | undefined;
  /** Milliseconds since the epoch; undefined while the span lasts. */
  #endedAt: number | undefined;

  /** `parent`: what the request's headers say. */
  constructor(tracing: Tracing, request: IncomingSession, parent: Context) {
    const { tracer, recordsSpans, redactQuery } = tracing;
    this.#tracing = tracing;
    this.#request = request;
    const attributes = recordsSpans() ? requestAttributes(request, redactQuery) : {};
    this.#span = tracer.startSpan("CONNECT", { kind: SpanKind.SERVER, attributes }, parent);
    this.#isRecording = this.#span.isRecording();
    this.context = trace.setSpan(parent, this.#span);
    setContext(request, this.context);
    void request.outcome.then((outcome) => safely(() => this.#answered(outcome)));
  }

  handlerStarted(): void {
    this.#addEvent(EventName.HANDLER_STARTED);
  }

  handlerEnded(): void {
    this.#addEvent(EventName.HANDLER_ENDED);
  }

  handlerFailed(error: unknown): void {
    // As ServerApp judges: a handler that was waiting for its peer when the session ended has not failed.
    const isFailure = this.#session?.isReady !== false || !(error instanceof SessionError);
    if (this.#endedAt === undefined) {
      if (isFailure) this.#errorType = recordError(this.#span, error);
      this.handlerEnded();
    } else if (isFailure) {
      this.#failedLate(error, this.#endedAt);
    }
  }

  #answered(outcome: RequestOutcome): void {
    const { route } = this.#request;
    if (route !== undefined && this.#isRecording) {
      this.#span.updateName(`CONNECT ${route}`);
      this.#span.setAttribute(Attribute.HTTP_ROUTE, route);
    }
    switch (outcome.type) {
      case "accepted":
        this.#accepted(outcome.session);
        break;
      case "rejected":
        this.#rejected(outcome.status, this.#request.rejection);
        break;
      case "cancelled":
        this.#addEvent(EventName.ABANDONED, {
          [Attribute.ERROR_TYPE]: errorType(outcome.error.cause ?? outcome.error),
        });
        this.#answerRecorded("abandoned");
        this.#end();
    }
  }

  #accepted(session: Session): void {
    this.#session = session;
    setContext(session, this.context);
    if (this.#isRecording) {
      this.#span.setAttributes({ [Attribute.HTTP_RESPONSE_STATUS_CODE]: 200, ...sessionAttributes(session) });
    }
    this.#addEvent(EventName.ACCEPTED);
    this.#answerRecorded("accepted", 200);
    const accepted = performance.now();
    void session.closed.then((info) => safely(() => this.#sessionEnded(session, info, accepted)));
  }

  #rejected(status: number, rejection: Rejection | undefined): void {
    this.#errorType = recordRejection(this.#span, { status, ...rejectionOf(rejection) });
    this.#answerRecorded("rejected", status);
    this.#end();
  }

  #answerRecorded(outcome: "accepted" | "rejected" | "abandoned", status?: number): void {
    const { metrics } = this.#tracing;
    if (!metrics.isRecording) return;
    metrics.requestAnswered((performance.now() - this.#arrived) / 1000, {
      ...this.#shared(),
      [OwnAttribute.REQUEST_OUTCOME]: outcome,
      ...(status !== undefined && { [Attribute.HTTP_RESPONSE_STATUS_CODE]: status }),
    });
  }

  #sessionEnded(session: Session, info: CloseInfo, accepted: number): void {
    const span = this.#span;
    if (this.#isRecording) span.setAttributes(endAttributes(info, session.getStats()));
    // What a handler has thrown is the cause of its session's end.
    if (!info.clean && this.#errorType === undefined) {
      this.#errorType = info.error.code;
      fail(span, info.error.code, info.error.message);
    }
    const { metrics } = this.#tracing;
    if (metrics.isRecording) {
      metrics.sessionEnded((performance.now() - accepted) / 1000, {
        ...this.#shared(),
        [OwnAttribute.SESSION_CLOSED_BY]: info.by,
      });
    }
    this.#end();
  }

  /** The session's span is over: a handler that fails in clearing up has one of its own. */
  #failedLate(error: unknown, since: number): void {
    const span = this.#tracing.tracer.startSpan(
      "webtransport.handler",
      { kind: SpanKind.INTERNAL, startTime: since },
      this.context,
    );
    recordError(span, error);
    span.end();
  }

  #shared(): Attributes {
    const { route } = this.#request;
    return {
      ...(route !== undefined && { [Attribute.HTTP_ROUTE]: route }),
      ...(this.#errorType !== undefined && { [Attribute.ERROR_TYPE]: this.#errorType }),
    };
  }

  #addEvent(name: string, attributes: Attributes = {}): void {
    if (this.#isRecording && this.#endedAt === undefined) this.#span.addEvent(name, attributes);
  }

  #end(): void {
    this.#endedAt = Date.now();
    this.#span.end();
  }
}

/** Why a request was turned down, for its span. */
export interface RecordedRejection {
  readonly status: number;
  readonly kind: string;
  readonly reason: string;
  readonly cause: unknown;
}

/** Returns the `error.type` of what has failed here; undefined for a refusal that was meant. */
export function recordRejection(span: Span, { status, kind, reason, cause }: RecordedRejection): string | undefined {
  span.setAttributes({ [Attribute.HTTP_RESPONSE_STATUS_CODE]: status, [OwnAttribute.REJECTION_KIND]: kind });
  const event = { [OwnAttribute.REJECTION_KIND]: kind, [OwnAttribute.REJECTION_REASON]: reason };
  span.addEvent(EventName.REJECTED, event);
  // By the semantic conventions: 4xx is the client's fault, and no error of the server.
  if (status < 500) return undefined;
  if (cause !== undefined) return recordError(span, cause);
  fail(span, String(status), reason);
  return String(status);
}

function rejectionOf(rejection: Rejection | undefined): Omit<RecordedRejection, "status"> {
  return rejection ?? { kind: "application", reason: "", cause: undefined };
}
