import { ConfigurationError } from "../errors/errors.ts";
import { ServerObservers } from "../server/observers.ts";
import type { WebTransportServer } from "../server/server.ts";

import { instrumented, meterOf, propagationOf, spanRecording, tracerOf } from "./options.ts";
import type { Instrumented, InstrumentOptions } from "./options.ts";
import { ServerMetrics } from "./server-metrics.ts";
import { ServerTracer } from "./server-tracer.ts";

/** A server, or an app: what has one. */
export type InstrumentTarget = WebTransportServer | { readonly server: WebTransportServer };

/** A server is instrumented once: twice would be two spans for a session. */
const current = new WeakMap<WebTransportServer, Instrumented>();

/**
 * Makes a span of each session of a server or an app, gives the server's figures to the meter, and makes the session's
 * context the active one in middleware and handlers. Instrumented again, also by {@link WebTransportInstrumentation}, the
 * last call counts. Throws ConfigurationError for what is neither a server nor an app.
 *
 * ```ts
 * const app = new ServerApp({ config });
 * instrument(app);
 * ```
 */
export function instrument(target: InstrumentTarget, options: InstrumentOptions = {}): Instrumented {
  const server = serverOf(target);
  current.get(server)?.disable();
  const metrics = new ServerMetrics(meterOf(options));
  const tracer = new ServerTracer({
    tracer: tracerOf(options),
    recordsSpans: spanRecording(options),
    propagation: propagationOf(options),
    metrics,
    redactQuery: server.config.values.redactQuery,
  });
  server.observers.add(tracer);
  const endObserving = metrics.observe(server);
  const result = instrumented(() => {
    server.observers.delete(tracer);
    endObserving();
    if (current.get(server) === result) current.delete(server);
  });
  current.set(server, result);
  return result;
}

function serverOf(target: InstrumentTarget): WebTransportServer {
  // A caller without types may give anything.
  const given = target as { readonly server?: unknown; readonly observers?: unknown } | null | undefined;
  const server = (given?.server ?? given) as WebTransportServer | undefined;
  if ((server as { readonly observers?: unknown } | undefined)?.observers instanceof ServerObservers && server)
    return server;
  throw new ConfigurationError("Cannot instrument: the target must be a WebTransportServer or a ServerApp", {
    configKey: "target",
    configValue: target,
  });
}
