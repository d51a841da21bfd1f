/** What a violation ends: the connection, one request or WebTransport stream, or one WebTransport session. */
export type WireErrorScope = "connection" | "stream" | "session";

/** What the peer did wrong, with the code that it is told. Thrown anywhere in the core, caught once at its boundary. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly scope: WireErrorScope;
  /** HTTP/3, QPACK or WebTransport error code (RFC 9114 §8.1, RFC 9204 §6). */
  readonly wireCode: bigint;

  constructor(scope: WireErrorScope, wireCode: bigint, message: string) {
    super(message);
    this.scope = scope;
    this.wireCode = wireCode;
  }
}
