type Codes = Map<number, Map<number, bigint>>;

/**
 * What was stopped after the records of its data were made: the contract lets no data follow a `stop`. Such records stand
 * in the rest of the batch that is being decoded, and in the next one, into which `grant` reads at once. Behind that one
 * the core knows of the stop itself.
 */
export class StopsInTurn {
  #isEmpty = true;
  #isDecoding = false;
  /** Since the batch that is, or was last, decoded was taken. */
  #recent: Codes = new Map();
  /** Before it was taken, and after the one before. */
  #former: Codes = new Map();

  /** A batch has been taken, and is decoded now. */
  begin(): void {
    this.#isDecoding = true;
    if (this.#isEmpty) return;
    this.#former = this.#recent;
    this.#recent = new Map();
    this.#isEmpty = this.#former.size === 0;
  }

  /** The batch is decoded. */
  end(): void {
    this.#isDecoding = false;
    if (this.#isEmpty) return;
    this.#former.clear();
    this.#isEmpty = this.#recent.size === 0;
  }

  /** `recordsWait`: a batch is begun, in which there may be data. Where there is none, nothing is noted that nobody would clear. */
  add(connection: number, streamId: number, code: bigint, recordsWait: boolean): void {
    if (!this.#isDecoding && !recordsWait) return;
    const codes = this.#recent.get(connection) ?? new Map<number, bigint>();
    this.#recent.set(connection, codes);
    this.#isEmpty = false;
    // Only the first stop counts.
    if (!codes.has(streamId)) codes.set(streamId, code);
  }

  /** The code that a stream was stopped with. */
  codeOf(connection: number, streamId: number): bigint | undefined {
    if (this.#isEmpty) return undefined;
    return this.#former.get(connection)?.get(streamId) ?? this.#recent.get(connection)?.get(streamId);
  }
}
