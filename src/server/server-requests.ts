import type { AsyncQueue } from "../async/async-queue.ts";
import { checkFunction } from "../config/given-options.ts";
import type { IncomingSession } from "../transport/session/request.ts";

import { errorOf, firstRejection, serverSteps } from "./admission/admission.ts";
import type { ServerSubject } from "./admission/admission.ts";

/** Sessions that may wait for `incomingSessions()` to take them; further ones are refused. */
const maxWaitingSessions = 1024;

type SessionRequestHandler = (incoming: IncomingSession) => Promise<void>;
type MiddlewareFailureHandler = (error: unknown) => Promise<void>;

/** What a server does with session requests: each passes the server's steps, then it is the application's. */
export class ServerRequests {
  #handler: SessionRequestHandler | undefined;
  #middlewareFailed: MiddlewareFailureHandler | undefined;

  /** Throws ConfigurationError. */
  handleSessions(handler: SessionRequestHandler, middlewareFailed?: MiddlewareFailureHandler): void {
    checkFunction("handler", handler);
    if (middlewareFailed !== undefined) checkFunction("middlewareFailed", middlewareFailed);
    this.#handler = handler;
    this.#middlewareFailed = middlewareFailed;
  }

  /** `incoming`: where requests wait while there is no handler. */
  async answer(subject: ServerSubject, incoming: AsyncQueue<IncomingSession>): Promise<void> {
    const { request } = subject;
    const rejection = await firstRejection(serverSteps, subject);
    if (request.isAnswered) return;
    if (rejection !== undefined) {
      await request.reject(rejection.status, rejection);
      if (rejection.kind === "middleware_error") await this.#middlewareFailed?.(errorOf(rejection));
    } else if (this.#handler !== undefined) {
      await this.#handler(request);
    } else if (incoming.length >= maxWaitingSessions) {
      await request.reject(503, { kind: "not_taken", reason: "nobody takes the sessions of incomingSessions()" });
    } else {
      incoming.push(request);
    }
  }
}
