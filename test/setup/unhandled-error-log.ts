import type { EventEmitter } from "node:events";

/** Remembers unhandled rejections and uncaught exceptions until they are asked for. */
export class UnhandledErrors {
  #errors: unknown[] = [];

  constructor(process: Pick<EventEmitter, "on">) {
    for (const event of ["unhandledRejection", "uncaughtExceptionMonitor"]) {
      process.on(event, (error: unknown) => {
        this.#errors.push(error);
      });
    }
  }

  /** Throws what has come since the last call. */
  throwIfAny(during: string): void {
    const errors = this.#errors;
    this.#errors = [];
    if (errors.length === 0) return;
    throw new AggregateError(
      errors,
      `${errors.length} errors that nobody handled during "${during}": ${describe(errors)}`,
    );
  }
}

function describe(errors: readonly unknown[]): string {
  return errors.map((error) => (error instanceof Error ? (error.stack ?? error.message) : String(error))).join("\n");
}
