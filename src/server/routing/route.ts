import { ConfigurationError } from "../../errors/errors.ts";
import { FieldList } from "../../transport/session/field-list.ts";
import type { WebTransportSession } from "../../transport/session/session.ts";
import type { DynamicParams, HeadersInput } from "../../transport/types.ts";

import type { Middleware } from "../middleware/middleware.ts";
import type { MiddlewareChain } from "../middleware/middleware-manager.ts";

/** A session lives as long as its handler. */
export type SessionHandler<P extends object = DynamicParams, Locals = Record<string, unknown>> = (
  session: WebTransportSession<P, Locals>,
) => Promise<unknown>;

/** Options of a route. */
export interface RouteOptions<Locals = Record<string, unknown>> {
  /** Subprotocols that the route speaks; the first of the client's that is among them is agreed on. */
  readonly protocols?: readonly string[];
  /** Refuse (400) clients that offer none of `protocols`. Default false. */
  readonly requireProtocol?: boolean;
  /** Headers of the response. */
  readonly headers?: HeadersInput;
  /** Of this route alone, behind the configuration's and the app's, in this order. */
  readonly middleware?: readonly Middleware<Locals>[];
}

/** Told of what a handler or a middleware threw; `session` is undefined for a middleware's. */
export type ErrorHandler = (error: unknown, session: WebTransportSession | undefined) => unknown;

/** What a path leads to. */
export interface Route {
  readonly handler: SessionHandler;
  /** Its app, as far as it is asked about failures. */
  readonly owner: { readonly errorHandler: ErrorHandler | undefined };
  readonly options: Omit<RouteOptions, "middleware">;
  /** Of the apps that are mounted, outermost first, and then of the route itself. */
  readonly chains: readonly MiddlewareChain[];
}

/** A route as an app shows it. */
export interface RegisteredRoute {
  /** Of a path, or a path with parameters. */
  readonly path?: string;
  /** Of a pattern: its source, behind the prefix of a mounted app. */
  readonly pattern?: string;
  readonly protocols: readonly string[];
  /** Names of the middleware that its requests pass, in order. */
  readonly middleware: readonly string[];
}

/** The options as they are now: what the caller changes later changes no route. Throws ConfigurationError. */
export function checkRouteOptions<Locals>(options: RouteOptions<Locals>): RouteOptions<Locals> {
  const { protocols, headers, middleware, ...others } = options;
  return {
    ...others,
    ...(protocols === undefined ? {} : { protocols: [...protocols] }),
    ...(headers === undefined ? {} : { headers: checkHeaders(headers) }),
    ...(middleware === undefined ? {} : { middleware: [...middleware] }),
  };
}

function checkHeaders(headers: HeadersInput): Headers {
  try {
    return new Headers(FieldList.of(headers).headers);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`Cannot add the route: its headers are malformed: ${reason}`, {
      configKey: "headers",
      configValue: headers,
      cause,
    });
  }
}
