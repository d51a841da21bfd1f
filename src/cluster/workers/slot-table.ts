/** "starting", "active" and "draining": a process has it. "crashed": its process has ended, the next one takes it. */
export type SlotState = "free" | "starting" | "active" | "draining" | "crashed";

/** The slots of one UDP port: each is a place for one process, and its index is that process's worker id. */
export class SlotTable {
  readonly #states: SlotState[];
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#states = Array.from({ length: count }, () => "free" as const);
  }

  get count(): number {
    return this.#states.length;
  }

  stateOf(slot: number): SlotState {
    return this.#states[slot] ?? "free";
  }

  /** Slots in a state, the lowest first. */
  in(...states: readonly SlotState[]): number[] {
    return [...this.#states.keys()].filter((slot) => states.includes(this.stateOf(slot)));
  }

  /** A free slot, which is "starting" from now on; undefined when there is none. */
  take(): number | undefined {
    const slot = this.#states.indexOf("free");
    if (slot < 0) return undefined;
    this.#states[slot] = "starting";
    return slot;
  }

  set(slot: number, state: SlotState): void {
    this.#states[slot] = state;
    if (state !== "free") return;
    for (const wake of this.#waiting) wake();
  }

  /** Waits for a free slot and takes it. Rejects with the signal's reason. */
  async takeWhenFree(signal: AbortSignal): Promise<number> {
    for (;;) {
      signal.throwIfAborted();
      const slot = this.take();
      if (slot !== undefined) return slot;
      await this.#nextFree(signal);
    }
  }

  async #nextFree(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}
