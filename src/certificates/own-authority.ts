/** An authority of one's own: for a team, or for the machines of a development network. */
import { X509Certificate, createPrivateKey } from "node:crypto";

import { checkOptions } from "../config/given-options.ts";
import { anything, text } from "../config/option-checks.ts";
import { EngineError } from "../engine/engine.ts";
import { CertificateError } from "../errors/errors.ts";

import { hostnamesOf } from "./hostnames.ts";
import { validity } from "./self-signed.ts";
import type { SelfSignedCertificate } from "./self-signed.ts";

/** A certificate and its key, PEM. */
export interface CertificateAuthority {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateAuthorityOptions {
  /** The common name that its users see. Default "tswebtransport development authority". */
  readonly name?: string;
  /** Validity in days, 1 to 3650. Default 3650. */
  readonly days?: number;
}

export interface IssuedCertificateOptions {
  /** Subject alternative names: host names and IP addresses. Default: localhost, 127.0.0.1 and ::1. */
  readonly hostname?: string | readonly string[];
  /** Validity in days, 1 to 3650. Default 365. */
  readonly days?: number;
}

/** A fresh ECDSA P-256 key with a certificate that may issue servers' certificates. Rejects with ConfigurationError. */
export async function generateCertificateAuthority(
  options: CertificateAuthorityOptions = {},
): Promise<CertificateAuthority> {
  checkOptions("generateCertificateAuthority", options, { name: text, days: validity });
  const { name = "tswebtransport development authority", days = 3650 } = options;
  const { generateAuthority } = await import("../engine/native/native-engine.ts");
  const { cert, key } = generateAuthority(name, days);
  return { cert, key };
}

/**
 * A fresh ECDSA P-256 key with a server's certificate that the authority has issued. Rejects with CertificateError for an
 * authority that cannot issue one, with ConfigurationError for what is no host name or a number of days out of range.
 */
export async function issueCertificate(
  authority: CertificateAuthority,
  options: IssuedCertificateOptions = {},
): Promise<SelfSignedCertificate> {
  checkOptions("issueCertificate", options, { hostname: anything, days: validity });
  const { days = 365 } = options;
  const hostnames = hostnamesOf(options.hostname);
  checkAuthority(authority);
  const { issueCertificate: issue } = await import("../engine/native/native-engine.ts");
  try {
    const { cert, key, sha256 } = issue(hostnames, days, authority);
    return { cert, key, certificateHash: { algorithm: "sha-256", value: Uint8Array.from(sha256) } };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw unusable(error.message, error);
  }
}

/** What the authority issues has to be accepted later: the key is its own, and the certificate is an authority's. */
function checkAuthority({ cert, key }: CertificateAuthority): void {
  let certificate: X509Certificate;
  let isItsKey: boolean;
  try {
    certificate = new X509Certificate(cert);
    isItsKey = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw unusable(cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (!isItsKey) throw unusable("the key is not the certificate's");
  if (!certificate.ca) throw unusable("it is no authority's certificate (CA:FALSE)");
  if (Date.parse(certificate.validTo) < Date.now()) throw unusable(`it ended at ${certificate.validTo}`);
}

function unusable(reason: string, cause?: unknown): CertificateError {
  const text = `Cannot issue a certificate: the authority cannot be used: ${reason}`;
  return new CertificateError(text, { certificateError: reason, cause });
}
