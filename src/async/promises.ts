/** The promises of this library have a handler when they reject: one that nobody awaits must not become an unhandledRejection. */
import { onAbort } from "./abort.ts";

export const resolved: Promise<void> = Promise.resolve();

/** Gives `promise` a handler; those who await it still see its rejection. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

export function rejected(error: unknown): Promise<never> {
  return quiet(Promise.reject(error as Error));
}

/** A promise with its functions beside it. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The promise gets its handler only here, so that those that wait, which may be thousands, need none. */
  reject(error: unknown): void {
    void quiet(this.promise);
    this.#reject(error);
  }
}

/** `promise`, unless `signal` aborts before it settles; then `takeBack` runs and the result rejects with the signal's reason. */
export function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  takeBack?: () => void,
): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) {
    void quiet(promise);
    takeBack?.();
    return rejected(signal.reason);
  }
  return quiet(
    new Promise<T>((resolve, reject) => {
      const end = onAbort(signal, () => {
        takeBack?.();
        reject(signal.reason as Error);
      });
      promise.then(end, end);
      promise.then(resolve, reject);
    }),
  );
}

export function ignore(): void {
  // Those who await the promise see its rejection.
}
