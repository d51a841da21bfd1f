import { readPem } from "../../certificates/faults.ts";
import type { ServerConfigValues } from "../../config/server-config.ts";
import type { TlsIdentity } from "../../engine/engine.ts";
import { CertificateError } from "../../errors/errors.ts";

/** The certificate and key of the configuration, read from their files where it names files. */
export async function loadIdentity(config: ServerConfigValues): Promise<TlsIdentity> {
  const [cert, key] = await Promise.all([
    config.cert ?? read(config.certfile, "certificate"),
    config.key ?? read(config.keyfile, "private key"),
  ]);
  return { cert, key };
}

async function read(path: string | undefined, what: string): Promise<string> {
  if (path === undefined) {
    throw new CertificateError(
      `Cannot listen without a ${what}: give cert and key (PEM) or certfile and keyfile (paths); ` +
        "createDevelopmentServer() and generateSelfSignedCertificate() make one for development",
      { code: "ERR_WT_CERTIFICATE_NOT_FOUND", certificateError: "missing" },
    );
  }
  return readPem(path, what);
}
