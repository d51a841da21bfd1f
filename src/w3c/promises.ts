/** Gives `promise` a handler, so that it never becomes an unhandledRejection; it still rejects for whoever awaits it. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
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
