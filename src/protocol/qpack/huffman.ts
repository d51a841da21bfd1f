/** The Huffman code of RFC 7541 Appendix B, which QPACK uses (RFC 9204 §4.1.2). */

/**
 * The code is canonical, so the lengths tell all of it: the base-36 digit at position k is the length in bits of the
 * code of symbol k; symbol 256 is EOS.
 */
const codeLengths =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmnlmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq" +
  "u";

const endOfString = 256;
const codes = new Uint32Array(257);
const lengths = Uint8Array.from(codeLengths, (digit) => Number.parseInt(digit, 36));

/**
 * The decoding tree, two slots a node: a positive entry is the next node's first slot, a negative one the bitwise
 * complement of a symbol. The code is complete, so no slot stays empty.
 */
const tree = new Int16Array(2 * 256);
buildTables();

/** Thrown for an encoding that RFC 7541 §5.2 forbids; the caller knows which error code it means there. */
export class HuffmanError extends Error {
  override readonly name = "HuffmanError";
}

/** Decodes a whole string; undefined when it has more than `maxLength` bytes. Throws {@link HuffmanError} for bad padding or EOS. */
export function decodeHuffman(encoded: Uint8Array, maxLength: number): Uint8Array<ArrayBuffer> | undefined {
  // The shortest code has 5 bits: no encoding expands further than 8/5.
  const decoded = new Uint8Array(Math.min(maxLength, Math.floor((encoded.length * 8) / 5)));
  let length = 0;
  let node = 0;
  let pendingBits = 0;
  let pendingOnes = true;
  for (const byte of encoded) {
    for (let shift = 7; shift >= 0; shift -= 1) {
      const bit = (byte >> shift) & 1;
      const next = tree[node + bit] ?? 0;
      if (next >= 0) {
        node = next;
        pendingBits += 1;
        pendingOnes &&= bit === 1;
        continue;
      }
      const symbol = ~next;
      if (symbol === endOfString) throw new HuffmanError("EOS inside a Huffman-coded string");
      if (length === maxLength) return undefined;
      decoded[length] = symbol;
      length += 1;
      node = 0;
      pendingBits = 0;
      pendingOnes = true;
    }
  }
  if (pendingBits > 7 || !pendingOnes) throw new HuffmanError("bad padding of a Huffman-coded string");
  return decoded.slice(0, length);
}

/** Bytes of the encoding. */
export function huffmanLength(plain: Uint8Array): number {
  let bits = 0;
  for (const byte of plain) bits += lengths[byte] ?? 0;
  return (bits + 7) >> 3;
}

export function encodeHuffman(plain: Uint8Array): Uint8Array<ArrayBuffer> {
  const encoded = new Uint8Array(huffmanLength(plain));
  let offset = 0;
  let pending = 0;
  let pendingBits = 0;
  for (const byte of plain) {
    const code = codes[byte] ?? 0;
    for (let bit = (lengths[byte] ?? 0) - 1; bit >= 0; bit -= 1) {
      pending = (pending << 1) | ((code >>> bit) & 1);
      pendingBits += 1;
      if (pendingBits === 8) {
        encoded[offset] = pending;
        offset += 1;
        pending = 0;
        pendingBits = 0;
      }
    }
  }
  // RFC 7541 §5.2: the rest of the last byte is filled with the first bits of EOS, all ones.
  if (pendingBits > 0) encoded[offset] = (pending << (8 - pendingBits)) | (0xff >> pendingBits);
  return encoded;
}

function buildTables(): void {
  const symbols = Array.from(lengths.keys()).sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
  let code = 0;
  let previousLength = 0;
  let nextFreeSlot = 2;
  for (const symbol of symbols) {
    const length = lengths[symbol] ?? 0;
    code <<= length - previousLength;
    previousLength = length;
    codes[symbol] = code;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit -= 1) {
      const slot = node + ((code >> bit) & 1);
      if (tree[slot] === 0) {
        tree[slot] = nextFreeSlot;
        nextFreeSlot += 2;
      }
      node = tree[slot] ?? 0;
    }
    tree[node + (code & 1)] = ~symbol;
    code += 1;
  }
}
