import type { Terminal } from "./terminal/terminal.ts";

/** Exit code of a program that Ctrl-C has ended, as shells have it. */
export const interruptedCode = 130;

/** A terminal shows ^C where Ctrl-C was typed: what is told then begins in a line of its own. The result takes that back. */
export function endLineAtInterrupt(terminal: Terminal): () => void {
  const endLine = (): void => {
    if (terminal.stderr.isTTY === true) terminal.note("");
  };
  process.once("SIGINT", endLine);
  return () => {
    process.off("SIGINT", endLine);
  };
}

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
