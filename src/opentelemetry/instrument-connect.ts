import { subscribe, unsubscribe } from "node:diagnostics_channel";

import { context, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";

import { connectChannel } from "../client/connect-channel.ts";
import type { ConnectMessage } from "../client/connect-channel.ts";
import { HttpError } from "../errors/errors.ts";
import { redactQuery } from "../server/logging/redact-query.ts";
import type { CloseInfo, Session } from "../transport/types.ts";

import { endAttributes, protocolAttributes, serverAttributes, sessionAttributes } from "./attributes.ts";
import { headersSetter } from "./carriers.ts";
import { setContext } from "./contexts.ts";
import { Attribute, EventName } from "./names.ts";
import { instrumented, propagationOf, safely, spanRecording, tracerOf } from "./options.ts";
import type { Instrumented, InstrumentOptions, Propagation } from "./options.ts";
import { fail, recordError } from "./span-errors.ts";

let current: Instrumented | undefined;

/**
 * Makes a span of each call of `connect()` in this process, also of those that the W3C's class makes, and of the session
 * that comes of it; its context goes to the server in the request's headers. Instrumented again, the last call counts.
 */
export function instrumentConnect(options: Omit<InstrumentOptions, "meterProvider"> = {}): Instrumented {
  current?.disable();
  const tracer = new ConnectTracer(tracerOf(options), propagationOf(options), spanRecording(options));
  tracer.begin();
  const result = instrumented(() => {
    tracer.end();
    if (current === result) current = undefined;
  });
  current = result;
  return result;
}

class ConnectTracer {
  readonly #tracer: Tracer;
  readonly #propagation: Propagation;
  readonly #recordsSpans: () => boolean;
  /** Calls that have not settled. */
  readonly #calls = new Map<ConnectMessage, { readonly span: Span; readonly context: Context }>();
  #isEnding = false;

  constructor(tracer: Tracer, propagation: Propagation, recordsSpans: () => boolean) {
    this.#tracer = tracer;
    this.#propagation = propagation;
    this.#recordsSpans = recordsSpans;
  }

  begin(): void {
    subscribe(connectChannel.start.name, this.#started);
    subscribe(connectChannel.asyncEnd.name, this.#settled);
  }

  /** Calls that have not settled still get the end of their span. */
  end(): void {
    this.#isEnding = true;
    unsubscribe(connectChannel.start.name, this.#started);
    this.#leave();
  }

  #leave(): void {
    if (this.#isEnding && this.#calls.size === 0) unsubscribe(connectChannel.asyncEnd.name, this.#settled);
  }

  // What a subscriber throws would end the process.
  readonly #started = (message: unknown): void => {
    safely(() => this.#start(message as ConnectMessage));
  };

  readonly #settled = (message: unknown): void => {
    safely(() => this.#settle(message as ConnectMessage));
  };

  #start(message: ConnectMessage): void {
    const parent = context.active();
    // While no SDK is registered nobody sees a call, unless there is a context that is to be passed on.
    if (!this.#recordsSpans() && parent === ROOT_CONTEXT) {
      this.#propagation.inject(parent, message.headers, headersSetter);
      return;
    }
    const attributes = targetAttributes(message.url);
    const span = this.#tracer.startSpan("CONNECT", { kind: SpanKind.CLIENT, attributes }, parent);
    const own = trace.setSpan(parent, span);
    this.#calls.set(message, { span, context: own });
    this.#propagation.inject(own, message.headers, headersSetter);
  }

  #settle(message: ConnectMessage): void {
    const call = this.#calls.get(message);
    if (call === undefined) return;
    this.#calls.delete(message);
    this.#leave();
    const { span } = call;
    const { result: session, error } = message;
    if (session === undefined) {
      if (error instanceof HttpError) span.setAttribute(Attribute.HTTP_RESPONSE_STATUS_CODE, error.status);
      recordError(span, error);
      span.end();
      return;
    }
    setContext(session, call.context);
    const { host, port, family } = session.remoteAddress;
    span.setAttributes({
      ...sessionAttributes(session),
      [Attribute.HTTP_RESPONSE_STATUS_CODE]: 200,
      [Attribute.NETWORK_PEER_ADDRESS]: host,
      [Attribute.NETWORK_PEER_PORT]: port,
      [Attribute.NETWORK_TYPE]: family === 6 ? "ipv6" : "ipv4",
    });
    span.addEvent(EventName.ACCEPTED);
    void session.closed.then((info) => safely(() => endSpan(span, session, info)));
  }
}

function targetAttributes(url: URL): Attributes {
  return {
    ...protocolAttributes,
    ...serverAttributes(url),
    [Attribute.URL_FULL]: `${url.origin}${redactQuery(url)}`,
  };
}

function endSpan(span: Span, session: Session, info: CloseInfo): void {
  span.setAttributes(endAttributes(info, session.getStats()));
  if (!info.clean) fail(span, info.error.code, info.error.message);
  span.end();
}
