/** Waiting operations in the order in which they came. A single one, the usual case, needs no collection. */
export class WaitingLine<T extends object> implements Iterable<T> {
  #first: T | undefined;
  /** Behind the first. */
  #others: Set<T> | undefined;

  push(waiting: T): void {
    if (this.#first === undefined) {
      this.#first = waiting;
      return;
    }
    this.#others ??= new Set();
    this.#others.add(waiting);
  }

  /** Removes and returns the first. */
  shift(): T | undefined {
    const first = this.#first;
    this.#advance();
    return first;
  }

  delete(waiting: T): void {
    if (waiting === this.#first) this.#advance();
    else this.#others?.delete(waiting);
  }

  /** Removes and returns all of them. */
  clear(): readonly T[] {
    const all = [...this];
    this.#first = undefined;
    this.#others = undefined;
    return all;
  }

  *[Symbol.iterator](): Iterator<T> {
    if (this.#first !== undefined) yield this.#first;
    if (this.#others !== undefined) yield* this.#others;
  }

  #advance(): void {
    this.#first = undefined;
    if (this.#others === undefined) return;
    for (const next of this.#others) {
      this.#first = next;
      this.#others.delete(next);
      break;
    }
    if (this.#others.size === 0) this.#others = undefined;
  }
}
