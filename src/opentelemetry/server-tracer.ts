import { context, ROOT_CONTEXT, SpanKind } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";

import type { CoreRejection } from "../server/admission/core-refusals.ts";
import type { ServerObserver } from "../server/observers.ts";
import type { RefusedRequest } from "../transport/connection/owner.ts";
import type { IncomingSession } from "../transport/session/request.ts";
import type { Session } from "../transport/types.ts";

import { clientAttributes, pathAttributes, protocolAttributes } from "./attributes.ts";
import { fieldGetter } from "./carriers.ts";
import { Attribute, OwnAttribute } from "./names.ts";
import { safely } from "./options.ts";
import { recordRejection, RequestTrace } from "./request-trace.ts";
import type { Tracing } from "./request-trace.ts";

/** Makes a span of each request of a server, and answers each in its context. */
export class ServerTracer implements ServerObserver {
  readonly #tracing: Tracing;
  readonly #traces = new WeakMap<IncomingSession, RequestTrace>();

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  requestArrived(request: IncomingSession): void {
    safely(() => {
      const parent = this.#tracing.propagation.extract(ROOT_CONTEXT, request.rawHeaders, fieldGetter);
      if (this.#isSeen(parent)) this.#traces.set(request, new RequestTrace(this.#tracing, request, parent));
    });
  }

  requestRefused(refused: RefusedRequest, { subject, rejection }: CoreRejection): void {
    safely(() => {
      const { tracer, propagation, metrics, redactQuery } = this.#tracing;
      const parent = propagation.extract(ROOT_CONTEXT, refused.headers, fieldGetter);
      if (!this.#isSeen(parent)) return;
      const attributes = {
        ...protocolAttributes,
        // What was not read has no path.
        ...(subject.url.pathname !== "" && pathAttributes(subject.url, redactQuery)),
        ...clientAttributes(refused.remoteAddress),
      };
      const span = tracer.startSpan("CONNECT", { kind: SpanKind.SERVER, attributes }, parent);
      const errorType = recordRejection(span, rejection);
      span.end();
      metrics.requestAnswered(0, {
        [OwnAttribute.REQUEST_OUTCOME]: "rejected",
        [Attribute.HTTP_RESPONSE_STATUS_CODE]: rejection.status,
        ...(errorType !== undefined && { [Attribute.ERROR_TYPE]: errorType }),
      });
    });
  }

  answering(request: IncomingSession, answer: () => Promise<void>): Promise<void> {
    // What happens to be active is another session's: the connection may have been read on its behalf.
    return context.with(this.#traces.get(request)?.context ?? ROOT_CONTEXT, answer);
  }

  handling(request: IncomingSession, _session: Session, handle: () => Promise<unknown>): Promise<unknown> {
    const followed = this.#traces.get(request);
    return followed === undefined ? handle() : followHandler(followed, handle);
  }

  /** While no SDK is registered nobody sees a request, unless it has brought a context that is to be passed on. */
  #isSeen(parent: Context): boolean {
    const { recordsSpans, metrics } = this.#tracing;
    return recordsSpans() || metrics.isRecording || parent !== ROOT_CONTEXT;
  }
}

async function followHandler(followed: RequestTrace, handle: () => Promise<unknown>): Promise<unknown> {
  safely(() => {
    followed.handlerStarted();
  });
  try {
    const result = await handle();
    safely(() => {
      followed.handlerEnded();
    });
    return result;
  } catch (error) {
    safely(() => {
      followed.handlerFailed(error);
    });
    throw error;
  }
}
