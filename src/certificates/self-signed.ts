import { checkOptions } from "../config/given-options.ts";
import { anything, integer } from "../config/option-checks.ts";

import { hostnamesOf } from "./hostnames.ts";

/** Days that any certificate may be valid. */
export const validity = integer(1, 3650);

/** Options for making a certificate. */
export interface SelfSignedCertificateOptions {
  /**
   * Subject alternative names: host names, of which "*.example.com" is every host with one label in place of the asterisk,
   * and IP addresses (IPv6 without brackets). Default: localhost, 127.0.0.1 and ::1.
   */
  readonly hostname?: string | readonly string[];
  /** Validity in days, 1 to 14 for browsers, which refuse more; at most 3650. Default 13. */
  readonly days?: number;
}

/** A certificate with its key, for development. */
export interface SelfSignedCertificate {
  /** PEM. */
  readonly cert: string;
  /** PEM (PKCS#8). */
  readonly key: string;
  /** Ready for the browser's `serverCertificateHashes` (W3C WebTransport §5.9). */
  readonly certificateHash: { readonly algorithm: "sha-256"; readonly value: Uint8Array<ArrayBuffer> };
}

/**
 * A fresh ECDSA P-256 key with a self-signed certificate that browsers accept by its hash, valid since five minutes ago.
 * Rejects with ConfigurationError for what is no host name, and for a number of days out of range.
 */
export async function generateSelfSignedCertificate(
  options: SelfSignedCertificateOptions = {},
): Promise<SelfSignedCertificate> {
  checkOptions("generateSelfSignedCertificate", options, { hostname: anything, days: validity });
  const { days = 13 } = options;
  const hostnames = hostnamesOf(options.hostname);
  const { generateCertificate } = await import("../engine/native/native-engine.ts");
  const { cert, key, sha256 } = generateCertificate(hostnames, days);
  return { cert, key, certificateHash: { algorithm: "sha-256", value: Uint8Array.from(sha256) } };
}
