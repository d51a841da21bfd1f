import type { Middleware } from "./middleware.ts";

type Startable = Pick<Middleware, "start" | "stop">;

/** Which middleware has been started, and is to be stopped. Calls take effect one after the other. */
export class MiddlewareLifecycle {
  /** In the order of their start. */
  readonly #started = new Set<Startable>();
  #last: Promise<unknown> = Promise.resolve();

  has(middleware: Startable): boolean {
    return this.#started.has(middleware);
  }

  /**
   * Starts each in order, unless it has been. When one fails, all that have been started are stopped again, and its error
   * is thrown.
   */
  start(middleware: Iterable<Startable>): Promise<void> {
    return this.#next(() => this.#start(middleware));
  }

  /** Stops all that have been started, in reverse order. Rejects with AggregateError when all were tried. */
  stop(): Promise<void> {
    return this.#next(() => this.#stop());
  }

  #next(action: () => Promise<void>): Promise<void> {
    const done = this.#last.then(action);
    this.#last = done.catch(() => {
      // The caller gets the error from `done`.
    });
    return done;
  }

  async #start(middleware: Iterable<Startable>): Promise<void> {
    for (const each of middleware) {
      if (this.#started.has(each)) continue;
      try {
        await each.start?.();
        this.#started.add(each);
      } catch (error) {
        await this.#stop().catch(() => {
          // Why the start has failed is what the caller needs to know.
        });
        throw error;
      }
    }
  }

  async #stop(): Promise<void> {
    const errors: unknown[] = [];
    const started = [...this.#started].reverse();
    this.#started.clear();
    for (const each of started) {
      try {
        await each.stop?.();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, "Cannot stop every middleware");
  }
}
