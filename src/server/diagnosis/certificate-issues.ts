import { X509Certificate } from "node:crypto";
import { access } from "node:fs/promises";

import type { ServerConfigValues } from "../../config/server-config.ts";

const day = 24 * 3600 * 1000;

/** An expiry that is this near is told; of a certificate for 14 days and less (made for its hash) the last day. */
const renewalDays = 14;
/** What `serverCertificateHashes` of browsers allows (W3C WebTransport, "verify a certificate hash"). */
const hashDays = 14;
/** OpenSSL's name of P-256. */
const p256 = "prime256v1";

/** What is wrong with the certificates at the time `now`; `served`: PEM of the one that the server uses, once it does. */
export async function certificateIssues(
  config: ServerConfigValues,
  served: string | undefined,
  now: number = Date.now(),
): Promise<string[]> {
  const pem = served ?? config.cert;
  const issues: string[][] = [await fileIssues(config)];
  if (pem !== undefined) issues.push(pemIssues("The certificate", pem, now));
  else if (config.certfile === undefined)
    issues.push(["No certificate is configured: give cert and key, or certfile and keyfile."]);
  for (const [name, { cert }] of Object.entries(config.sni ?? {})) {
    issues.push(pemIssues(`The certificate of sni "${name}"`, cert, now));
  }
  return issues.flat();
}

async function fileIssues({ certfile, keyfile }: ServerConfigValues): Promise<string[]> {
  const issues: string[] = [];
  if (certfile !== undefined && !(await exists(certfile))) issues.push(`Certificate file not found: ${certfile}`);
  if (keyfile !== undefined && !(await exists(keyfile))) issues.push(`Key file not found: ${keyfile}`);
  return issues;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** The first certificate of a PEM text is the one that counts. */
export function pemIssues(what: string, pem: string, now: number): string[] {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    return [`${what} cannot be read: it is no PEM of a certificate.`];
  }
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  const issues: string[] = [];
  if (now < from) {
    issues.push(`${what} is not valid yet: it begins ${isoTime(from)}. Check this machine's clock.`);
  }
  if (now > to) issues.push(`${what} has expired ${isoTime(to)}: renew it, and call updateCertificate.`);
  else if (to - now < (to - from <= hashDays * day ? 1 : renewalDays) * day) {
    const left = Math.floor((to - now) / day);
    issues.push(`${what} ends in ${left} days, ${isoTime(to)}: renew it, and call updateCertificate.`);
  }
  return isSelfSigned(certificate) ? [...issues, ...hashIssues(what, certificate, to - from)] : issues;
}

/** What keeps browsers from accepting a self-signed certificate by its hash. */
function hashIssues(what: string, certificate: X509Certificate, validity: number): string[] {
  const issues: string[] = [];
  if (validity > hashDays * day) {
    issues.push(
      `${what} is self-signed and valid for ${Math.round(validity / day)} days: browsers accept the hash ` +
        `(serverCertificateHashes) of one that is valid for ${hashDays} days at most.`,
    );
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  if (asymmetricKeyType !== "ec" || asymmetricKeyDetails?.namedCurve !== p256) {
    const key = asymmetricKeyDetails?.namedCurve ?? asymmetricKeyType ?? "unknown";
    issues.push(
      `${what} is self-signed and has a key of type ${key}: browsers accept the hash (serverCertificateHashes) of one ` +
        "with ECDSA P-256.",
    );
  }
  return issues;
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.issuer === certificate.subject && certificate.verify(certificate.publicKey);
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}
