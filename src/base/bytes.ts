export const noBytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** All pieces as one; a single piece is returned as it is. */
export function concatenate<Buffer extends ArrayBufferLike>(
  pieces: readonly Uint8Array<Buffer>[],
): Uint8Array<Buffer | ArrayBuffer> {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/** The bytes from `offset` on, in an ArrayBuffer of their own. */
export function copyFrom(bytes: Uint8Array, offset: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes.length - offset);
  copy.set(bytes.subarray(offset));
  return copy;
}
