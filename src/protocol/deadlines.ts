/** Deadlines that all lie the same time ahead: the first that was set is the first that passes. */
export class DeadlineList<Key> {
  readonly #duration: number;
  readonly #deadlines = new Map<Key, number>();

  constructor(duration: number) {
    this.#duration = duration;
  }

  /** The next deadline; Infinity when there is none. */
  get next(): number {
    for (const deadline of this.#deadlines.values()) return deadline;
    return Infinity;
  }

  get size(): number {
    return this.#deadlines.size;
  }

  /** The key whose deadline is the next. */
  get first(): Key | undefined {
    for (const key of this.#deadlines.keys()) return key;
    return undefined;
  }

  has(key: Key): boolean {
    return this.#deadlines.has(key);
  }

  set(key: Key, now: number): void {
    this.#deadlines.delete(key);
    this.#deadlines.set(key, now + this.#duration);
  }

  cancel(key: Key): void {
    this.#deadlines.delete(key);
  }

  /** Takes out and gives the keys whose deadline has passed. */
  *expire(now: number): Generator<Key> {
    for (const [key, deadline] of this.#deadlines) {
      if (deadline > now) return;
      this.#deadlines.delete(key);
      yield key;
    }
  }
}
