import { varintLengthFromFirstByte } from "./varint.ts";

/**
 * A varint (RFC 9000 §16) that arrives in pieces. Values are numbers: past 2^53 they lose their lowest bits, which no
 * type, length or stream id that is known here reaches.
 */
export class VarintAssembler {
  #value = 0;
  #missing = 0;

  /** Whether no byte of a next varint has arrived. */
  get isEmpty(): boolean {
    return this.#missing === 0;
  }

  /** Takes one byte; gives the value with its last. */
  push(byte: number): number | undefined {
    if (this.#missing === 0) {
      this.#missing = varintLengthFromFirstByte(byte) - 1;
      this.#value = byte & 0x3f;
    } else {
      this.#missing -= 1;
      this.#value = this.#value * 256 + byte;
    }
    return this.#missing === 0 ? this.#value : undefined;
  }
}
