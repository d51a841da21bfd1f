/** Pieces are joined up to this size; larger ones cost little more than their bytes. */
const joinedSize = 4096;

/**
 * Adds `piece` to bytes that are kept in pieces. A kept piece costs a hundred bytes and more besides its own, so a peer
 * that sends single bytes would take a hundred times the memory that is counted: small pieces are joined. Of those
 * that are kept each is more than twice as long as the one behind it, so there are few, and a byte is copied a few dozen
 * times at most.
 */
export function gather<Piece extends Uint8Array>(pieces: (Piece | Uint8Array<ArrayBuffer>)[], piece: Piece): void {
  let last: Piece | Uint8Array<ArrayBuffer> = piece;
  for (let before = pieces.at(-1); before !== undefined && isJoined(before, last); before = pieces.at(-1)) {
    last = join(before, last);
    pieces.pop();
  }
  pieces.push(last);
}

/** Whether two pieces, one behind the other, are better kept as one. */
export function isJoined(one: Uint8Array, other: Uint8Array): boolean {
  return one.length <= 2 * other.length && one.length + other.length <= joinedSize;
}

export function join(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(one.length + other.length);
  whole.set(one);
  whole.set(other, one.length);
  return whole;
}
