import { SessionError } from "../../errors/errors.ts";
import type { WebTransportError } from "../../errors/errors.ts";
import type { HeaderList, ProtocolOutput } from "../../protocol/output.ts";
import type { SessionResponse } from "../../protocol/webtransport/server-sessions.ts";

import { responseTooLarge } from "../session/header-section-errors.ts";
import { cancelRequest, IncomingSession } from "../session/request.ts";
import type { RequestAnswerer } from "../session/request.ts";
import type { SessionDescription, WebTransportSession } from "../session/session.ts";
import type { DriverContext } from "./driver-context.ts";
import type { PlainRequest, RefusedRequest } from "./owner.ts";

type SessionRequestOutput = Extract<ProtocolOutput, { type: "sessionRequest" }>;

/** Server: hands the client's requests to the owner, and answers them. */
export class SessionAnswerer implements RequestAnswerer {
  readonly #context: DriverContext;
  /** Those that wait for their answer. Created lazily, and dropped with the last one. */
  #requests: Map<number, IncomingSession> | undefined;

  constructor(context: DriverContext) {
    this.#context = context;
  }

  /** Requests that wait for their answer. */
  get waiting(): number {
    return this.#requests?.size ?? 0;
  }

  /** The core offers a request. */
  requested({ sessionId, headers, protocols }: SessionRequestOutput): void {
    const { connection, owner, status } = this.#context;
    const { isClosing } = status;
    const url = isClosing ? undefined : urlOf(headers);
    if (url === undefined) {
      const code = isClosing ? 503 : 400;
      this.reject(sessionId, code, []);
      this.refused(code, isClosing ? "closing" : "url", headers);
      return;
    }
    const request = new IncomingSession({
      sessionId,
      rawHeaders: headers,
      url,
      protocols,
      connection,
      answerer: this,
    });
    this.#requests ??= new Map();
    this.#requests.set(sessionId, request);
    owner.requestArrived?.(request);
    if (connection.listens("session_request")) {
      connection.publish("session_request", { connection, request, timestamp: Date.now() });
    }
    // A listener may have answered it.
    if (!request.isAnswered) this.#handle(request);
  }

  /** A request that asks for no session. */
  plainRequested(streamId: number, headers: HeaderList): void {
    const { connection, owner } = this.#context;
    const respond: PlainRequest["respond"] = (response, body) => {
      this.#context.input((core) => core.respond(streamId, response, body));
    };
    if (owner.plainRequest === undefined) respond({ status: 404, headers: [] });
    else owner.plainRequest({ headers, remoteAddress: connection.remoteAddress, respond });
  }

  /** A request was turned down that the owner has not seen. */
  refused(status: number, cause: RefusedRequest["cause"], headers: HeaderList): void {
    const { connection, owner } = this.#context;
    owner.requestRefused?.({ status, cause, headers, remoteAddress: connection.remoteAddress });
  }

  /** The client has taken its request back. */
  cancelled(sessionId: number): void {
    const text = "The client has taken the session request back";
    const error = new SessionError(text, { code: "ERR_WT_SESSION_CANCELLED" });
    this.#cancel(sessionId, error);
    // Accepted, but the same input has ended the request before the core could hear of it.
    this.#context.sessions.get(sessionId)?.end({ clean: false, by: "peer", error }, true);
  }

  /** Rejects every request that waits. */
  async rejectAll(status: number, reason: string): Promise<void> {
    for (const request of [...(this.#requests?.values() ?? [])])
      await request.reject(status, { kind: "closing", reason }).catch(() => {});
  }

  end(error: () => WebTransportError): void {
    if (this.#requests === undefined) return;
    const cause = error();
    const text = `The connection has ended: ${cause.message}`;
    const gone = new SessionError(text, { code: "ERR_WT_SESSION_CANCELLED", cause });
    for (const sessionId of [...this.#requests.keys()]) this.#cancel(sessionId, gone);
  }

  // What a request asks for.

  accept(
    sessionId: number,
    headers: HeaderList,
    description: SessionDescription,
  ): WebTransportSession<object, unknown> {
    const { protocol } = description;
    const context = this.#context;
    const response = { status: 200, protocol: protocol === "" ? undefined : protocol, headers };
    this.#checkAnswer(sessionId, response);
    const session = context.createSession(sessionId, description);
    context.owner.sessionEstablished?.(session);
    this.#answered(sessionId, "accepted");
    context.sessions.get(sessionId)?.holdDatagrams();
    context.input((core) => {
      try {
        core.acceptSession(sessionId, response);
      } catch (cause) {
        // The client gets an answer in any case.
        core.rejectSession(sessionId, { status: 500, headers: [] });
        const error = new SessionError("The session could not be accepted", { cause, sessionId: session.id });
        context.sessions.get(sessionId)?.end({ clean: false, by: "local", error }, true);
      }
    });
    context.tellReady(session, sessionId);
    return session;
  }

  reject(sessionId: number, status: number, headers: HeaderList): void {
    this.#checkAnswer(sessionId, { status, headers });
    // First the client: what an application has done to the request may fail in its log line.
    this.#context.input((core) => {
      core.rejectSession(sessionId, { status, headers });
    });
    this.#answered(sessionId, "rejected");
  }

  /** Called before anything is done, so that the request can still be answered with less. Throws ConfigurationError. */
  #checkAnswer(sessionId: number, response: SessionResponse): void {
    const excess = this.#context.protocol.responseExcess(sessionId, response);
    if (excess !== undefined) throw responseTooLarge(excess);
  }

  #cancel(sessionId: number, reason: SessionError): void {
    const request = this.#requests?.get(sessionId);
    if (request !== undefined) cancelRequest(request, reason);
    this.#answered(sessionId, "cancelled");
  }

  #answered(sessionId: number, answer: "accepted" | "rejected" | "cancelled"): void {
    const request = this.#requests?.get(sessionId);
    if (request === undefined) return;
    this.#requests?.delete(sessionId);
    if (this.#requests?.size === 0) this.#requests = undefined;
    this.#context.owner.requestAnswered?.(request, answer);
  }

  /** Not an async function: its frame would be kept for as long as the session's handler runs. */
  #handle(request: IncomingSession): void {
    const { owner } = this.#context;
    try {
      const answered = owner.answerRequest === undefined ? request.reject(404) : owner.answerRequest(request);
      if (answered instanceof Promise) answered.catch((cause: unknown) => this.#failed(request, cause));
    } catch (cause) {
      void this.#failed(request, cause);
    }
  }

  /** Never rejects. */
  async #failed(request: IncomingSession, cause: unknown): Promise<void> {
    // An owner that was about to answer when the client went has not failed.
    if (cause instanceof SessionError && cause.code === "ERR_WT_SESSION_CANCELLED") return;
    const { owner, connection } = this.#context;
    const isTold = !request.isAnswered && owner.requestAnswered !== undefined;
    if (!isTold) connection.reportListenerError(cause, "session_request");
    if (request.isAnswered) return;
    try {
      await request.reject(500, { kind: "error", reason: "the request could not be answered", cause });
    } catch (error) {
      // The client has its answer: the log's line has failed, by what an application has done to the request.
      connection.reportListenerError(error, "session_request");
    }
  }
}

function urlOf(headers: HeaderList): URL | undefined {
  const pseudo = (name: string): string => headers.find(([key]) => key === name)?.[1] ?? "";
  const text = `https://${pseudo(":authority")}${pseudo(":path")}`;
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
