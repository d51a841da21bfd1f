import type { X509Certificate } from "node:crypto";

import { checkOptions } from "../../config/given-options.ts";
import { anything } from "../../config/option-checks.ts";
import type { Check } from "../../config/option-checks.ts";
import { ConfigurationError, SessionError } from "../../errors/errors.ts";
import type { HeaderList } from "../../protocol/output.ts";

import { FieldList } from "./field-list.ts";
import { Deferred, rejected } from "../../async/promises.ts";
import type { SessionDescription, WebTransportSession } from "./session.ts";
import type { Rejection, RejectionKind, RequestOutcome, SessionRequest } from "./session-request.ts";
import type { Address, Connection, HeadersInput } from "../types.ts";

export { RejectionKind } from "./session-request.ts";
export type { Rejection, RequestOutcome, SessionRequest } from "./session-request.ts";

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

/** Sends the answer on the connection. */
export interface RequestAnswerer {
  accept(sessionId: number, headers: HeaderList, description: SessionDescription): WebTransportSession<object, unknown>;
  reject(sessionId: number, status: number, headers: HeaderList): void;
}

const acceptOptions: Readonly<Record<string, Check>> = { protocol: anything, headers: anything };

const rejectOptions: Readonly<Record<string, Check>> = {
  // A whole Rejection may be given.
  status: anything,
  headers: anything,
  kind: anything,
  reason: (value) => (typeof value === "string" ? undefined : "must be a string"),
  cause: anything,
};

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
   * ConfigurationError for a wrong option, a protocol that is not offered, or headers that are more than the client takes:
   * then the request can still be answered.
   */
  accept(options: AcceptOptions = {}): Promise<WebTransportSession<Record<string, string>, Locals>> {
    const fault = faultOf("accept", options, acceptOptions);
    if (fault !== undefined) return rejected(fault);
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
    const refusal = faultOf("reject", options, rejectOptions) ?? this.#refusal("reject");
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

function faultOf(method: string, options: object, checks: Readonly<Record<string, Check>>): unknown {
  try {
    checkOptions(method, options, checks);
    return undefined;
  } catch (error) {
    return error;
  }
}
