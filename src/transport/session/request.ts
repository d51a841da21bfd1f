import type { X509Certificate } from "node:crypto";

import { ConfigurationError, SessionError } from "../../errors/errors.ts";
import type { HeaderList } from "../../protocol/output.ts";

import { FieldList } from "./field-list.ts";
import { Deferred, rejected } from "../../async/promises.ts";
import type { SessionDescription, WebTransportSession } from "./session.ts";
import type { Address, Connection, HeadersInput, Session } from "../types.ts";

/** Options for accepting a request. */
export interface AcceptOptions {
  /** One of the subprotocols that the client offers. */
  readonly protocol?: string | undefined;
  /** They go with the 200. */
  readonly headers?: HeadersInput | undefined;
}

/** Only the headers reach the client; the rest is for log and statistics. */
export interface RejectOptions {
  /** They go with the refusal. */
  readonly headers?: HeadersInput;
  /** Default "application". */
  readonly kind?: RejectionKind;
  /** A sentence: what was wrong, and how to fix it. */
  readonly reason?: string;
  /** What was thrown, for the log. */
  readonly cause?: unknown;
}

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

/** Sends the answer on the connection. */
export interface RequestAnswerer {
  accept(sessionId: number, headers: HeaderList, description: SessionDescription): WebTransportSession<object, unknown>;
  reject(sessionId: number, status: number, headers: HeaderList): void;
}

export interface IncomingSessionInit {
  readonly sessionId: number;
  readonly rawHeaders: HeaderList;
  readonly url: URL;
  readonly protocols: readonly string[];
  readonly connection: Connection;
  readonly answerer: RequestAnswerer;
}

/**
 * The client has taken the request back, or the connection is gone. No method of the request: an application that called
 * it would leave the client without an answer.
 */
export let cancelRequest: (request: IncomingSession, reason: SessionError) => void;

/** A session request that can be answered, once. */
export class IncomingSession<Locals = Record<string, unknown>> implements SessionRequest<Locals> {
  readonly method = "CONNECT";
  readonly url: URL;
  readonly rawHeaders: HeaderList;
  readonly protocols: readonly string[];
  readonly connection: Connection;
  locals: Locals;
  pathParams: readonly string[] = [];
  params: Readonly<Record<string, string>> = {};
  route: string | undefined;
  readonly #answerer: RequestAnswerer;
  readonly #sessionId: number;
  readonly #fields: FieldList;
  #abort: AbortController | undefined;
  #cancelled: SessionError | undefined;
  #rejection: Rejection | undefined;
  #answer: "none" | "accepted" | "rejected" | "cancelled" = "none";
  #outcome: RequestOutcome | undefined;
  /** Created lazily: most requests are answered without it. */
  #awaited: Deferred<RequestOutcome> | undefined;

  static {
    cancelRequest = (request, reason) => {
      request.#cancel(reason);
    };
  }

  /** Made by the connection. @internal */
  constructor(init: IncomingSessionInit) {
    this.url = init.url;
    this.rawHeaders = init.rawHeaders;
    this.#fields = new FieldList(init.rawHeaders);
    this.protocols = init.protocols;
    this.connection = init.connection;
    this.locals = {} as Locals;
    this.#answerer = init.answerer;
    this.#sessionId = init.sessionId;
  }

  get headers(): Headers {
    return this.#fields.headers;
  }
  get path(): string {
    return this.url.pathname;
  }
  get origin(): string | undefined {
    return this.headers.get("origin") ?? undefined;
  }
  get authority(): string {
    return this.#pseudo(":authority");
  }
  get scheme(): string {
    return this.#pseudo(":scheme");
  }
  get remoteAddress(): Address {
    return this.connection.remoteAddress;
  }
  get peerCertificate(): X509Certificate | undefined {
    return this.connection.peerCertificate;
  }
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#cancelled !== undefined) this.#abort.abort(this.#cancelled);
    }
    return this.#abort.signal;
  }
  get rejection(): Rejection | undefined {
    return this.#rejection;
  }
  set rejection(rejection: Rejection | undefined) {
    this.#rejection = rejection;
  }
  get isAnswered(): boolean {
    return this.#answer !== "none";
  }
  get outcome(): Promise<RequestOutcome> {
    if (this.#awaited === undefined) {
      this.#awaited = new Deferred();
      if (this.#outcome !== undefined) this.#awaited.resolve(this.#outcome);
    }
    return this.#awaited.promise;
  }

  /**
   * Answers 200. Rejects with SessionError when the client has gone or the request is answered already, and with
   * ConfigurationError for a protocol that is not offered or headers that are more than the client takes: then the request
   * can still be answered.
   */
  accept(options: AcceptOptions = {}): Promise<WebTransportSession<Record<string, string>, Locals>> {
    const { protocol } = options;
    if (protocol !== undefined && !this.protocols.includes(protocol)) {
      const offered = this.protocols.join(", ") || "none";
      const text = `Cannot accept with subprotocol "${protocol}": the client offers ${offered}`;
      return rejected(new ConfigurationError(text, { configKey: "protocol", configValue: protocol }));
    }
    const refusal = this.#refusal("accept");
    if (refusal !== undefined) return rejected(refusal);
    let response: FieldList;
    try {
      response = FieldList.of(options.headers);
    } catch (error) {
      return rejected(error);
    }
    this.#answer = "accepted";
    try {
      const session = this.#answerer.accept(this.#sessionId, response.list, {
        url: this.url,
        path: this.path,
        request: this.#fields,
        response,
        protocol: protocol ?? "",
        locals: this.locals,
        params: this.params,
        pathParams: this.pathParams,
      });
      this.#end({ type: "accepted", status: 200, session });
      return Promise.resolve(session as unknown as WebTransportSession<Record<string, string>, Locals>);
    } catch (error) {
      // It can still be rejected.
      this.#answer = "none";
      return rejected(error);
    }
  }

  /** Answers with a status that is not 2xx. Throws RangeError for any other; rejects as {@link accept} does. */
  reject(status: number, options: RejectOptions = {}): Promise<void> {
    if (!Number.isInteger(status) || status < 300 || status > 599) {
      throw new RangeError(`Cannot reject a session with status ${String(status)}: 300 to 599 are allowed`);
    }
    const refusal = this.#refusal("reject");
    if (refusal !== undefined) return rejected(refusal);
    const { kind = "application", reason = "the application has refused it", cause } = options;
    try {
      const fields = FieldList.of(options.headers);
      this.#answer = "rejected";
      this.#rejection = { status, headers: fields.headers, kind, reason, cause };
      this.#answerer.reject(this.#sessionId, status, fields.list);
      this.#end({ type: "rejected", status, headers: fields.headers });
      return Promise.resolve();
    } catch (error) {
      this.#answer = "none";
      return rejected(error);
    }
  }

  #cancel(reason: SessionError): void {
    if (this.#answer !== "none") return;
    this.#answer = "cancelled";
    this.#cancelled = reason;
    this.#abort?.abort(reason);
    this.#end({ type: "cancelled", error: reason });
  }

  #end(outcome: RequestOutcome): void {
    this.#outcome = outcome;
    this.#awaited?.resolve(outcome);
  }

  #refusal(what: "accept" | "reject"): SessionError | undefined {
    if (this.#answer === "none") return undefined;
    const cancelled = this.#answer === "cancelled";
    const text = cancelled ? "the client has gone" : `it has been ${this.#answer} already`;
    return new SessionError(`Cannot ${what} the session request: ${text}`, {
      code: cancelled ? "ERR_WT_SESSION_CANCELLED" : "ERR_WT_SESSION_ANSWERED",
      cause: this.#cancelled,
    });
  }

  #pseudo(name: string): string {
    return this.rawHeaders.find(([key]) => key === name)?.[1] ?? "";
  }
}
