import { isSubprotocol } from "../../base/subprotocol.ts";
import { checkFunction, checkOptions } from "../../config/given-options.ts";
import { aFunction, anything, flag, listOf } from "../../config/option-checks.ts";
import type { Check } from "../../config/option-checks.ts";
import { refused } from "../../config/option-table.ts";
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

const subprotocol: Check = (value) =>
  typeof value === "string" && isSubprotocol(value) ? undefined : "must be 1 to 512 printable ASCII characters";

/**
 * What stands behind a route's path: options, a handler, both or nothing. The options as they are now: what the caller
 * changes later changes no route. Throws ConfigurationError.
 */
export function routeArguments<Locals>(
  given: readonly unknown[],
): RouteOptions<Locals> & { readonly handler: SessionHandler | undefined } {
  const [first, second] = given;
  const isHandlerFirst = typeof first === "function";
  const handler = isHandlerFirst ? first : second;
  if (isHandlerFirst || given.length > 1) checkFunction("handler", handler);
  const options = isHandlerFirst || first === undefined ? {} : first;
  return { ...routeOptions(options as RouteOptions<Locals>), handler: handler as SessionHandler | undefined };
}

function routeOptions<Locals>(options: RouteOptions<Locals>): RouteOptions<Locals> {
  checkOptions("a route", options, {
    protocols: listOf(subprotocol),
    requireProtocol: flag,
    headers: anything,
    middleware: listOf(aFunction),
  });
  const { protocols, headers, middleware, ...others } = options;
  if (others.requireProtocol === true && (protocols ?? []).length === 0) {
    throw refused("protocols", protocols, "must not be empty with requireProtocol: no client could connect");
  }
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
