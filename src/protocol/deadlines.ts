/** Deadlines that all lie the same time ahead: the first that was set is the first that passes. */
export class DeadlineList<Key> {
  readonly #duration: number;
  /** Made with the first deadline: most lists of a connection never have one. */
  #deadlines: Map<Key, number> | undefined;

  constructor(duration: number) {
    this.#duration = duration;
  }

  /** The next deadline; Infinity when there is none. */
  get next(): number {
    if (this.#deadlines === undefined) return Infinity;
    for (const deadline of this.#deadlines.values()) return deadline;
    return Infinity;
  }

  get size(): number {
    return this.#deadlines?.size ?? 0;
  }

  /** The key whose deadline is the next. */
  get first(): Key | undefined {
    return this.#deadlines?.keys().next().value;
  }

  has(key: Key): boolean {
    return this.#deadlines?.has(key) === true;
  }

  set(key: Key, now: number): void {
    this.#deadlines ??= new Map();
    this.#deadlines.delete(key);
    this.#deadlines.set(key, now + this.#duration);
  }

  cancel(key: Key): void {
    this.#deadlines?.delete(key);
  }

  /** Takes out and gives the keys whose deadline has passed. */
  *expire(now: number): Generator<Key> {
    if (this.#deadlines === undefined) return;
    for (const [key, deadline] of this.#deadlines) {
      if (deadline > now) return;
      this.#deadlines.delete(key);
      yield key;
    }
  }
}
