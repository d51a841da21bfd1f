/** The option `sni`: certificates by the names that clients ask for. */
import { text } from "./option-checks.ts";
import type { Check } from "./option-checks.ts";
import { refused } from "./option-table.ts";

export const namedCertificates: Check = (value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "must be an object";
  for (const [name, certificate] of Object.entries(value)) {
    const reason = serverNameFault(name) ?? certificateFault(certificate);
    if (reason !== undefined) return `"${name}" ${reason}`;
  }
  return undefined;
};

function certificateFault(value: unknown): string | undefined {
  const given = typeof value === "object" && value !== null ? { ...value } : {};
  const has = (name: string): boolean => text(Object.entries(given).find(([key]) => key === name)?.[1]) === undefined;
  const isPair = (has("cert") && has("key")) !== (has("certfile") && has("keyfile"));
  return isPair ? undefined : "must have either cert and key (PEM) or certfile and keyfile (paths)";
}

/** Throws ConfigurationError when there is no file that could be renewed. */
export function checkReload(values: {
  readonly certificateReload: boolean;
  readonly certfile: string | undefined;
  readonly sni: Readonly<Record<string, object>> | undefined;
}): void {
  const { certificateReload, certfile, sni = {} } = values;
  if (!certificateReload || certfile !== undefined) return;
  if (Object.values(sni).some((certificate) => "certfile" in certificate)) return;
  throw refused("certificateReload", true, "needs files to watch: give certfile and keyfile instead of cert and key");
}

/** The last label of an address that is written wrongly, as URL parsers see it (URL Standard, "ends in a number"). */
const endsInNumber = /(^|\.)\d+$/;

/** Labels of letters, digits and hyphens (RFC 1123 §2.1) and, because some use it, underscores. */
const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/** Why no client would ask for a certificate of this name (SNI, RFC 6066 §3); undefined when one may. */
export function serverNameFault(given: unknown): string | undefined {
  if (typeof given !== "string") return "must be a string";
  const name = given;
  if (process.getBuiltinModule("node:net").isIP(name) !== 0)
    return "is an address: TLS asks for names only, so cert and key must be for addresses";
  // RFC 9525 §6.3: the asterisk is the whole leftmost label.
  const isWildcard = name.startsWith("*.");
  const labels = (isWildcard ? name.slice(2) : name).split(".");
  if (name.includes("*") && (!isWildcard || name.lastIndexOf("*") > 0 || labels.length < 2)) {
    return 'has an asterisk that is not in place of the first label, as in "*.example.com"';
  }
  if (labelsAreRight(labels) && name.length <= 253) return undefined;
  const ascii = /[^ -~]/.test(name) && URL.canParse(`https://${name}`) ? new URL(`https://${name}`).hostname : "";
  return ascii !== "" && labelsAreRight(ascii.split("."))
    ? `is not as TLS asks for it: write "${ascii}"`
    : 'is no name of a server: such as "example.com", without scheme, port and path, at most 253 characters';
}

function labelsAreRight(labels: readonly string[]): boolean {
  return labels.every((each) => label.test(each)) && !endsInNumber.test(labels.at(-1) ?? "");
}
