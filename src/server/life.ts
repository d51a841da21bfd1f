import { AsyncQueue } from "../async/async-queue.ts";
import { Deferred } from "../async/promises.ts";
import type { Logger } from "../config/logger.ts";
import type { IncomingSession } from "../transport/session/request.ts";

import { HookScope } from "./hook-scope.ts";
import type { CertificateReload } from "./binding/certificate-reload.ts";
import type { Endpoints } from "./binding/endpoints.ts";
import type { MiddlewareManager } from "./middleware/middleware-manager.ts";

/**
 * One life of a server, up to the end of its `close()`; a closed server that listens again has a further one. State that must not
 * reach from one life to the next stands here.
 */
export class ServerLife {
  readonly incoming = new AsyncQueue<IncomingSession>();
  /** The server has closed. */
  readonly closed = new Deferred<void>();
  /** Resolved when a caller of `close()` does not want to wait. */
  readonly forced = new Deferred<void>();
  /** Middleware that the server starts or stops. */
  readonly hooks = new HookScope();
  /** `listen` has begun and not ended. */
  isStarting = false;
  isClosed = false;
  closing: Promise<void> | undefined;
  /** As of `performance.now()`: when `listen` has succeeded. */
  startedAt: number | undefined;
  endpoints: Endpoints | undefined;
  reload: CertificateReload | undefined;
  /** The server itself has started the middleware, so it stops it. */
  #ownsMiddleware = false;

  get state(): "idle" | "starting" | "serving" | "closing" | "closed" {
    if (this.isStarting && this.startedAt === undefined) return "starting";
    if (this.closing !== undefined) return this.isClosed ? "closed" : "closing";
    return this.startedAt === undefined ? "idle" : "serving";
  }

  /** Unless the app has started it. */
  async startMiddleware(middleware: MiddlewareManager): Promise<void> {
    if (middleware.isStarted) return;
    this.#ownsMiddleware = true;
    const start = (): Promise<void> => middleware.start();
    const needsStart = middleware.middleware.some((each) => each.start !== undefined);
    await (needsStart ? this.hooks.run("a middleware's start()", start) : start());
  }

  /** Never rejects. */
  async stopMiddleware(middleware: MiddlewareManager, logger: Logger): Promise<void> {
    if (!this.#ownsMiddleware) return;
    this.#ownsMiddleware = false;
    try {
      await this.hooks.run("a middleware's stop()", () => middleware.stop());
    } catch (error) {
      logger.error({ error }, "a middleware could not be stopped");
    }
  }

  /** Resolves with `waiting`, or as soon as a caller of `close()` does not want to wait. */
  async unlessForced(waiting: Promise<unknown>): Promise<void> {
    await Promise.race([waiting, this.forced.promise]);
  }
}
