/** An application's code for the end of sessions (draft-ietf-webtrans-http3 §6). Throws RangeError outside 0 to 2^32 - 1. */
export function checkCloseCode(code = 0): void {
  if (!Number.isInteger(code) || code < 0 || code > 0xffff_ffff) {
    throw new RangeError(`Cannot close with code ${String(code)}: 0 to 4294967295 is allowed`);
  }
}
