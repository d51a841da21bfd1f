import { serverNameFault } from "../config/named-certificates.ts";
import type { Check } from "../config/option-checks.ts";
import { refused } from "../config/option-table.ts";

const loopback: readonly string[] = Object.freeze(["localhost", "127.0.0.1", "::1"]);

/** Why a certificate cannot be for this name. */
const hostnameFault: Check = (value) => {
  const isAddress = typeof value === "string" && process.getBuiltinModule("node:net").isIP(value) !== 0;
  if (!isAddress) return serverNameFault(value);
  return value.includes("%") ? "has a zone, which means something on one machine only" : undefined;
};

/** The option `hostname` as a list; loopback when it is not given. Throws ConfigurationError. */
export function hostnamesOf(given: unknown = loopback): readonly string[] {
  const hostnames: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (hostnames.length === 0) throw refused("hostname", given, "must have one name or IP address at least");
  for (const hostname of hostnames) {
    const reason = typeof hostname === "string" ? hostnameFault(hostname) : "is no string";
    if (reason !== undefined)
      throw refused("hostname", hostname, `must be a host name or an IP address, but ${reason}`);
  }
  return [...hostnames] as readonly string[];
}
