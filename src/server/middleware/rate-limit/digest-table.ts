/** Words of a key: 128 bits, of which each is as good as random. */
export type Digest = readonly [number, number, number, number];

const keyWords = 4;

/**
 * Finds cells by 128-bit digests: one array of numbers instead of a million strings and objects. A cell has `width`
 * numbers of 32 bits behind its digest, which are the caller's. Cells keep their place while they live.
 */
export class DigestTable {
  readonly #stride: number;
  /** Digest and the caller's numbers, one cell after the other. */
  #cells: Uint32Array;
  /** Open addressing with linear probing: 0, or a cell's number + 1. Twice as many as cells. */
  #slots: Uint32Array;
  /** First word of a free cell: the next free one's number + 1. */
  #free = 0;
  /** Cells from here on were never used. */
  #fresh = 0;
  #size = 0;

  /** `capacity`: cells to begin with, a power of two; it doubles when they are used up. */
  constructor(width: number, capacity: number) {
    this.#stride = keyWords + width;
    this.#cells = new Uint32Array(capacity * this.#stride);
    this.#slots = new Uint32Array(capacity * 2);
  }

  get size(): number {
    return this.#size;
  }

  get byteLength(): number {
    return this.#cells.byteLength + this.#slots.byteLength;
  }

  /** The cell of the digest, or -1. */
  find(digest: Digest): number {
    const mask = this.#slots.length - 1;
    for (let slot = digest[0] & mask; ; slot = (slot + 1) & mask) {
      const cell = (this.#slots[slot] ?? 0) - 1;
      if (cell < 0 || this.#holds(cell, digest)) return cell;
    }
  }

  /** A new cell, its numbers 0. The digest must not have one. */
  add(digest: Digest): number {
    if (this.#free === 0 && this.#fresh * this.#stride === this.#cells.length) this.#grow();
    let cell: number;
    if (this.#free === 0) {
      cell = this.#fresh;
      this.#fresh += 1;
    } else {
      cell = this.#free - 1;
      this.#free = this.#cells[cell * this.#stride] ?? 0;
    }
    const start = cell * this.#stride;
    this.#cells.set(digest, start);
    this.#cells.fill(0, start + keyWords, start + this.#stride);
    this.#insert(cell);
    this.#size += 1;
    return cell;
  }

  remove(cell: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#home(cell) & mask;
    while (slots[hole] !== cell + 1) hole = (hole + 1) & mask;
    // Those behind it move up, unless that would put them before the slot where their search begins.
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#home((slots[slot] ?? 0) - 1) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = slots[slot] ?? 0;
      hole = slot;
    }
    slots[hole] = 0;
    this.#cells[cell * this.#stride] = this.#free;
    this.#free = cell + 1;
    this.#size -= 1;
  }

  digest(cell: number): Digest {
    const start = cell * this.#stride;
    const [a = 0, b = 0, c = 0, d = 0] = this.#cells.subarray(start, start + keyWords);
    return [a, b, c, d];
  }

  get(cell: number, index: number): number {
    return this.#cells[cell * this.#stride + keyWords + index] ?? 0;
  }

  set(cell: number, index: number, value: number): void {
    this.#cells[cell * this.#stride + keyWords + index] = value;
  }

  #holds(cell: number, digest: Digest): boolean {
    const start = cell * this.#stride;
    const cells = this.#cells;
    return (
      cells[start] === digest[0] &&
      cells[start + 1] === digest[1] &&
      cells[start + 2] === digest[2] &&
      cells[start + 3] === digest[3]
    );
  }

  #home(cell: number): number {
    return this.#cells[cell * this.#stride] ?? 0;
  }

  #insert(cell: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#home(cell) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = cell + 1;
  }

  /** Every cell is in use. */
  #grow(): void {
    const cells = new Uint32Array(this.#cells.length * 2);
    cells.set(this.#cells);
    this.#cells = cells;
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let cell = 0; cell < this.#fresh; cell += 1) this.#insert(cell);
  }
}
