/**
 * The group that an address counts in, as text: IPv4 as it is, IPv4-mapped IPv6 as IPv4, other IPv6 by its first 64 bits
 * ("2001:db8:0:1::/64"), because one host may have all of the rest (RFC 4291 §2.5.4). What is no address is itself.
 */
export function addressGroup(host: string): string {
  if (!host.includes(":")) return host;
  const groups = groupsOf(host);
  if (groups === undefined) return host;
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  // RFC 4291 §2.5.5.2.
  if ((a | b | c | d | e) === 0 && f === 0xffff) return `${g >> 8}.${g & 255}.${h >> 8}.${h & 255}`;
  return `${[a, b, c, d].map((group) => group.toString(16)).join(":")}::/64`;
}

/** The eight groups of an IPv6 address, whatever of its forms it has (RFC 4291 §2.2, RFC 4007 §11 for the zone). */
function groupsOf(host: string): number[] | undefined {
  const [address = ""] = host.split("%");
  const halves = address.split("::");
  const [before, after] = halves.map(parseGroups);
  if (before === undefined || halves.length > 2) return undefined;
  if (halves.length === 1) return before.length === 8 ? before : undefined;
  if (after === undefined || before.length + after.length > 7) return undefined;
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

function parseGroups(text: string): number[] | undefined {
  const groups: number[] = [];
  for (const part of text === "" ? [] : text.split(":")) {
    const [, ...bytes] = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(part)?.map(Number) ?? [];
    const [i = 0, j = 0, k = 0, l = 0] = bytes;
    if (bytes.length === 4 && Math.max(i, j, k, l) < 256) groups.push((i << 8) | j, (k << 8) | l);
    else if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
