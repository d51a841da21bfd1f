import { applicationCodes } from "../../constants/wire-codes.ts";

const { first, last } = applicationCodes;

/** The wire's code for an application code, 0 to 2^32 - 1. Throws RangeError for any other. */
export function toWireCode(code: number): bigint {
  if (!Number.isInteger(code) || code < 0 || code > 0xffff_ffff) {
    throw new RangeError(`Cannot use ${code} as a stream's error code: 0 to 4294967295 are allowed`);
  }
  // Every 31st code point is reserved for greasing (RFC 9114 §8.1).
  return first + BigInt(code) + BigInt(Math.floor(code / 30));
}

/** The application code of a wire code; undefined when it stands for none. */
export function fromWireCode(code: bigint): number | undefined {
  if (code < first || code > last || (code - 0x21n) % 31n === 0n) return undefined;
  const shifted = Number(code - first);
  return shifted - Math.floor(shifted / 31);
}
