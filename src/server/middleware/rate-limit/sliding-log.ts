import { DigestTable } from "./digest-table.ts";
import type { Digest } from "./digest-table.ts";

export interface SlidingLogOptions {
  /** Admissions of one key within a window. */
  readonly maxRequests: number;
  /** Milliseconds. */
  readonly window: number;
  /** Admissions that are remembered at most; then the oldest is forgotten. */
  readonly maxEntries: number;
}

/** A cell's numbers: how many entries the key has, and the numbers of its oldest and its newest. */
const count = 0;
const oldest = 1;
const newest = 2;

/** Instead of the cell of an entry that its key counts no more. */
const unowned = 0xffff_ffff;

const leastCapacity = 256;
/** Expired entries that one admission clears away for others, so that none of them waits for all. */
const expiredAtOnce = 16;

/**
 * Sliding logs of any number of keys: a key is admitted when less than `maxRequests` of its admissions are younger than
 * the window. All of them stand in one ring in the order of time, chained by key, so that what has expired is always at
 * its beginning, and the memory has one bound: 52 bytes for each entry of the capacity, a power of two.
 */
export class SlidingLog {
  readonly #options: SlidingLogOptions;
  readonly #crypto = process.getBuiltinModule("node:crypto");
  /** Clients may choose their keys; they must not be able to choose where the keys are stored. */
  readonly #secret = this.#crypto.randomBytes(16);
  #keys = new DigestTable(3, leastCapacity);
  /** When an entry was admitted. */
  #times = new Float64Array(leastCapacity);
  /** The cell of its key. */
  #owners = new Uint32Array(leastCapacity);
  /** The number of the key's next entry. */
  #next = new Uint32Array(leastCapacity);
  /** Number of the oldest entry, in 32 bits. They are counted; the last bits of a number are its place in the ring. */
  #first = 0;
  #length = 0;
  #latest = 0;
  #evicted = 0;

  constructor(options: SlidingLogOptions) {
    this.#options = options;
  }

  get keyCount(): number {
    return this.#keys.size;
  }
  get entryCount(): number {
    return this.#length;
  }
  /** Entries that were forgotten before their time. */
  get evicted(): number {
    return this.#evicted;
  }
  get byteLength(): number {
    return this.#keys.byteLength + this.#times.byteLength + this.#owners.byteLength + this.#next.byteLength;
  }

  /** Admits the key, and records it, when that is allowed at the time `at` in milliseconds: 0. Else the milliseconds until it is. */
  admit(key: string, at: number): number {
    const now = this.#advance(at);
    this.expire(now, expiredAtOnce);
    const digest = this.#digest(key);
    let cell = this.#keys.find(digest);
    if (cell >= 0) {
      const wait = this.#wait(cell, now);
      if (wait > 0) return wait;
    }
    if (this.#length === this.#options.maxEntries) {
      // One that has expired, and is not cleared away yet, is no loss.
      if (!this.#isExpired(this.#first, now)) this.#evicted += 1;
      this.#shift();
      // It may have been the key's last one.
      cell = this.#keys.find(digest);
    }
    if (cell < 0) cell = this.#keys.add(digest);
    this.#push(cell, now);
    return 0;
  }

  /** Forgets at most `limit` of the entries that have expired. Whether there are more. */
  expire(at: number, limit: number): boolean {
    const now = this.#advance(at);
    for (let left = limit; this.#length > 0 && this.#isExpired(this.#first, now); left -= 1) {
      if (left === 0) return true;
      this.#shift();
    }
    return false;
  }

  /** Gives memory back when an eighth of it would do. */
  shrink(): void {
    if (this.#times.length <= leastCapacity || this.#length > this.#times.length / 8) return;
    const old = { keys: this.#keys, times: this.#times, owners: this.#owners, first: this.#first };
    const length = this.#length;
    this.#keys = new DigestTable(3, leastCapacity);
    this.#times = new Float64Array(leastCapacity);
    this.#owners = new Uint32Array(leastCapacity);
    this.#next = new Uint32Array(leastCapacity);
    this.#first = 0;
    this.#length = 0;
    for (let index = 0; index < length; index += 1) {
      const place = (old.first + index) & (old.times.length - 1);
      const owner = old.owners[place] ?? unowned;
      if (owner === unowned) continue;
      const digest = old.keys.digest(owner);
      const cell = this.#keys.find(digest);
      this.#push(cell < 0 ? this.#keys.add(digest) : cell, old.times[place] ?? 0);
    }
  }

  /** Time never goes back: the ring is in its order. */
  #advance(at: number): number {
    this.#latest = Math.max(this.#latest, at);
    return this.#latest;
  }

  /** Milliseconds until the key may be admitted; drops its entries that have expired. */
  #wait(cell: number, now: number): number {
    const keys = this.#keys;
    let entry = keys.get(cell, oldest);
    let entries = keys.get(cell, count);
    for (; entries > 0 && this.#isExpired(entry, now); entries -= 1) {
      this.#owners[this.#place(entry)] = unowned;
      entry = this.#next[this.#place(entry)] ?? 0;
    }
    keys.set(cell, oldest, entry);
    keys.set(cell, count, entries);
    return entries < this.#options.maxRequests ? 0 : this.#endOf(entry) - now;
  }

  #isExpired(entry: number, now: number): boolean {
    return this.#endOf(entry) <= now;
  }

  #endOf(entry: number): number {
    return (this.#times[this.#place(entry)] ?? 0) + this.#options.window;
  }

  #push(cell: number, now: number): void {
    if (this.#length === this.#times.length) this.#grow();
    const keys = this.#keys;
    const entry = (this.#first + this.#length) >>> 0;
    this.#times[this.#place(entry)] = now;
    this.#owners[this.#place(entry)] = cell;
    const entries = keys.get(cell, count);
    if (entries === 0) keys.set(cell, oldest, entry);
    else this.#next[this.#place(keys.get(cell, newest))] = entry;
    keys.set(cell, newest, entry);
    keys.set(cell, count, entries + 1);
    this.#length += 1;
  }

  #shift(): void {
    const place = this.#place(this.#first);
    const cell = this.#owners[place] ?? unowned;
    if (cell !== unowned) {
      const keys = this.#keys;
      const left = keys.get(cell, count) - 1;
      if (left === 0) keys.remove(cell);
      else {
        keys.set(cell, count, left);
        keys.set(cell, oldest, this.#next[place] ?? 0);
      }
    }
    this.#first = (this.#first + 1) >>> 0;
    this.#length -= 1;
  }

  /** The ring is full. Numbers of entries stay what they are; only their places change. */
  #grow(): void {
    const { length } = this.#times;
    const [times, owners, next] = [this.#times, this.#owners, this.#next];
    this.#times = new Float64Array(length * 2);
    this.#owners = new Uint32Array(length * 2);
    this.#next = new Uint32Array(length * 2);
    for (let index = 0; index < length; index += 1) {
      const from = (this.#first + index) & (length - 1);
      const to = this.#place(this.#first + index);
      this.#times[to] = times[from] ?? 0;
      this.#owners[to] = owners[from] ?? 0;
      this.#next[to] = next[from] ?? 0;
    }
  }

  #place(entry: number): number {
    return entry & (this.#times.length - 1);
  }

  #digest(key: string): Digest {
    const hash = this.#crypto.createHash("sha256").update(this.#secret).update(key).digest();
    return [hash.readUInt32LE(0), hash.readUInt32LE(4), hash.readUInt32LE(8), hash.readUInt32LE(12)];
  }
}
