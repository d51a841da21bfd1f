import { onAbort } from "../../async/abort.ts";
import { systemTimer } from "../../async/deadlines.ts";
import type { SetTimer } from "../../async/deadlines.ts";
import { checkOptions } from "../../config/given-options.ts";
import { aFunction, integer } from "../../config/option-checks.ts";
import { serverDefaults } from "../../constants/defaults.ts";
import { ConfigurationError } from "../../errors/errors.ts";
import type { Rejection, SessionRequest } from "../../transport/session/request.ts";

import { MiddlewareLifecycle } from "./lifecycle.ts";
import { middlewareName } from "./middleware.ts";
import type { Middleware } from "./middleware.ts";
import { judgeError, judgeResult, judgeTimeout } from "./verdict.ts";

/** Options of a MiddlewareManager. */
export interface MiddlewareManagerOptions {
  /** Milliseconds that each middleware has for its answer, then the client gets 503; 0: without limit. Default 10000. */
  readonly middlewareTimeout?: number;
  /** For tests: how time passes. Default: the process's timers. */
  readonly setTimer?: SetTimer;
}

/** A request as the chain needs it: where it says how it was refused. */
export type ProcessedRequest<Locals> = SessionRequest<Locals> & { rejection?: Rejection | undefined };

/** A {@link MiddlewareManager} of whatever locals. */
export interface MiddlewareChain {
  readonly middleware: readonly Pick<Middleware, "start" | "stop">[];
  readonly middlewareNames: readonly string[];
  readonly middlewareCount: number;
  processRequest(request: ProcessedRequest<unknown>): Promise<boolean>;
}

/**
 * A chain of middleware. Fails closed: a request goes on only when each of them has answered `true`.
 *
 * ```ts
 * const chain = new MiddlewareManager();
 * chain.addMiddleware(createCorsMiddleware({ allowedOrigins: ["https://example.com"] }));
 * for await (const incoming of server.incomingSessions()) {
 *   if (await chain.processRequest(incoming)) await incoming.accept();
 *   else if (incoming.rejection !== undefined) await incoming.reject(incoming.rejection.status, incoming.rejection);
 * }
 * ```
 */
export class MiddlewareManager<Locals = Record<string, unknown>> {
  readonly #timeout: number;
  readonly #setTimer: SetTimer;
  /** Replaced at each change: requests in the middle of the chain go on with what they began with. */
  #chain: readonly Middleware<Locals>[] = [];
  readonly #lifecycle = new MiddlewareLifecycle();
  #isStarted = false;

  /** Throws ConfigurationError. */
  constructor(options: MiddlewareManagerOptions = {}) {
    checkOptions("MiddlewareManager", options, { middlewareTimeout: integer(0, 2 ** 31 - 1), setTimer: aFunction });
    const { middlewareTimeout = serverDefaults.middlewareTimeout, setTimer = systemTimer } = options;
    this.#timeout = middlewareTimeout;
    this.#setTimer = setTimer;
  }

  get middlewareCount(): number {
    return this.#chain.length;
  }

  /** In the order in which they run. */
  get middleware(): readonly Middleware<Locals>[] {
    return this.#chain;
  }

  /** Their names, in the order in which they run; a function without one is told by its place: "#2". */
  get middlewareNames(): readonly string[] {
    return this.#chain.map(middlewareName);
  }

  /** Runs behind those added before. The same one may be added twice. Throws ConfigurationError for what is no function. */
  addMiddleware(middleware: Middleware<Locals>): void {
    if (typeof middleware !== "function") {
      const text = `Cannot add middleware: it must be a function, current value is of type ${typeof middleware}`;
      throw new ConfigurationError(text, { configKey: "middleware", configValue: middleware });
    }
    this.#chain = [...this.#chain, middleware];
  }

  /** Removes its first occurrence. Whether there was one. */
  removeMiddleware(middleware: Middleware<Locals>): boolean {
    const index = this.#chain.indexOf(middleware);
    if (index >= 0) this.#chain = this.#chain.toSpliced(index, 1);
    return index >= 0;
  }

  /** Whether it was started, and not stopped since. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /**
   * Calls `start` of those that have it and were not started, in order and of the same one once. Rejects as the first that
   * fails, when those that had started have been stopped.
   */
  async start(): Promise<void> {
    this.#isStarted = true;
    try {
      await this.#lifecycle.start(this.#chain);
    } catch (error) {
      this.#isStarted = false;
      throw error;
    }
  }

  /** Calls `stop` of those that were started, in reverse order. Rejects with AggregateError when all were tried. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    await this.#lifecycle.stop();
  }

  /**
   * Whether every middleware lets the request go on. False: either `request.rejection` tells how it is refused, or the
   * client has gone (`request.signal` has aborted) and there is nobody to answer. Never rejects.
   */
  async processRequest(request: ProcessedRequest<Locals>): Promise<boolean> {
    const chain = this.#chain;
    if (chain.length === 0) return true;
    const { signal } = request;
    for (const [index, middleware] of chain.entries()) {
      if (signal.aborted) return false;
      const rejection = await this.#ask(middleware, middlewareName(middleware, index), request);
      if (rejection === undefined) continue;
      if (rejection !== gone) request.rejection = rejection;
      return false;
    }
    return !signal.aborted;
  }

  #ask(middleware: Middleware<Locals>, name: string, request: SessionRequest<Locals>): Promise<Verdict> | Verdict {
    try {
      const answer: unknown = middleware(request);
      return isThenable(answer) ? this.#wait(answer, name, request.signal) : judgeResult(answer, name);
    } catch (error) {
      return judgeError(error, name);
    }
  }

  /** The first of: the answer, the time-out, the client's going. What comes later changes nothing. */
  #wait(answer: PromiseLike<unknown>, name: string, signal: AbortSignal): Promise<Verdict> {
    return new Promise((resolve) => {
      const timeout = this.#timeout;
      const settle = (verdict: Verdict): void => {
        cancelTimer?.();
        forgetAbort();
        resolve(verdict);
      };
      const cancelTimer =
        timeout === 0 ? undefined : this.#setTimer(timeout, () => settle(judgeTimeout(timeout, name)));
      const forgetAbort = onAbort(signal, () => settle(gone));
      Promise.resolve(answer).then(
        (result) => settle(judgeResult(result, name)),
        (error: unknown) => settle(judgeError(error, name)),
      );
      if (signal.aborted) settle(gone);
    });
  }
}

/** Undefined: the request goes on. */
type Verdict = Rejection | typeof gone | undefined;

/** The client has gone. */
const gone = Symbol("gone");

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
