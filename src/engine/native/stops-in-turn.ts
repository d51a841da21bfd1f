/**
 * What was stopped since the events of this turn were made: records of such a stream may still follow in the batch, and
 * the contract lets no data follow a `stop`.
 */
export class StopsInTurn {
  #isDecoding = false;
  readonly #codes = new Map<number, Map<number, bigint>>();

  begin(): void {
    this.#isDecoding = true;
  }

  end(): void {
    this.#isDecoding = false;
    if (this.#codes.size > 0) this.#codes.clear();
  }

  add(connection: number, streamId: number, code: bigint): void {
    if (!this.#isDecoding) return;
    const codes = this.#codes.get(connection) ?? new Map<number, bigint>();
    this.#codes.set(connection, codes);
    // Only the first stop counts.
    if (!codes.has(streamId)) codes.set(streamId, code);
  }

  /** The code that a stream was stopped with in this turn. */
  codeOf(connection: number, streamId: number): bigint | undefined {
    return this.#codes.size === 0 ? undefined : this.#codes.get(connection)?.get(streamId);
  }
}
