/** A stream or a session with unread bytes. */
export interface Holder {
  readonly name: string;
  readonly bytes: number;
}

/** Holders that are listed by name. */
const most = 5;

/** The holders with the most bytes, as text: "stream 4 holds 1.1 MiB, stream 8 holds 64.0 KiB". */
export function holdersText(holders: readonly Holder[]): string {
  const holding = holders.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
  const named = holding.slice(0, most).map(({ name, bytes }) => `${name} holds ${sizeText(bytes)}`);
  const others = holding.slice(most);
  if (others.length > 0) named.push(`${others.length} others hold ${sizeText(heldBy(others))}`);
  return named.join(", ");
}

export function heldBy(holders: readonly Holder[]): number {
  return holders.reduce((sum, { bytes }) => sum + bytes, 0);
}

export function sizeText(bytes: number): string {
  return bytes < 1_000_000 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
