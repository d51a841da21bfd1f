/** Characters of a subprotocol's name (W3C WebTransport, `protocols` of the constructor's options). */
export const maxSubprotocolLength = 512;

/** RFC 9651 §3.3.3: a String of a structured field, as which draft-ietf-webtrans-http3 §3.3 sends the name. */
const printableAscii = /^[\x20-\x7e]+$/;

/** Whether it can be a subprotocol's name: 1 to 512 printable ASCII characters. */
export function isSubprotocol(name: string): boolean {
  return name.length <= maxSubprotocolLength && printableAscii.test(name);
}
