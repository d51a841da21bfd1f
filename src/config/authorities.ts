/** Which authorities of requests a server is for (RFC 9110 §7.4). */
import type { Check } from "./option-checks.ts";
import { listOption } from "./option-table.ts";
import type { Option } from "./option-table.ts";

interface Authority {
  /** As URL writes it: lower case, Punycode, the shortest form of an IPv6 address; without a final dot. */
  readonly host: string;
  readonly port: number | undefined;
}

interface Entry extends Authority {
  /** `host` is what stands behind one label. */
  readonly isWildcard: boolean;
}

const check: Check = (value) =>
  typeof value === "string" && parseEntry(value) !== undefined
    ? undefined
    : "must be a host with or without a port, such as example.com, *.example.com, example.com:4433 or [::1]";

/** The option of a configuration. */
export const authorityOption: Option = listOption(check, Object.freeze([]));

/** Whether a request's authority is among the entries. Undefined when there are none: then every authority is served. */
export function servedAuthorities(entries: readonly string[]): ((authority: string) => boolean) | undefined {
  if (entries.length === 0) return undefined;
  const served = entries.map(parseEntry).filter((entry) => entry !== undefined);
  return (text) => {
    const authority = parse(text);
    return authority !== undefined && served.some((entry) => covers(entry, authority));
  };
}

function covers(entry: Entry, { host, port = 443 }: Authority): boolean {
  if (entry.port !== undefined && entry.port !== port) return false;
  if (!entry.isWildcard) return host === entry.host;
  // RFC 9525 §6.3: the asterisk stands for exactly one label.
  const dot = host.indexOf(".");
  return dot > 0 && host.slice(dot + 1) === entry.host;
}

function parseEntry(text: string): Entry | undefined {
  const isWildcard = text.startsWith("*.");
  const authority = parse(isWildcard ? text.slice(2) : text);
  if (authority === undefined || authority.port === 0 || text.endsWith(":")) return undefined;
  const isAddress = authority.host.startsWith("[") || /^[\d.]+$/.test(authority.host);
  return isWildcard && isAddress ? undefined : { ...authority, isWildcard };
}

/** RFC 3986 §3.2, without user information: a host and perhaps a port, which may be empty. */
const pattern = /^(\[[\da-f:.]+\]|[^\s:/?#@[\]\\%*<>|^]+)(?::(\d{0,5}))?$/i;

function parse(text: string): Authority | undefined {
  const [, host = "", digits = ""] = pattern.exec(text) ?? [];
  const port = digits === "" ? undefined : Number(digits);
  if (host === "" || host === "." || (port ?? 0) > 65_535) return undefined;
  try {
    return { host: new URL(`https://${host}/`).hostname.replace(/\.$/, ""), port };
  } catch {
    return undefined;
  }
}
