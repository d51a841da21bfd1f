/**
 * Paths as they are compared. A request's path comes as URL parsers leave it (dot segments resolved, most of what is not
 * ASCII percent-encoded), and parsers differ in what they encode. Routes and requests are brought to one form: RFC 3986
 * §6.2.2's (upper-case hexadecimal digits, unreserved characters decoded), in which everything that a path cannot hold
 * (§3.3: pchar and "/") is percent-encoded, "%" without two digits among it. A reserved character and its encoding stay
 * different: "/a%2Fb" is not "/a/b".
 */
import { encodeUtf8 } from "../../base/utf8.ts";

/** Octets of the longest path that is served (RFC 9110 §4.1 recommends 8000 at least): patterns take time by the length. */
export const maxPathLength = 8192;

/** Nothing to decode and nothing to encode. */
const canonical = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/;
const unreserved = /[A-Za-z0-9\-._~]/;
/** An encoded octet, or what cannot stand in a path; pchar of RFC 3986 §3.3. */
const parts = /%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/gu;

/** The form of `path` that is compared. */
export function canonicalPath(path: string): string {
  if (canonical.test(path)) return path;
  return path.replaceAll(parts, (part) => {
    if (part.length !== 3 || !part.startsWith("%")) return percentEncode(part);
    const character = String.fromCharCode(Number.parseInt(part.slice(1), 16));
    return unreserved.test(character) ? character : part.toUpperCase();
  });
}

/** Why no request can ever have this path; undefined when one can. */
export function pathFault(given: unknown): string | undefined {
  if (typeof given !== "string") return "a path is a string";
  const path = given;
  if (!path.startsWith("/")) return 'a path starts with "/"';
  if (canonicalPath(path).length > maxPathLength) return `a path has ${maxPathLength} octets at most`;
  if (/[?#]/.test(path)) return "a path has no query and no fragment; write %3F and %23 for the characters themselves";
  if (/\p{Cc}/u.test(path)) return "URLs lose control characters; write them percent-encoded";
  if (path.includes("\\")) return 'URLs turn "\\" into "/"; write %5C for the character itself';
  if (/\p{Surrogate}/u.test(path)) return "it has half of a character (a lone surrogate)";
  if (
    canonicalPath(path)
      .split("/")
      .some((segment) => segment === "." || segment === "..")
  ) {
    return 'URLs resolve the segments "." and ".."';
  }
  return undefined;
}

/** Decodes once. What is no valid percent-encoding of UTF-8 is taken as it stands. */
export function percentDecode(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function percentEncode(character: string): string {
  let text = "";
  for (const octet of encodeUtf8(character)) text += `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  return text;
}
