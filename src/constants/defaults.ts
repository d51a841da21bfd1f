/**
 * Every default once, with its reason; the options' doc comments say it in figures. Durations in milliseconds, sizes in
 * bytes. What is never configured (the core's own limits) stands in protocol/limits.ts.
 */
const KiB = 1024;
const MiB = 1024 * KiB;

/** Of a connection, a server's and a client's alike. */
export const connectionDefaults = Object.freeze({
  drafts: "all",

  /** Twice what a keep-alive needs: a lost PING or two, or a moment without a network, ends no connection. */
  connectionIdleTimeout: 60_000,
  /** Less than the 30 s after which many a NAT forgets a UDP flow (RFC 9000 §10.1.2). */
  keepaliveInterval: 25_000,
  /** Three repetitions of a first packet that is lost: QUIC waits 1, 2 and 4 s for an answer (RFC 9002 §6.2). */
  handshakeTimeout: 10_000,
  /** None: a handler that waits for its peer's next message is the normal case. */
  readTimeout: 0,
  /** A peer that takes nothing for so long will not come back; the writer holds memory meanwhile. */
  writeTimeout: 30_000,
  /** What was finished gets there in some round trips, even where packets are lost; a closing server waits no longer. */
  closeTimeout: 5000,
  /** The peer's limit rises when a stream ends: after so long the peer is unlikely to end one. */
  streamCreationTimeout: 10_000,

  /** Streams of each direction that the peer may have open: 4 MB when all of both directions are. */
  maxIncomingStreams: 512,
  /** Streams that this side may have open; a hundred keep any path busy. */
  maxOutgoingStreams: 100,
  /** Sessions of one connection: browsers use few, and each may hold a whole `maxSessionBufferSize`. */
  maxSessionsPerConnection: 16,

  /** A stream's read credit, and what a writer may have waiting: a few dozen packets, enough for any single read. */
  streamBufferSize: 64 * KiB,
  /** QUIC's window of a stream: the product of bandwidth and delay of 80 Mbit/s over 100 ms. */
  maxStreamBufferSize: MiB,
  /** Unread bytes of a session: sixteen streams that nobody reads. */
  maxSessionBufferSize: 16 * MiB,
  /** The largest there is (RFC 9221 §3 recommends it). */
  maxDatagramSize: 65_535,
  /** Of all congestion controls the one that most of the Internet uses (RFC 9438). */
  congestionControl: "cubic",
});

/** Of a session, and not configured: see `ConnectionSettings`. */
export const sessionDefaults = Object.freeze({
  /** Datagrams that wait in each direction: a quarter of a second at a thousand in a second. Older ones are stale. */
  datagramHighWaterMark: 256,
  /** Streams of the peer that wait to be taken: all that `maxIncomingStreams` allows of both directions. */
  maxPendingStreams: 2 * connectionDefaults.maxIncomingStreams,
});

export const serverDefaults = Object.freeze({
  /** Other machines can connect only when the operator has decided so. */
  bindHost: "localhost",
  /** Needs no privilege, and is easy to remember beside 443. */
  bindPort: 4433,
  verifyMode: "none",
  /** Idle ones cost about 45 KB each: 450 MB together. */
  maxConnections: 10_000,
  /** One for every connection. */
  maxSessions: 10_000,
  /** Thirty-two sessions with full buffers, or thousands that are read. */
  maxTotalBufferSize: 512 * MiB,
  /** Costs no round trip until many handshakes wait at once. */
  retry: "adaptive",
  /** A database that is slow still answers; a client that waits longer gives up by itself. */
  middlewareTimeout: 10_000,
  /** Handshakes that wait at once: more than a burst of honest clients, less than what hurts. */
  maxPendingHandshakes: 1000,
  /** `close()`: time for a game's round or an upload to end, without a long wait for the operator who stops the process. */
  closeTimeout: 5000,
  logLevel: "info",
});

export const clientDefaults = Object.freeze({
  verifyMode: "required",
  userAgent: "tswebtransport",
  /** Retries included. People rarely wait longer for a page. */
  connectTimeout: 30_000,
  /** After 1, 2 and 4 seconds: a server that restarts is back by then. */
  maxRetries: 3,
  retryDelay: 1000,
  retryBackoff: 2,
  maxRetryDelay: 30_000,
  /** The caller of `connect` gets every failure as an error: the log repeats no more than warnings. */
  logLevel: "warn",
});

/** Of an engine's transport where it is used without a configuration, which names all of them. */
export const engineDefaults = Object.freeze({
  maxIncomingStreams: 128,
  /** Half of a session's buffer: what `firstReceiveWindow` makes of the other defaults. */
  receiveWindow: connectionDefaults.maxSessionBufferSize / 2,
  /** Datagrams that wait to be sent: some hundreds of full ones. */
  datagramSendBufferSize: MiB,
});
