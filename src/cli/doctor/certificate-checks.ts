/** A certificate: what kind it is, how old, its hash, and what browsers will say to it. */
import { createHash, createPrivateKey } from "node:crypto";
import type { X509Certificate } from "node:crypto";

import { readPem } from "../../certificates/faults.ts";
import { certificateIssues, certificatesOf, isSelfSigned } from "../../certificates/certificate-issues.ts";

import { note, ok, problem, problemOf } from "./finding.ts";
import type { Check, Finding } from "./finding.ts";

const day = 24 * 3600 * 1000;

/** W3C WebTransport: a certificate that is trusted by its hash. */
const longestHashed = 14 * day;

/** Of PEM files. */
export function certificateChecks(certfile: string, keyfile: string | undefined): readonly Check[] {
  return [
    {
      id: "certificate",
      title: "the certificate",
      run: async () => {
        const pem = await readPem(certfile, "certificate");
        const issues = certificateIssues(pem).map((issue) => issueFinding(issue));
        const leaf = leafOf(pem);
        if (leaf === undefined) return issues;
        const ofKey =
          keyfile === undefined ? [] : [keyFinding(leaf, await readPem(keyfile, "certificate's key"), keyfile)];
        return [descriptionOf(leaf), ...ofKey, ...issues, ...browserFindings(leaf)];
      },
    },
  ];
}

/** A certificate that a server has shown. */
export function shownCertificateFindings(leaf: X509Certificate): readonly Finding[] {
  const issues = certificateIssues(leaf.toString()).map((issue) => issueFinding(issue));
  return [descriptionOf(leaf), ...issues, ...browserFindings(leaf)];
}

function leafOf(pem: string): X509Certificate | undefined {
  try {
    return certificatesOf(pem)[0];
  } catch {
    // Its issue is told.
    return undefined;
  }
}

function descriptionOf(leaf: X509Certificate): Finding {
  const { validFrom, validTo, subjectAltName = "no name" } = leaf;
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  const kind = isSelfSigned(leaf) ? "self-signed" : `issued by ${leaf.issuer.replaceAll("\n", ", ")}`;
  const age = `made ${days(Date.now() - from)} ago, ends in ${days(to - Date.now())}, valid for ${days(to - from)}`;
  const hash = createHash("sha256").update(leaf.raw).digest("hex");
  return ok("certificate", `The certificate is ${kind}, for ${subjectAltName}; ${age}; SHA-256 ${hash}`);
}

/** The renewal of one that runs out soon is no hurry yet. */
function issueFinding(issue: string): Finding {
  const finding = problemOf("certificate", new Error(issue));
  return issue.includes(" ends in ") ? { ...finding, severity: "warning" } : finding;
}

function keyFinding(leaf: X509Certificate, pem: string, path: string): Finding {
  try {
    if (leaf.checkPrivateKey(createPrivateKey(pem))) return ok("key", `${path} is the certificate's key`);
    return problem("key", `${path} is not the certificate's key`, "Name the key that it was made with");
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const remedy = "It must be PEM, and not encrypted: openssl pkey -in encrypted-key.pem -out key.pem";
    return problem("key", `${path} cannot be read as a key: ${text}`, remedy);
  }
}

function browserFindings(leaf: X509Certificate): Finding[] {
  if (!isSelfSigned(leaf)) {
    return [
      note(
        "browsers",
        "Browsers accept it when they know its authority, which has to be a public one for Chrome and Edge",
        "An authority of your own works in Firefox once it is imported; in Chrome and Edge also enable " +
          "chrome://flags/#webtransport-developer-mode",
      ),
    ];
  }
  const validity = Date.parse(leaf.validTo) - Date.parse(leaf.validFrom);
  const isP256 = leaf.publicKey.asymmetricKeyDetails?.namedCurve === "prime256v1";
  if (validity > longestHashed || !isP256) {
    const text = 'Browsers refuse it, even by its hash: "Opening handshake failed"';
    return [problem("browsers", text, "Make one that they take: npx tswebtransport cert")];
  }
  const text = 'Browsers accept it by its hash alone; without the hash they say "Opening handshake failed"';
  return [note("browsers", text, "Give the page its SHA-256: new WebTransport(url, { serverCertificateHashes: […] })")];
}

function days(milliseconds: number): string {
  const count = Math.floor(Math.abs(milliseconds) / day);
  const sign = milliseconds < 0 ? "-" : "";
  return `${sign}${count} ${count === 1 ? "day" : "days"}`;
}
