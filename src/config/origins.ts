/** Which origins of requests are allowed: of a server's `allowedOrigins` and of `createCorsMiddleware`. */
import type { Check } from "./option-checks.ts";

/** Whether an origin is one of the entries, each of which has passed {@link originFault}. */
export function originPolicy(entries: readonly string[]): (origin: string) => boolean {
  if (entries.includes("*")) return (origin) => origin !== "";
  const exact = new Set(entries.filter((entry) => !entry.includes("*")));
  const wildcards = entries.filter((entry) => entry.includes("*")).map(wildcardOf);
  return (origin) => exact.has(origin) || wildcards.some((matches) => matches(origin));
}

/** Why no browser's origin could match the entry. */
export const originFault: Check = (entry) => {
  if (typeof entry !== "string") return "must be a string";
  if (entry === "*" || entry === "null") return undefined;
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/.test(entry)) {
    return `must be a scheme and a host, perhaps a port, such as "https://example.com:8443"; it is ${JSON.stringify(entry)}`;
  }
  const stars = entry.split("*").length - 1;
  if (stars > 0 && (stars > 1 || !/:\/\/\*\.[^.:]/.test(entry))) {
    return 'must have its asterisk alone, or for the first label of a host, such as "https://*.example.com"';
  }
  if (!/^https?:/.test(entry)) return undefined;
  // The URL Standard's serialisation is what a browser sends: lower case, Punycode, no default port.
  const example = entry.replace("*.", "label.");
  const canonical = originOf(example);
  if (canonical === undefined) return "must have a valid host";
  if (canonical === example) return undefined;
  return `must be as browsers write it, "${stars > 0 ? canonical.replace("label.", "*.") : canonical}"`;
};

function wildcardOf(entry: string): (origin: string) => boolean {
  const [before = "", after = ""] = entry.split("*");
  return (origin) => {
    const label = origin.slice(before.length, -after.length);
    // RFC 9525 §6.3, as for `authorities`: the asterisk stands for exactly one label.
    return origin === before + label + after && /^[^./:@[\]]+$/.test(label);
  };
}

function originOf(text: string): string | undefined {
  try {
    return new URL(text).origin;
  } catch {
    return undefined;
  }
}
