/** Exit code of a program that Ctrl-C has ended, as shells have it. */
export const interruptedCode = 130;

/**
 * Ctrl-C and SIGTERM: the first asks the command to come to an end by {@link signal}, a second one ends the process at once.
 */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #onSignal = (): void => {
    this.interrupt();
  };

  /** Begins to listen; until then the process ends as Node ends it. */
  listen(): void {
    process.on("SIGINT", this.#onSignal).on("SIGTERM", this.#onSignal);
  }

  /** For commands that answer the signals themselves. */
  stopListening(): void {
    process.off("SIGINT", this.#onSignal).off("SIGTERM", this.#onSignal);
  }

  /** What a signal does. */
  interrupt(): void {
    if (this.#controller.signal.aborted) process.exit(interruptedCode);
    this.#controller.abort(new Error("interrupted"));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isInterrupted(): boolean {
    return this.#controller.signal.aborted;
  }
}
