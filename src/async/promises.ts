/** Promises of this library always have a handler: one that nobody awaits must not become an unhandledRejection. */

export const resolved: Promise<void> = Promise.resolve();

/** Gives `promise` a handler; it still rejects for whoever awaits it. */
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
  reject!: (error: unknown) => void;

  constructor() {
    this.promise = quiet(
      new Promise<T>((resolve, reject) => {
        this.resolve = resolve;
        this.reject = reject;
      }),
    );
  }
}

/** `promise`, unless `signal` aborts before it settles; then `onAbort` runs and the result rejects with the signal's reason. */
export function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  onAbort?: () => void,
): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) {
    void quiet(promise);
    onAbort?.();
    return rejected(signal.reason);
  }
  return quiet(
    new Promise<T>((resolve, reject) => {
      const abort = (): void => {
        onAbort?.();
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", abort, { once: true });
      const end = (): void => {
        signal.removeEventListener("abort", abort);
      };
      promise.then(end, end);
      promise.then(resolve, reject);
    }),
  );
}

export function ignore(): void {
  // Whoever awaits the promise is told; nobody else needs to be.
}
