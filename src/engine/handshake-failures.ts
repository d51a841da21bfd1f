/** Why a client did not become a connection. The native engine counts in this order (`HandshakeFailure` of its core). */
export const handshakeFailureCauses = Object.freeze([
  /** The client does not accept the server's certificate (TLS alerts bad_certificate to certificate_unknown, unknown_ca). */
  "certificate_rejected",
  /** The server does not accept the client's certificate, or the client has none. */
  "client_certificate",
  /** The client offers no application protocol (ALPN) of the server's. */
  "application_protocol",
  /** Any other TLS alert, of either side. */
  "tls",
  /** It was not completed in time: the client has fallen silent, or its address was forged. */
  "timeout",
  /** The client offers no QUIC version that is known here; counted for each Version Negotiation packet that it was sent. */
  "version",
  /** The client gave up without an error. */
  "client_gone",
  /** Any other error, of either side. */
  "transport_error",
  /** Refused before the handshake: `maxConnections` is reached. */
  "max_connections",
  /** Refused: `maxPendingHandshakes` is reached. */
  "max_pending_handshakes",
  /** Refused: `maxConnectionsPerAddress` is reached. */
  "max_connections_per_address",
  /** Refused, or ended: the endpoint takes no clients (any more). */
  "closing",
] as const);

export type HandshakeFailureCause = (typeof handshakeFailureCauses)[number];

export type HandshakeFailures = Readonly<Record<HandshakeFailureCause, number>>;

/** The causes by which the server refuses clients, as against handshakes that fail. */
export const refusalCauses = Object.freeze([
  "max_connections",
  "max_pending_handshakes",
  "max_connections_per_address",
  "closing",
] as const satisfies readonly HandshakeFailureCause[]);

/** The counts that `countOf` gives of each cause. */
export function handshakeFailuresOf(
  countOf: (cause: HandshakeFailureCause, index: number) => number,
): HandshakeFailures {
  const counts = handshakeFailureCauses.map((cause, index) => [cause, countOf(cause, index)]);
  return Object.fromEntries(counts) as HandshakeFailures;
}
