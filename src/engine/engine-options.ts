/** What the caller of the QUIC contract chooses: for an endpoint, and for each connection that it opens. */
export interface EndpointOptions {
  /** An IPv4 or IPv6 address to bind; `::` is dual stack. Names are resolved by the caller. */
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** SO_REUSEPORT. Default false. */
  readonly reusePort?: boolean;
  /**
   * File descriptor of a UDP socket that is bound already; `host`, `port` and `reusePort` are not used then. The endpoint
   * works on a duplicate, which it closes: the descriptor stays the caller's. Several endpoints, also of several
   * processes, may share one socket: each packet reaches one of them. "invalid-option" when the descriptor is no bound UDP
   * socket, and on Windows. The in-memory engine, which has no sockets, binds `host` and `port` instead.
   */
  readonly descriptor?: number;
  /**
   * The endpoint is one of several on one UDP port. Needs {@link ServerOptions.workerId}. The in-memory engine checks it,
   * and never has a packet for another worker.
   */
  readonly steering?: SteeringOptions;
  /** Present on endpoints that accept connections. */
  readonly server?: ServerOptions;
  readonly transport?: TransportOptions;
}

export interface TlsIdentity {
  /** PEM chain, leaf first. */
  readonly cert: string;
  /** PEM private key (PKCS#8, PKCS#1 or SEC1), not encrypted. */
  readonly key: string;
}

/** What an endpoint knows of the other workers on its UDP port. */
export interface SteeringOptions {
  /** 1 to 256. Worker ids are 0 to `slots` - 1: a connection ID with another one is nobody's. */
  readonly slots: number;
  /** The workers that take new connections now; see `QuicEndpoint.setActiveWorkers`. */
  readonly activeWorkers: readonly number[];
  /**
   * How many of 65536 new connections each of `activeWorkers` gets: a whole number from 1 on for each, 65536 in sum.
   * Default: as many for each.
   */
  readonly shares?: readonly number[];
  /**
   * Which endpoint takes a new connection. "anyone": the endpoint that its first packet reaches, for where the kernel chooses (mode
   * "bpf" of `bindSocketGroup`). "hash": the worker in `activeWorkers` that a hash of the client's connection ID names, for
   * endpoints that share one socket. Default "anyone".
   */
  readonly newConnections?: "anyone" | "hash";
}

/** Secrets of 32 bytes each that several endpoints share, so that one continues what another has begun. */
export interface SharedKeys {
  /**
   * Endpoints with the same key know each other's connection IDs, and answer packets of a connection that they do not have
   * with a stateless reset (RFC 9000 §10.3), which its peer accepts. Default: random.
   */
  readonly resetKey?: Uint8Array;
  /**
   * Endpoints with the same key accept each other's address-validation tokens: of a Retry for 15 seconds from the same
   * address and port; of NEW_TOKEN, which is only sent with this option, for a day from the same address, and once by each
   * endpoint (RFC 9000 §8.1). Default: random.
   */
  readonly tokenKey?: Uint8Array;
  /**
   * Endpoints with the same key resume each other's TLS sessions (RFC 8446 §2.2): a session's state is in its ticket, which
   * is good for 6 to 12 hours. Whoever learns the key can pose as the server to clients with a ticket: replace it by
   * `QuicEndpoint.updateKeys`. Default: none, and each endpoint has a key of its own. An endpoint that asks for
   * client certificates resumes nothing: a resumed session would carry a certificate that nobody verifies again.
   */
  readonly ticketKey?: Uint8Array;
}

export interface ServerOptions extends SharedKeys {
  readonly identity: TlsIdentity;
  /** Further identities by server name (SNI); "*.example.com" is for one label in place of the asterisk. */
  readonly sni?: Readonly<Record<string, TlsIdentity>>;
  /** ALPN protocols, most preferred first (RFC 7301). */
  readonly alpn: readonly string[];
  /** Established and handshaking connections together; further ones are refused. Default 10000. */
  readonly maxConnections?: number;
  /**
   * Established and handshaking connections of one client address (IPv6 by /64, IPv4-mapped as IPv4); further ones are
   * refused. With `retry: "adaptive"` the second half of them only to clients that have proved their address. Default: no limit.
   */
  readonly maxConnectionsPerAddress?: number;
  /** Connections that have not completed their handshake; further ones are refused. Default 1000. */
  readonly maxPendingHandshakes?: number;
  /** Address validation by Retry (RFC 9000 §8.1.2). Default "adaptive": once more than 200 handshakes are pending. */
  readonly retry?: "never" | "adaptive" | "always";
  /** PEM of certificate authorities that client certificates must chain to. */
  readonly clientCa?: string;
  /** Default "none". */
  readonly clientCertificates?: "none" | "optional" | "required";
  /**
   * 0 to 65535. The first two bytes, big-endian, of every connection ID that the endpoint issues: whoever receives a
   * packet with a short header can tell which of several endpoints it belongs to. It is readable on the wire. With it, or
   * with `resetKey`, connection IDs are 12 bytes long (`native/README.md` has their layout). Default: none, and 0 with
   * `resetKey`. The in-memory engine, which has no packets, ignores it and the keys.
   */
  readonly workerId?: number;
  /**
   * The generation of keys before: what other endpoints have made with it is accepted as if `QuicEndpoint.updateKeys`
   * had been called here. Each needs the present key of the same name.
   */
  readonly previousKeys?: SharedKeys;
}

/** QUIC's own options, for tests and tools. Durations in milliseconds, sizes in bytes. */
export interface TransportOptions {
  /** RFC 9000 §10.1, milliseconds; 0 disables. Default 60000. */
  readonly maxIdleTimeout?: number;
  /** PING interval in milliseconds; 0 disables. Default 25000. */
  readonly keepAliveInterval?: number;
  /** From the first packet to the completed handshake, milliseconds. Default 10000. */
  readonly handshakeTimeout?: number;
  /**
   * Open streams that the peer may have at a time. The whole number is announced from the start, only open streams take
   * memory, and the credit of ended ones is given back before the peer has used up half of what it has. Default 128.
   */
  readonly maxIncomingBidirectionalStreams?: number;
  /** As above. Default 128. */
  readonly maxIncomingUnidirectionalStreams?: number;
  /** QUIC flow-control window of a stream, bytes. Default 1 MiB. */
  readonly streamReceiveWindow?: number;
  /** QUIC flow-control window that a connection begins with, bytes; see `QuicConnection.setReceiveWindow`. Default 8 MiB. */
  readonly receiveWindow?: number;
  /** Read credit that every stream starts with, bytes. Default 65536. */
  readonly initialCredit?: number;
  /** Largest DATAGRAM frame that is accepted (RFC 9221 §3); 0 disables datagrams. Default 65535. */
  readonly maxDatagramFrameSize?: number;
  /** Bytes of datagrams that wait to be sent. Default 1 MiB. */
  readonly datagramSendBufferSize?: number;
  /** Default "cubic". */
  readonly congestionControl?: "cubic" | "newreno" | "bbr";
  /**
   * Byte strings that are written, each on a unidirectional stream of its own and in this order, as soon as keys
   * exist, without waking the application. They take the first unidirectional stream ids (3, 7, … of a server; 2, 6, …
   * of a client) and stay open.
   */
  readonly preamble?: readonly Uint8Array[];
  /** Announce RESET_STREAM_AT (draft-ietf-quic-reliable-stream-reset) and use it where the peer announces it, too. Default true. */
  readonly resetStreamAt?: boolean;
  /**
   * An existing directory: each connection writes a qlog file there, `<first connection id>_<client|server>.sqlog` (JSON
   * text sequences, which qvis opens). It is complete when the connection is gone. For debugging only. Default: none.
   */
  readonly qlogDirectory?: string;
  /** NSS key-log lines of both roles' handshakes, for debugging only. */
  readonly keyLog?: (line: string) => void;
}

export interface ConnectOptions {
  /** Address of the peer; names are resolved by the caller. */
  readonly address: { readonly host: string; readonly port: number };
  /** TLS server name. */
  readonly serverName: string;
  readonly alpn: readonly string[];
  readonly verification: CertificateVerification;
  /** Client certificate. */
  readonly identity?: TlsIdentity;
}

export type CertificateVerification =
  /** The system's and Mozilla's roots. */
  | { readonly kind: "system" }
  /** PEM of the certificate authorities to trust; the server's certificate may be one of them that has issued itself. */
  | { readonly kind: "ca"; readonly ca: string }
  /** SHA-256 hashes of the leaf's DER, with the W3C's conditions (ECDSA P-256, valid now, at most 14 days). */
  | { readonly kind: "hashes"; readonly hashes: readonly Uint8Array[] }
  /** No verification at all; for tests. */
  | { readonly kind: "insecure" };
