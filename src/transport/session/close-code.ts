/** Its reason, of which the peer gets the first 1024 bytes. Throws TypeError for what is no string. */
export function checkCloseReason(reason: unknown = ""): void {
  if (typeof reason !== "string") throw new TypeError("Cannot close with a reason that is no string");
}

/** An application's code for the end of sessions (draft-ietf-webtrans-http3 §6). Throws RangeError outside 0 to 2^32 - 1. */
export function checkCloseCode(code = 0): void {
  if (!Number.isInteger(code) || code < 0 || code > 0xffff_ffff) {
    throw new RangeError(`Cannot close with code ${String(code)}: 0 to 4294967295 is allowed`);
  }
}
