import type { Logger } from "../config/logger.ts";
import { SessionError } from "../errors/errors.ts";
import type { IncomingSession } from "../transport/session/request.ts";
import type { WebTransportSession } from "../transport/session/session.ts";

import { appSteps, errorOf, firstRejection } from "./admission/admission.ts";
import type { AppSubject } from "./admission/admission.ts";
import type { ServerObservers } from "./observers.ts";
import type { RouteTree } from "./routing/route-tree.ts";
import type { ErrorHandler, Route } from "./routing/route.ts";

/** Application code of a session whose handler threw. */
const handlerFailed = { code: 1, reason: "Internal server error" };

/** What a ServerApp does with the requests that its server has let pass: their route, its handler, and what fails there. */
export class AppRequests {
  readonly #routes: RouteTree;
  readonly #observers: ServerObservers;
  readonly #logger: Logger;

  constructor(routes: RouteTree, observers: ServerObservers, logger: Logger) {
    this.#routes = routes;
    this.#observers = observers;
    this.#logger = logger;
  }

  /** Answers the request and runs its handler. What it throws the connection answers with 500. */
  async handle(request: IncomingSession): Promise<void> {
    const subject: AppSubject = { request, routes: this.#routes.router };
    const rejection = await firstRejection(appSteps, subject);
    const { route, protocol } = subject;
    if (request.isAnswered) return;
    if (rejection !== undefined || route === undefined) {
      await request.reject(rejection?.status ?? 500, rejection);
      if (rejection?.kind === "middleware_error") {
        await this.middlewareFailed(errorOf(rejection), route?.owner);
      }
      return;
    }
    const { headers } = route.options;
    const session = await request.accept({ protocol, headers });
    await this.#run(route, session, request);
  }

  /** Never rejects. */
  async #run({ handler, owner }: Route, session: WebTransportSession, request: IncomingSession): Promise<void> {
    try {
      await this.#observers.handling(request, session, handler);
      await session.close();
    } catch (error) {
      await this.#handlerFailed(error, session, owner);
      await session.close({ ...handlerFailed, abort: true });
    }
  }

  async #handlerFailed(error: unknown, session: WebTransportSession, owner: Route["owner"]): Promise<void> {
    // A handler that was waiting for its session's peer when the session ended has not failed; a session that is closed
    // here has ended before the peer confirms it.
    if (!session.isReady && error instanceof SessionError) return;
    if (owner.errorHandler === undefined) this.#logger.error({ error, path: session.path }, "a session handler failed");
    else await this.#tell(owner.errorHandler, error, session);
  }

  /** The access log has told already which middleware it was. */
  async middlewareFailed(error: unknown, owner: Route["owner"] = this.#routes): Promise<void> {
    if (owner.errorHandler !== undefined) await this.#tell(owner.errorHandler, error, undefined);
  }

  async #tell(onError: ErrorHandler, error: unknown, session: WebTransportSession | undefined): Promise<void> {
    try {
      await onError(error, session);
    } catch (failure) {
      this.#logger.error({ error: failure }, "the onError handler failed");
    }
  }
}
