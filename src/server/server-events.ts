import type { X509Certificate } from "node:crypto";

import type { CertificateError } from "../errors/errors.ts";
import type { EventPayload } from "../events/event-types.ts";
import type { ConnectionEventMap } from "../transport/events.ts";

/** An event of a certificate. */
export interface CertificateEvent extends EventPayload {
  /** A key of `sni`; undefined of the certificate that is for everybody else. */
  readonly serverName: string | undefined;
}

/** Events of a server: its own beside those of its connections and their sessions. */
export interface ServerEventMap extends ConnectionEventMap {
  /** New handshakes get it: by `updateCertificate()`, or because its files have changed. */
  certificate_updated: CertificateEvent & { readonly certificate: X509Certificate };
  /** Files have changed (`certificateReload`), but cannot be used; the old certificate is served on. */
  certificate_update_failed: CertificateEvent & { readonly error: CertificateError };
}
