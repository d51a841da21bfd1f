import { readPem } from "../certificates/faults.ts";
import type { CertificateVerification, TlsIdentity } from "../engine/engine.ts";

import { hashBytes, isSha256 } from "./certificate-hash.ts";
import type { ClientConfigValues } from "./client-config.ts";

let hasWarned = false;

/** How the server's certificate is verified. Warns, once per process, when it is not. */
export function verificationOf(config: ClientConfigValues): CertificateVerification {
  const { serverCertificateHashes: hashes = [], verifyMode, insecure } = config;
  if (insecure || verifyMode === "none") {
    warnInsecure();
    return { kind: "insecure" };
  }
  if (hashes.length > 0) {
    return { kind: "hashes", hashes: hashes.filter(isSha256).map(({ value }) => hashBytes(value)) };
  }
  const ca = config.ca ?? config.caCerts;
  return ca === undefined ? { kind: "system" } : { kind: "ca", ca };
}

/** The client's own certificate, if it has one. Rejects with CertificateError when a file cannot be read. */
export async function identityOf(config: ClientConfigValues): Promise<TlsIdentity | undefined> {
  const cert = config.cert ?? (await read(config.certfile, "client certificate"));
  const key = config.key ?? (await read(config.keyfile, "client certificate's private key"));
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

async function read(path: string | undefined, what: string): Promise<string | undefined> {
  return path === undefined ? undefined : readPem(path, what);
}

function warnInsecure(): void {
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(
    "Server certificates are not verified (insecure): anyone on the way can read and change the traffic",
    {
      type: "TSWebTransportWarning",
      code: "WT_INSECURE",
      detail: "For tests only. Use serverCertificateHashes or ca to trust a certificate of your own.",
    },
  );
}
