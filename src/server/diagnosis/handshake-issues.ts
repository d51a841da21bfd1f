import { handshakeFailureCauses } from "../../engine/handshake-failures.ts";
import type { HandshakeFailureCause } from "../../engine/handshake-failures.ts";
import type { ServerStats } from "../server-stats.ts";

/** Clients that a cause has kept out before it is told: one or two of them are anybody's mistake. */
const leastFailures = 3;

/** Of the configuration. */
export interface HandshakeLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number | undefined;
  readonly handshakeTimeout: number;
}

/** Why more than a tenth of the clients did not become connections: a sentence for each such cause, with what mends it. */
export function handshakeIssues(
  {
    connectionsAccepted,
    connectionsRejected,
    connectionRejections,
  }: Pick<ServerStats, "connectionsAccepted" | "connectionsRejected" | "connectionRejections">,
  limits: HandshakeLimits,
): string[] {
  const attempts = connectionsAccepted + connectionsRejected;
  return handshakeFailureCauses.flatMap((cause) => {
    const count = connectionRejections[cause];
    const text = sentences[cause](limits);
    return text === undefined || count < leastFailures || count / attempts <= 0.1
      ? []
      : [`${count} of ${attempts} clients ${text}`];
  });
}

/** Undefined: nothing is wrong. */
const sentences: Readonly<Record<HandshakeFailureCause, (limits: HandshakeLimits) => string | undefined>> = {
  certificate_rejected: () =>
    "do not trust the certificate. Browsers accept one that a public authority has issued for the name in the URL, or one " +
    "whose SHA-256 is in serverCertificateHashes, which must be ECDSA P-256 and valid for at most 14 days; other clients " +
    "need the authority's certificate (ca)",
  client_certificate: () =>
    "have no certificate that caCerts verifies. Give them one of an authority in caCerts, or set verifyMode to " +
    '"optional" or "none"',
  application_protocol: () => 'do not offer HTTP/3 (ALPN "h3"): they look for another service on this port',
  tls: () =>
    "ended the handshake with a TLS alert, or were sent one: they have no TLS 1.3, or no algorithm in common with this server",
  timeout: ({ handshakeTimeout }) =>
    `did not complete their handshake within handshakeTimeout (${handshakeTimeout} ms). Does the network carry UDP packets of ` +
    'this port in both directions? Clients with forged addresses are kept off by retry: "always"',
  version: () => "offered QUIC versions that this server does not have: it has version 1 (RFC 9000)",
  client_gone: () =>
    "gave up during their handshake: this server answers too slowly (is the event loop blocked?), or they have their own reasons",
  transport_error: () =>
    "broke the QUIC protocol during their handshake: they are faulty, or something changes their packets",
  max_connections: ({ maxConnections }) => `were refused because maxConnections (${maxConnections}) was reached`,
  max_pending_handshakes: () =>
    'were refused because too many handshakes were waiting. If it is an attack, set retry to "always"',
  max_connections_per_address: ({ maxConnectionsPerAddress }) =>
    `were refused because their address had maxConnectionsPerAddress (${maxConnectionsPerAddress}) connections`,
  closing: () => undefined,
};
