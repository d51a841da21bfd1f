import { RingQueue } from "../base/ring-queue.ts";

/** A queue that is read with `for await`; each item goes to one reader. Ends when closed and empty. */
export class AsyncQueue<T> implements AsyncIterableIterator<T, undefined> {
  readonly #items = new RingQueue<T>();
  readonly #readers = new RingQueue<(result: IteratorResult<T, undefined>) => void>();
  #closed = false;

  get length(): number {
    return this.#items.length;
  }

  push(item: T): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(item);
    else reader({ value: item, done: false });
  }

  close(): void {
    this.#closed = true;
    for (let reader = this.#readers.shift(); reader !== undefined; reader = this.#readers.shift()) {
      reader({ value: undefined, done: true });
    }
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve({ value: item, done: false });
    if (this.#closed) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => {
      this.#readers.push(resolve);
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
