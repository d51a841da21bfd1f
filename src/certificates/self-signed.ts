import { ConfigurationError } from "../errors/errors.ts";

/** Options for making a certificate. */
export interface SelfSignedCertificateOptions {
  /** Subject alternative names: host names and IP addresses. Default: localhost, 127.0.0.1 and ::1. */
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
 * Rejects with {@link ConfigurationError} for a host name or number of days out of range.
 */
export async function generateSelfSignedCertificate(
  options: SelfSignedCertificateOptions = {},
): Promise<SelfSignedCertificate> {
  const { hostname = ["localhost", "127.0.0.1", "::1"], days = 13 } = options;
  const hostnames = typeof hostname === "string" ? [hostname] : hostname;
  checkDays(days);
  const { generateCertificate } = await import("../engine/native/native-engine.ts");
  try {
    const { cert, key, sha256 } = generateCertificate(hostnames, days);
    return { cert, key, certificateHash: { algorithm: "sha-256", value: Uint8Array.from(sha256) } };
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith("invalid-option")) throw error;
    throw new ConfigurationError(`Cannot generate a certificate for ${hostnames.join(", ")}: ${error.message}`, {
      configKey: "hostname",
      configValue: hostname,
      cause: error,
    });
  }
}

/** Throws ConfigurationError for a validity out of range. */
export function checkDays(days: number): void {
  if (Number.isInteger(days) && days >= 1 && days <= 3650) return;
  throw new ConfigurationError(`Cannot generate a certificate: days is ${days}, allowed are 1 to 3650`, {
    configKey: "days",
    configValue: days,
  });
}
