/** A certificate that was refused: what helps at the command line, in a page and in a program. */
import { CertificateError } from "../errors/errors.ts";

/** By what is wrong, as `src/client/certificate-faults.ts` has it; the first that matches. */
const hints: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/not for this name/, "With this command: --server-name NAME, or --hash SHA256 (what the server prints)"],
  // Neither its hash nor its authority makes these any better.
  [/expired|not yet valid|revoked|no name|CA:TRUE|key usage/, "With this command: --insecure, for a test only"],
  // Of a server of one's own, which most often has no certificate of an authority.
  [/$/, "With this command: --hash SHA256 (what the server prints), --ca FILE, or for a test --insecure"],
];

/** The options that help; undefined when the error is not about a certificate that a peer has refused. */
export function certificateHint(error: unknown): string | undefined {
  if (!(error instanceof CertificateError) || error.code !== "ERR_WT_CERTIFICATE_REFUSED") return undefined;
  if (error.details["by"] === "peer") return "With this command: --cert FILE and --key FILE";
  const { certificateError = "" } = error;
  return hints.find(([pattern]) => pattern.test(certificateError))?.[1];
}

/** `fix`: what the library says, which names options of its own where the certificate can be trusted all the same. */
export function certificateRemedy(error: unknown, fix: string): string {
  const hint = certificateHint(error);
  if (hint === undefined) return fix;
  if (!/\boptions? |serverCertificateHashes/.test(fix)) return `${fix}. ${hint}`;
  const page = "In a browser's page: new WebTransport(url, { serverCertificateHashes: […] })";
  return `${hint}. ${page}. In a program: ${fix.charAt(0).toLowerCase()}${fix.slice(1)}`;
}
