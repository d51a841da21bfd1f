/** What is wrong, or soon will be, with a server's certificate. */
import type { X509Certificate } from "node:crypto";

const day = 24 * 3600 * 1000;

/**
 * Milliseconds before its end that a certificate should be renewed by; one that is made for two weeks, for its hash, on its
 * last day.
 */
function renewalTime(validity: number): number {
  return validity <= longestHashed ? day : 14 * day;
}

/** W3C WebTransport, "custom certificate requirements": a certificate that is trusted by its hash is valid for two weeks at most. */
const longestHashed = 14 * day;

/**
 * Sentences about a PEM chain, leaf first, each with its figures and what to do; empty when all is well. `now`: milliseconds
 * since the epoch. Never throws.
 */
export function certificateIssues(pem: string | undefined, now: number = Date.now()): string[] {
  if (pem === undefined || pem.trim() === "") {
    return ["There is no certificate: give cert and key (PEM) or certfile and keyfile (paths)"];
  }
  let chain: readonly X509Certificate[];
  try {
    chain = certificatesOf(pem);
  } catch (error) {
    return [`The certificate cannot be read: ${error instanceof Error ? error.message : String(error)}`];
  }
  const [leaf] = chain;
  if (leaf === undefined)
    return ["There is no certificate in the PEM text: it begins with -----BEGIN CERTIFICATE-----"];
  const ofDates = chain.flatMap((certificate, index) =>
    dateIssues(certificate, nameOf(certificate, index, chain), now),
  );
  return isSelfSigned(leaf) ? [...ofDates, ...hashIssues(leaf)] : ofDates;
}

/** The certificates of a PEM text, in its order. Throws for one that is malformed. */
export function certificatesOf(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  return blocks.map((block) => new X509Certificate(block));
}

function dateIssues({ validFrom, validTo }: X509Certificate, name: string, now: number): string[] {
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  if (now < from) {
    return [
      `${name} is not valid before ${iso(from)}, in ${span(from - now)}: clients refuse it until then. Check this ` +
        "machine's clock",
    ];
  }
  if (now > to) {
    return [`${name} ended ${span(now - to)} ago, at ${iso(to)}: clients refuse it. Renew it, and ${replacing}`];
  }
  if (to - now < renewalTime(to - from)) {
    return [`${name} ends in ${span(to - now)}, at ${iso(to)}. Renew it before, and ${replacing}`];
  }
  return [];
}

const replacing = "put it in place with updateCertificate() or certificateReload";

/** What keeps browsers from trusting a certificate by its hash, as they must when no authority has issued it. */
function hashIssues(certificate: X509Certificate): string[] {
  const issues: string[] = [];
  const validity = Date.parse(certificate.validTo) - Date.parse(certificate.validFrom);
  if (validity > longestHashed) {
    issues.push(
      `The certificate is self-signed and valid for ${span(validity)}: browsers trust one by its hash ` +
        "(serverCertificateHashes) for 14 days at most. generateSelfSignedCertificate() makes one that they take",
    );
  }
  const key = keyOf(certificate);
  if (key !== "P-256") {
    issues.push(
      `The certificate is self-signed and its key is ${key}: browsers trust one by its hash ` +
        "(serverCertificateHashes) with an ECDSA P-256 key only. generateSelfSignedCertificate() makes one that they take",
    );
  }
  return issues;
}

/** `checkIssued` would say no where the key usage does not allow to sign certificates, as in our own. */
export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
}

/** By the names of the NIST where it is on one of their curves. */
function keyOf({ publicKey }: X509Certificate): string {
  const { namedCurve, modulusLength } = publicKey.asymmetricKeyDetails ?? {};
  if (namedCurve !== undefined) return curves[namedCurve] ?? namedCurve;
  const type = publicKey.asymmetricKeyType ?? "unknown";
  return modulusLength === undefined ? type : `${type} of ${modulusLength} bits`;
}

const curves: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };

function nameOf(certificate: X509Certificate, index: number, chain: readonly X509Certificate[]): string {
  if (index === 0) return "The certificate";
  return `Certificate ${index + 1} of ${chain.length} in the chain (${certificate.subject.replaceAll("\n", ", ")})`;
}

function iso(time: number): string {
  return new Date(time).toISOString().replace(/[.]000Z$/, "Z");
}

/** Rounded down: what ends in "13 days" has 13 whole days left. */
function span(milliseconds: number): string {
  const [count, unit] = milliseconds < 2 * day ? [milliseconds / 3_600_000, "hour"] : [milliseconds / day, "day"];
  const whole = Math.floor(count);
  return whole === 1 ? `1 ${unit}` : `${whole} ${unit}s`;
}
