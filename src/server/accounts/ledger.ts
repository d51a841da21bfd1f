/** What both of the managers tell of what they count. */
export interface LedgerStats<State extends string> {
  readonly totalCreated: number;
  readonly totalClosed: number;
  readonly currentCount: number;
  /** The most that there were at a time. */
  readonly maxConcurrent: number;
  /** How many there are in each state. */
  readonly states: Readonly<Record<State, number>>;
}

/**
 * What is open, in the order of its arrival, and how much there was: kept by the server alone. Managers show it to the
 * application, which can take things out of sight but not out of the count.
 */
export class Ledger<Item extends { readonly id: string }, State extends string> {
  readonly #items = new Map<string, Item>();
  readonly #hidden = new Set<Item>();
  readonly #states: Record<State, number>;
  #created = 0;
  #maxConcurrent = 0;

  /** `states`: every one that can be counted, with 0. */
  constructor(states: Readonly<Record<State, number>>) {
    this.#states = { ...states };
  }

  /** Everything that is open, hidden or not. */
  get count(): number {
    return this.#items.size + this.#hidden.size;
  }

  /** Without the hidden ones. */
  get shown(): ReadonlyMap<string, Item> {
    return this.#items;
  }

  get stats(): LedgerStats<State> {
    return {
      totalCreated: this.#created,
      totalClosed: this.#created - this.count,
      currentCount: this.count,
      maxConcurrent: this.#maxConcurrent,
      states: { ...this.#states },
    };
  }

  add(item: Item): void {
    this.#items.set(item.id, item);
    this.#created += 1;
    this.#maxConcurrent = Math.max(this.#maxConcurrent, this.count);
  }

  /** Out of sight until {@link Ledger.show}, but counted until {@link Ledger.remove}. */
  hide(item: Item): void {
    if (this.#items.delete(item.id)) this.#hidden.add(item);
  }

  /** Whether it was hidden. */
  show(item: Item): boolean {
    if (!this.#hidden.delete(item)) return false;
    this.#items.set(item.id, item);
    return true;
  }

  remove(item: Item): void {
    if (this.#items.get(item.id) === item) this.#items.delete(item.id);
    else this.#hidden.delete(item);
  }

  /** One more is in state `to`, one fewer in state `from`. */
  moved(from: State | undefined, to: State | undefined): void {
    if (from !== undefined) this.#states[from] -= 1;
    if (to !== undefined) this.#states[to] += 1;
  }
}
