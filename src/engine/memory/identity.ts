import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { isIP } from "node:net";

import { EngineError } from "../engine.ts";
import type { CertificateVerification, TlsIdentity } from "../engine.ts";

/** A certificate chain whose leaf belongs to its key. */
export interface Identity {
  readonly chain: readonly X509Certificate[];
  /** DER, leaf first. */
  readonly der: readonly Uint8Array[];
}

/** What is wrong with a certificate: the TLS alert (RFC 8446 §6.2) and its reason. */
export interface Refusal {
  readonly alert: number;
  readonly reason: string;
}

/** W3C WebTransport, "custom certificate requirements": at most two weeks. */
const longestPinned = 14 * 24 * 3600 * 1000;

/** Certificates are made in real time, also where a test framework replaces Date later. */
const { now: realTime } = Date;

/** Extended key usages (RFC 5280 §4.2.1.12). */
const purposes = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;

const alerts = { unsupported: 43, expired: 45, unknown: 46, unknownAuthority: 48 } as const;

/** Throws {@link EngineError} for what is no certificate or key, or when they do not belong together. */
export function parseIdentity({ cert, key }: TlsIdentity): Identity {
  const chain = parseCertificates(cert);
  const [leaf] = chain;
  const privateKey = parseKey(key);
  if (leaf?.checkPrivateKey(privateKey) !== true) throw mismatch(chain, privateKey);
  return { chain, der: chain.map(({ raw }) => Uint8Array.from(raw)) };
}

function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    // PKCS #8 (RFC 7468 §11), and the headers of RFC 1421 §4.6.1.1 that OpenSSL's older formats have.
    const isEncrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem);
    const text = isEncrypted
      ? "the private key is encrypted, and there is no passphrase to give. Decrypt it first: " +
        "openssl pkey -in encrypted-key.pem -out key.pem"
      : "no private key in the PEM text";
    throw new EngineError("invalid-key", text, { cause });
  }
}

/** The key is another certificate's: of the chain, or of none. */
function mismatch(chain: readonly X509Certificate[], key: KeyObject): EngineError {
  const index = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (index === -1) {
    return new EngineError("certificate-key-mismatch", "the private key does not belong to the certificate");
  }
  return new EngineError(
    "invalid-certificate",
    `the chain is in the wrong order: the private key belongs to its certificate number ${index + 1} of ` +
      `${chain.length}. Put that one first, and behind each certificate the one that has issued it`,
  );
}

export function parseCertificates(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new EngineError("invalid-certificate", "no certificate in the PEM text");
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new EngineError("invalid-certificate", `a certificate of the PEM text is malformed: ${String(cause)}`, {
      cause,
    });
  }
}

/** Why a client does not trust the server's chain; undefined when it does. `name`: that it has asked for. */
export function refuseServer(
  chain: readonly X509Certificate[],
  verification: CertificateVerification,
  name: string,
): Refusal | undefined {
  const [leaf] = chain;
  if (leaf === undefined) return refusal(alerts.unknown, "there is none");
  switch (verification.kind) {
    case "insecure":
      return undefined;
    case "system":
      // No authority of the system has issued a certificate of a network in memory.
      return refusal(alerts.unknownAuthority, "UnknownIssuer");
    case "ca":
      return refuseChain(chain, parseCertificates(verification.ca), "server") ?? refuseName(leaf, name);
    case "hashes":
      return refusePinned(leaf, verification.hashes);
  }
}

/** RFC 9525 §6: by the subjectAltName only. */
function refuseName(leaf: X509Certificate, name: string): Refusal | undefined {
  const isValid = (isIP(name) === 0 ? leaf.checkHost(name, { subject: "never" }) : leaf.checkIP(name)) !== undefined;
  if (isValid) return undefined;
  return refusal(
    alerts.unknown,
    `it is not valid for ${leaf.subjectAltName === undefined ? "any names" : `name ${name}`}`,
  );
}

/** Why a chain does not lead to one of `authorities`; undefined when it does. */
export function refuseChain(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  purpose: keyof typeof purposes,
): Refusal | undefined {
  // Undefined, whatever Node's types say, when the certificate does not restrict its use.
  const usages = chain[0]?.keyUsage as readonly string[] | undefined;
  if (usages !== undefined && !usages.includes(purposes[purpose])) {
    return refusal(alerts.unsupported, `it is not for a ${purpose}`);
  }
  const ofAnAuthority = refuseAuthority(chain[0], authorities);
  if (ofAnAuthority !== undefined) return ofAnAuthority;
  for (const certificate of chain) {
    const outdated = refuseDates(certificate);
    if (outdated !== undefined) return outdated;
    const isTrusted = authorities.some(
      (authority) =>
        authority.raw.equals(certificate.raw) ||
        (certificate.checkIssued(authority) && certificate.verify(authority.publicKey)),
    );
    if (isTrusted) return undefined;
    const issuer = chain[chain.indexOf(certificate) + 1];
    if (issuer === undefined || !certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) break;
  }
  return refusal(alerts.unknownAuthority, "UnknownIssuer");
}

/** An authority's certificate is a peer's only where it is its own, and given. */
function refuseAuthority(
  leaf: X509Certificate | undefined,
  authorities: readonly X509Certificate[],
): Refusal | undefined {
  if (leaf?.ca !== true) return undefined;
  if (leaf.subject !== leaf.issuer) {
    return refusal(alerts.unknown, "it is an authority's certificate that another one has issued");
  }
  if (authorities.some(({ raw }) => raw.equals(leaf.raw))) return undefined;
  return refusal(alerts.unknown, "it is an authority's own certificate, and not among those that are trusted");
}

function refusePinned(leaf: X509Certificate, hashes: readonly Uint8Array[]): Refusal | undefined {
  const hash = createHash("sha256").update(leaf.raw).digest();
  if (!hashes.some((known) => hash.equals(known))) return refusal(alerts.unknown, "its hash is none of those given");
  const outdated = refuseDates(leaf);
  if (outdated !== undefined) return outdated;
  const isP256 = leaf.publicKey.asymmetricKeyDetails?.namedCurve === "prime256v1";
  const validity = Date.parse(leaf.validTo) - Date.parse(leaf.validFrom);
  if (isP256 && validity <= longestPinned) return undefined;
  return refusal(alerts.unknown, "trusted by its hash it must be ECDSA P-256 and valid for at most 14 days");
}

function refuseDates({ validFrom, validTo }: X509Certificate): Refusal | undefined {
  const now = realTime();
  if (now < Date.parse(validFrom)) return refusal(alerts.expired, "NotValidYet");
  return now > Date.parse(validTo) ? refusal(alerts.expired, "Expired") : undefined;
}

function refusal(alert: number, why: string): Refusal {
  return { alert, reason: `invalid peer certificate: ${why}` };
}
