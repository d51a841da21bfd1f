/** What Web IDL does with the values that a script hands over, and how it shapes an interface. */

/** Stands before the arguments of a constructor that scripts may not call. */
export const construct: unique symbol = Symbol("construct");
export type Construct = typeof construct;

/** Web IDL: an interface without a constructor. */
export function mayConstruct(key: unknown): void {
  if (key !== construct) throw new TypeError("Illegal constructor");
}

/** Web IDL §3.7: members of the prototype are enumerable, and the class has a string tag. */
export function defineInterface(type: { readonly name: string; readonly prototype: object }): void {
  const { prototype } = type;
  for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name !== "constructor") Object.defineProperty(prototype, name, { ...member, enumerable: true });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: type.name, configurable: true });
}

/** A dictionary: undefined and null stand for an empty one. */
export function toDictionary(value: unknown, what: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" && typeof value !== "function") throw new TypeError(`${what} is no object`);
  return value as Record<string, unknown>;
}

export function toEnumeration<T extends string>(value: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((each) => each === String(value));
  if (found === undefined) throw new TypeError(`${what} is "${String(value)}": ${allowed.join(", ")} are allowed`);
  return found;
}

export function toSequence(value: unknown, what: string): unknown[] {
  if (typeof value !== "object" || value === null || !(Symbol.iterator in value)) {
    throw new TypeError(`${what} is no sequence`);
  }
  return [...(value as Iterable<unknown>)];
}

/** `unsigned long`: modulo 2^32. */
export function toUnsignedLong(value: unknown): number {
  return Number(value) >>> 0;
}

/** `[Clamp] unsigned long`: the nearest whole number of the range, halves to even. */
export function toClampedUnsignedLong(value: unknown): number {
  const number = Number(value);
  if (Number.isNaN(number)) return 0;
  const clamped = Math.min(Math.max(number, 0), 0xffff_ffff);
  const floor = Math.floor(clamped);
  const rest = clamped - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** `[EnforceRange] unsigned short?`. Throws TypeError. */
export function toEnforcedUnsignedShort(value: unknown, what: string): number | null {
  if (value === undefined || value === null) return null;
  const number = Math.trunc(Number(value));
  if (!(number >= 0 && number <= 0xffff)) throw new TypeError(`${what} is ${number}: 0 to 65535 are allowed`);
  return number;
}

/** `long long`, whose integers beyond 2^53 no number holds. */
export function toLongLong(value: unknown): number {
  const number = Math.trunc(Number(value));
  return Number.isFinite(number) ? Number(BigInt.asIntN(64, BigInt(number))) : 0;
}

/** `DOMString`. */
export const toText: (value: unknown) => string = String;

/** `USVString`: lone surrogates become U+FFFD. */
export function toUsvString(value: unknown): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(toText(value)));
}

/** A copy of a `BufferSource`'s bytes. Throws TypeError for anything else, shared memory included. */
export function toBytes(value: unknown, what: string): Uint8Array<ArrayBuffer> {
  if (value instanceof ArrayBuffer) return new Uint8Array(value).slice();
  if (ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
  }
  throw new TypeError(`${what} is neither an ArrayBuffer nor a view of one`);
}
