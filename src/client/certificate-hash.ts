/** A hash of a certificate's DER (W3C WebTransport, `WebTransportHash`). */
export interface CertificateHash {
  /** "sha-256" in any case; hashes of other algorithms are ignored. */
  readonly algorithm: string;
  /** The 32 bytes, or their hexadecimal text, with or without colons. */
  readonly value: ArrayBuffer | ArrayBufferView | string;
}

const sha256Length = 32;

export function isSha256({ algorithm }: CertificateHash): boolean {
  return algorithm.toLowerCase() === "sha-256";
}

/** The reason why a list of hashes is refused, or undefined. */
export function checkHashes(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return "must be an array";
  for (const [index, hash] of value.entries()) {
    const reason = checkHash(hash);
    if (reason !== undefined) return `item ${index} ${reason}`;
  }
  return undefined;
}

/** A copy of the hash's bytes. */
export function hashBytes(value: CertificateHash["value"]): Uint8Array<ArrayBuffer> {
  if (typeof value === "string") return Uint8Array.from(Buffer.from(value.replaceAll(":", ""), "hex"));
  if (!ArrayBuffer.isView(value)) return new Uint8Array(value).slice();
  return Uint8Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function checkHash(hash: unknown): string | undefined {
  if (typeof hash !== "object" || hash === null) return "must be an object with algorithm and value";
  const { algorithm, value } = hash as Partial<CertificateHash>;
  if (typeof algorithm !== "string") return "has no algorithm";
  const isBytes = value instanceof ArrayBuffer || ArrayBuffer.isView(value);
  if (!isBytes && typeof value !== "string") return "has no value of bytes or hexadecimal text";
  if (!isSha256({ algorithm, value })) return undefined;
  const { byteLength } = hashBytes(value);
  return byteLength === sha256Length ? undefined : `has ${byteLength} bytes: SHA-256 has ${sha256Length}`;
}
