/** A request for a session as middleware, the router and listeners see it. IncomingSession answers it. */
import type { X509Certificate } from "node:crypto";

import type { SessionError } from "../../errors/errors.ts";
import type { Address, Connection, Session } from "../types.ts";

/** Why a request was turned down: statistics count by it. */
export const RejectionKind = Object.freeze({
  /** The server, or the connection, is being closed. */
  CLOSING: "closing",
  MAX_SESSIONS: "max_sessions",
  MAX_SESSIONS_PER_CONNECTION: "max_sessions_per_connection",
  MAX_SESSIONS_PER_ADDRESS: "max_sessions_per_address",
  PATH_TOO_LONG: "path_too_long",
  /** Its authority and path make no URL, or it has several origins. */
  MALFORMED: "malformed",
  /** Its headers are larger, or more, than the server takes. */
  HEADERS: "headers",
  /** Not one of `authorities`. */
  AUTHORITY: "authority",
  /** Not one of `allowedOrigins`, or of a middleware's. */
  ORIGIN: "origin",
  /** No route matches. */
  ROUTE: "route",
  /** The route requires a subprotocol that the client does not offer. */
  PROTOCOL: "protocol",
  /** The application does not take the sessions of `incomingSessions()`. */
  NOT_TAKEN: "not_taken",
  /** Something has failed here: 500. */
  ERROR: "error",
  /** `reject` was called without a kind. */
  APPLICATION: "application",
  /** A middleware said no: `false`, a `Response` or an `HttpError`. */
  MIDDLEWARE: "middleware",
  /** A middleware gave no clear answer, or failed. */
  MIDDLEWARE_ERROR: "middleware_error",
  /** A middleware took longer than `middlewareTimeout`. */
  MIDDLEWARE_TIMEOUT: "middleware_timeout",
  AUTH: "auth",
  RATE_LIMIT: "rate_limit",
  /** The store that the rate limit is kept in did not answer. */
  RATE_LIMIT_STORE: "rate_limit_store",
} as const);
/** A value of {@link RejectionKind:variable}. */
export type RejectionKind = (typeof RejectionKind)[keyof typeof RejectionKind];

/** How a request was turned down. Only status and headers reach the client. */
export interface Rejection {
  /** 300 to 599. */
  readonly status: number;
  /** They went with the status. */
  readonly headers: Headers;
  /** Statistics count by it. */
  readonly kind: RejectionKind;
  /** A sentence for the log: what was wrong, and how to fix it. */
  readonly reason: string;
  /** What was thrown, or what was returned instead of an answer; undefined when the refusal was deliberate. */
  readonly cause: unknown;
}

/** What became of a request. */
export type RequestOutcome =
  | { readonly type: "accepted"; readonly status: 200; readonly session: Session }
  | { readonly type: "rejected"; readonly status: number; readonly headers: Headers }
  /** The client has taken it back, or its connection has ended. */
  | { readonly type: "cancelled"; readonly error: SessionError };

/** A client's request for a session, before it is answered, as middleware and the router see it. */
export interface SessionRequest<Locals = Record<string, unknown>> {
  /** As the client asked for it, with its query. */
  readonly url: URL;
  /** Without the query string. */
  readonly path: string;
  /** Always CONNECT (RFC 9220). */
  readonly method: "CONNECT";
  /** The request's header fields, without pseudo-headers. */
  readonly headers: Headers;
  /** The page's origin; undefined when the client sent none. */
  readonly origin: string | undefined;
  /** Host and port that the client asked for. */
  readonly authority: string;
  /** Always "https". */
  readonly scheme: string;
  /** As they came, pseudo-headers included. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /** The client's address. */
  readonly remoteAddress: Address;
  /** The client's certificate, which one of `caCerts` has issued; undefined when it gave none (`verifyMode` "optional"). */
  readonly peerCertificate: X509Certificate | undefined;
  /** Subprotocols that the client offers, in its order. */
  readonly protocols: readonly string[];
  /** The connection that the request came on. */
  readonly connection: Connection;
  /** Carried on to the session. */
  readonly locals: Locals;
  /** What the route found in the path, in order, decoded; empty before routing. */
  readonly pathParams: readonly string[];
  /** The same by name. */
  readonly params: Readonly<Record<string, string>>;
  /**
   * The path or pattern of the route that the request has met, as it was registered, with the prefixes of mounted apps.
   * Undefined before it is routed: middleware of routes sees it, middleware of the app does not.
   */
  readonly route: string | undefined;
  /** Aborts when the client takes the request back. */
  readonly signal: AbortSignal;
  /** How the request was refused; undefined while it was not. */
  readonly rejection?: Rejection | undefined;
  /** Fulfilled when the request is answered, or will not be any more; never rejects. */
  readonly outcome: Promise<RequestOutcome>;
}
