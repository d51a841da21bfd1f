import { readPem } from "../../certificates/faults.ts";
import { checkIdentity } from "../../config/given-options.ts";
import type { CertificateAndKey, ServerConfigValues } from "../../config/server-config.ts";
import type { ServerOptions, TlsIdentity } from "../../engine/engine.ts";
import { CertificateError } from "../../errors/errors.ts";

/** Where a certificate and its key come from: each is PEM text or a path. */
export interface CertificateSource {
  /** The name that clients ask for (SNI); without it the certificate is everybody's who asks for no such name. */
  readonly serverName?: string;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly certfile?: string | undefined;
  readonly keyfile?: string | undefined;
}

/** A certificate and its key as they were read. */
export interface LoadedCertificate {
  readonly source: CertificateSource;
  readonly identity: TlsIdentity;
}

/**
 * The certificates of the configuration, the default one first, read from their files where it names files. `given` is
 * asked for the default one instead. Rejects with CertificateError.
 */
export async function loadCertificates(
  config: ServerConfigValues,
  given?: () => Promise<CertificateAndKey>,
): Promise<readonly LoadedCertificate[]> {
  const loaded: LoadedCertificate[] = [];
  if (given === undefined) loaded.push(await load(config));
  else {
    const identity = await given();
    checkIdentity(identity);
    loaded.push({ source: identity, identity });
  }
  // One after the other: of several that cannot be read, the first is told.
  for (const [serverName, source] of Object.entries(config.sni ?? {}))
    loaded.push(await load({ ...source, serverName }));
  return loaded;
}

/** As the engine takes them. */
export function identitiesOf(certificates: readonly LoadedCertificate[]): Pick<ServerOptions, "identity" | "sni"> {
  const sni: Record<string, TlsIdentity> = {};
  let identity: TlsIdentity = { cert: "", key: "" };
  for (const { source, identity: loaded } of certificates) {
    if (source.serverName === undefined) identity = loaded;
    else sni[source.serverName] = loaded;
  }
  return { identity, sni };
}

/** Rejects with CertificateError, which says what to do. */
export async function readCertificate(source: CertificateSource): Promise<TlsIdentity> {
  const cert = source.cert ?? (await read(source.certfile, "certificate", source));
  const key = source.key ?? (await read(source.keyfile, "private key", source));
  return { cert, key };
}

async function load(source: CertificateSource): Promise<LoadedCertificate> {
  return { source, identity: await readCertificate(source) };
}

async function read(path: string | undefined, what: string, { serverName }: CertificateSource): Promise<string> {
  if (path === undefined) {
    throw new CertificateError(
      `Cannot listen without a ${what}: give cert and key (PEM) or certfile and keyfile (paths); ` +
        "createDevelopmentServer() and generateSelfSignedCertificate() make one for development",
      { code: "ERR_WT_CERTIFICATE_NOT_FOUND", certificateError: "missing" },
    );
  }
  return readPem(path, serverName === undefined ? what : `${what} of sni "${serverName}"`);
}
