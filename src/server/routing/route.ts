import { ConfigurationError } from "../../errors/errors.ts";
import { FieldList } from "../../transport/session/field-list.ts";
import type { WebTransportSession } from "../../transport/session/session.ts";
import type { DynamicParams, HeadersInput } from "../../transport/types.ts";

import type { RequestRouter } from "./router.ts";

/** A session lives as long as its handler. */
export type SessionHandler<P extends object = DynamicParams, Locals = Record<string, unknown>> = (
  session: WebTransportSession<P, Locals>,
) => Promise<unknown>;

export interface RouteOptions {
  /** Subprotocols that the route speaks; the first of the client's that is among them is agreed on. */
  readonly protocols?: readonly string[];
  /** Refuse (400) clients that offer none of `protocols`. Default false. */
  readonly requireProtocol?: boolean;
  /** Headers of the response. */
  readonly headers?: HeadersInput;
}

/** What a path leads to. */
export interface Route {
  readonly handler: SessionHandler;
  readonly options: RouteOptions;
}

export type RouteTable = RequestRouter<Route>;

/** The options as they are now: what the caller changes later changes no route. Throws ConfigurationError. */
export function checkRouteOptions(options: RouteOptions): RouteOptions {
  const { protocols, headers, ...others } = options;
  return {
    ...others,
    ...(protocols === undefined ? {} : { protocols: [...protocols] }),
    ...(headers === undefined ? {} : { headers: checkHeaders(headers) }),
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
