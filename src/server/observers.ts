import { refused } from "../config/option-table.ts";
import type { RefusedRequest } from "../transport/connection/owner.ts";
import type { IncomingSession } from "../transport/session/request.ts";
import type { Session } from "../transport/types.ts";

import type { CoreRejection } from "./admission/core-refusals.ts";

/**
 * Follows session requests from their arrival to the end of their handlers: what tracing needs, and events cannot give,
 * because a context has to be active while a request is answered. An error that an observer throws is a bug of its own:
 * from `answering` the client gets 500, from `handling` the session is closed as if its handler had thrown; from the others
 * it is reported.
 */
export interface ServerObserver {
  /** Called before anybody can answer the request. */
  requestArrived(request: IncomingSession): void;
  /** The request was turned down before the application could see it, so it has not arrived. */
  requestRefused(refused: RefusedRequest, told: CoreRejection): void;
  /**
   * Calls `answer` once and returns its promise. Middleware, routing and the handler run inside of it; without a handler
   * (`incomingSessions()`) it ends when the request has passed the middleware.
   */
  answering(request: IncomingSession, answer: () => Promise<void>): Promise<void>;
  /** Calls `handle`, the handler, once and returns its promise, which rejects with what the handler throws. */
  handling(request: IncomingSession, session: Session, handle: () => Promise<unknown>): Promise<unknown>;
}

/** The observers of a server. Without any, a request costs one comparison for each method. */
export class ServerObservers {
  readonly #report: (error: unknown) => void;
  /** Replaced at each change; undefined when there is none. The first one is the innermost. */
  #observers: readonly ServerObserver[] | undefined;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** It sees the requests that arrive from now on. Throws ConfigurationError for what lacks one of its methods. */
  add(observer: ServerObserver): void {
    checkObserver(observer);
    this.#observers = [...(this.#observers ?? []), observer];
  }

  /** Whether it was there. It sees the end of what it has seen begin: what runs inside of it runs on. */
  delete(observer: ServerObserver): boolean {
    const before = this.#observers ?? [];
    const remaining = before.filter((each) => each !== observer);
    this.#observers = remaining.length === 0 ? undefined : remaining;
    return remaining.length < before.length;
  }

  requestArrived(request: IncomingSession): void {
    if (this.#observers !== undefined) this.#tell((observer) => observer.requestArrived(request));
  }

  requestRefused(refused: RefusedRequest, told: CoreRejection): void {
    if (this.#observers !== undefined) this.#tell((observer) => observer.requestRefused(refused, told));
  }

  answering(request: IncomingSession, answer: (request: IncomingSession) => Promise<void>): Promise<void> {
    if (this.#observers === undefined) return answer(request);
    let run = (): Promise<void> => answer(request);
    for (const observer of this.#observers) {
      const inner = run;
      run = () => observer.answering(request, inner);
    }
    return run();
  }

  /** For frameworks, beside `handleSessions`: ServerApp calls its handlers through it. */
  handling<S extends Session>(
    request: IncomingSession,
    session: S,
    handler: (session: S) => Promise<unknown>,
  ): Promise<unknown> {
    if (this.#observers === undefined) return handler(session);
    let run = (): Promise<unknown> => handler(session);
    for (const observer of this.#observers) {
      const inner = run;
      run = () => observer.handling(request, session, inner);
    }
    return run();
  }

  #tell(call: (observer: ServerObserver) => void): void {
    for (const observer of this.#observers ?? []) {
      try {
        call(observer);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}

const methods = ["requestArrived", "requestRefused", "answering", "handling"];

function checkObserver(given: unknown): void {
  const observer = typeof given === "object" && given !== null ? (given as Readonly<Record<string, unknown>>) : {};
  if (methods.every((name) => typeof observer[name] === "function")) return;
  throw refused("observer", given, `must have the methods ${methods.join(", ")}`);
}
