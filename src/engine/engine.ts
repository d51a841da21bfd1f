/**
 * The QUIC contract: what every engine gives and what the layers above rely on.
 *
 * Rules that hold for every implementation:
 * - Calls are plain and synchronous, take effect in order, and never emit an event before they return.
 * - Bytes given to a call are captured before it returns.
 * - Calls on a stream or connection that has ended are ignored: the ending event is on its way or has been seen.
 * - Events of one turn arrive together, in order, and are followed by one `turnEnded` per connection that had any.
 *   Only the events of one stream are in the order in which they were sent: a turn may tell of new streams, and of datagrams,
 *   before it hands out what was sent earlier on another stream.
 * - A listener that throws is a fault of the layer above; the engine reports it and goes on with the next event.
 * - Stream ids are those of RFC 9000 §2.1. They are numbers: ids past 2^53 are beyond every limit an engine grants.
 * - Error codes are 62-bit (RFC 9000 §20.2) and therefore `bigint`.
 */

import type { ConnectOptions, EndpointOptions, SharedKeys, TlsIdentity } from "./engine-options.ts";
import type { HandshakeFailures } from "./handshake-failures.ts";

export type * from "./engine-options.ts";

export type StreamDirection = "bidirectional" | "unidirectional";

/** An IP address and UDP port; `host` is never a name. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
}

/** Where QUIC comes from: the native addon, or memory in tests. */
export interface QuicEngine {
  readonly name: string;
  /**
   * Binds a UDP socket. Rejects with {@link EngineError}.
   * An endpoint without `server` can only connect; one with it accepts connections and can connect, too.
   * @internal
   */
  createEndpoint(options: EndpointOptions, listener: EndpointListener): Promise<QuicEndpoint>;
}

/** What kind of fault an {@link EngineError} is. */
export type EngineErrorCode =
  | "address-in-use"
  | "address-not-available"
  | "permission-denied"
  | "lookup-failed"
  | "invalid-certificate"
  | "invalid-key"
  | "certificate-key-mismatch"
  | "invalid-option"
  | "unavailable"
  | "internal";

/** What an engine could not do; `code` says which of the caller's inputs is at fault. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;
  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface EndpointListener {
  /** A client's handshake has completed. Events of the connection go to the listener that is returned. */
  connection(connection: QuicConnection, info: ConnectionInfo): ConnectionListener;
  /**
   * A packet that another worker should handle: its connection ID names that worker, or it begins a connection that is the
   * other worker's to take. Only called with {@link EndpointOptions.steering}. `packet` (one QUIC datagram) is only valid
   * during the call: copy what is kept. `localHost`: the local address that it came to, where the platform tells it.
   * Returns whether the packet is taken care of. After false the endpoint handles it itself: it answers a packet of a
   * connection that nobody has by a stateless reset, and accepts a client. Without this method it does so with every packet.
   */
  foreignPacket?(
    workerId: number,
    packet: Uint8Array,
    remoteAddress: SocketAddress,
    localHost: string | undefined,
  ): boolean;
  /** The endpoint is dead (a fault of the engine or the socket); every connection has been reported closed before. */
  failed(error: EngineError): void;
}

export interface QuicEndpoint {
  readonly localAddress: SocketAddress;
  /** Connections that are not yet drained, both roles, and those in handshake. For leak tests and limits. */
  readonly connectionCount: number;
  /**
   * Starts a handshake: `listener.connected` or `listener.closed` follows. Throws {@link EngineError} for bad options, and
   * "unavailable" after {@link QuicEndpoint.close}.
   */
  connect(options: ConnectOptions, listener: ConnectionListener): QuicConnection;
  /**
   * New handshakes get this identity: those that ask for `serverName` (a key of {@link ServerOptions.sni}, there already or
   * not), or without it those that no such name is for. Sessions of before can be resumed. Throws {@link EngineError}.
   */
  updateIdentity(identity: TlsIdentity, serverName?: string): void;
  /**
   * Replaces keys that the endpoint was created with; others are an EngineError "invalid-option". What is issued from now on
   * is made with the new key. What was made with the key before is accepted until the next update of the same key.
   * Connections that live through two updates live on, but no other endpoint can tell their peers of their end any more.
   */
  updateKeys(keys: SharedKeys): void;
  /**
   * The workers that take new connections from now on, this one or not. Their order counts: each position stands for a
   * share of the hash's values (`shares` as in {@link SteeringOptions}), so put a worker's successor into its place. Needs
   * {@link EndpointOptions.steering} and ids below its `slots`, else throws EngineError "invalid-option".
   */
  setActiveWorkers(workerIds: readonly number[], shares?: readonly number[]): void;
  /**
   * Handles a packet that another endpoint has received for this one, as if it had come from the own socket, through which
   * the answers leave. It is never handed to {@link EndpointListener.foreignPacket}. Bad packets are ignored.
   */
  receive(packet: Uint8Array, remoteAddress: SocketAddress, localHost?: string): void;
  /**
   * Stops accepting connections: further ones are refused; established ones and handshakes under way live on. With
   * `silently` further ones are not refused but handed to an active worker (see {@link EndpointListener.foreignPacket}), or
   * ignored: a client sends its first packet again, and another worker can take it.
   */
  stopAccepting(options?: { readonly silently?: boolean }): void;
  /** Keep the process alive while open (default), or not. */
  ref(): void;
  unref(): void;
  /** Costs the same for any number of connections. */
  getStats(): EndpointStats;
  /**
   * Reads many connections at once: each place of `roundTrips` is a slot, the first of them slot `first`, and gets the
   * smoothed round-trip time (milliseconds) of the connection in it, or NaN where there is no established one. Counts their
   * packets for {@link EndpointStats.packets}. Returns how many slots there are: go on until `first` has reached that. A
   * connection keeps its slot. Creates no objects.
   */
  survey(first: number, roundTrips: Float64Array): number;
  /**
   * Closes every connection with this application error and resolves when the close frames have reached the socket
   * and the socket is closed. Idempotent.
   */
  close(code: bigint, reason: string): Promise<void>;
}

export interface EndpointStats {
  readonly connections: number;
  readonly pendingHandshakes: number;
  readonly handshakesAccepted: number;
  /** Of {@link EndpointStats.handshakeFailures} those of `refusalCauses`. */
  readonly handshakesRefused: number;
  /** Clients that did not become connections since the endpoint was made, by cause. */
  readonly handshakeFailures: HandshakeFailures;
  /** Of all connections since the endpoint was made: of each as of its last {@link QuicEndpoint.survey}, or of its end. */
  readonly packets: PacketCounts;
  /** Bytes the kernel granted, against the 2 MiB asked for. */
  readonly receiveBufferSize: number;
  readonly sendBufferSize: number;
}

export interface PacketCounts {
  /** QUIC packets. */
  readonly packetsSent: number;
  /** UDP datagrams. */
  readonly packetsReceived: number;
  /** QUIC packets that were declared lost. */
  readonly packetsLost: number;
  /** Bytes of UDP payloads. */
  readonly bytesSent: number;
  /** Bytes of UDP payloads. */
  readonly bytesReceived: number;
}

export interface ConnectionInfo {
  readonly remoteAddress: SocketAddress;
  readonly alpn: string;
  readonly serverName: string | undefined;
  /** DER, leaf first; empty when the peer gave none. */
  readonly peerCertificates: readonly Uint8Array[];
  /** Largest datagram (frame payload) that the peer takes on this path now, whatever our own options are; 0 when it takes none. */
  readonly maxDatagramSize: number;
  /** Both sides have announced RESET_STREAM_AT: `reset` can keep the beginning of a stream reliable. */
  readonly resetStreamAt: boolean;
  /**
   * Milliseconds from the first packet to the last that completed the handshake, as this side has sent or received them. A
   * server's begins after the Retry, where it sent one.
   */
  readonly handshakeDuration: number;
}

/** Every method is called with the stream ids and codes as the peer sent them. */
export interface ConnectionListener {
  /** Client role only: the handshake has completed. */
  connected(info: ConnectionInfo): void;
  /** The peer has opened a stream. Its data follows, within the initial credit. */
  streamOpened(streamId: number): void;
  /**
   * Bytes in order. `chunk` owns its ArrayBuffer (byteOffset 0, whole length) and is the listener's to keep; it may be
   * empty when `fin` is set. Together the chunks never exceed the credit granted.
   */
  data(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void;
  /**
   * RESET_STREAM (RFC 9000 §19.4) or RESET_STREAM_AT, whose reliable bytes have been delivered before. Other data that
   * had not been delivered is lost. `finalSize`: all the bytes that the peer has sent (RFC 9000 §4.5). `reliableSize`: how
   * many bytes from the stream's beginning the peer wants to be read all the same; 0 for RESET_STREAM.
   *
   * Also comes, once, after {@link QuicConnection.stop}, as soon as the peer has ended the stream: a FIN is then reported
   * with the code that `stop` was given.
   */
  reset(streamId: number, code: bigint, finalSize: number, reliableSize: number): void;
  /** STOP_SENDING (RFC 9000 §19.5); the engine has answered it with RESET_STREAM of the same code already. */
  stopped(streamId: number, code: bigint): void;
  /** `bytes` of what was queued have left the engine's queue, beyond what `write` returned: as many more may be written. */
  accepted(streamId: number, bytes: number): void;
  /** All bytes and FIN, or our reset and what it left reliable, are acknowledged. Exactly once per stream whose sending half ended, unless the connection closes before. */
  finished(streamId: number): void;
  /** `open()` may succeed again after it gave undefined. */
  streamsAvailable(direction: StreamDirection): void;
  /** A DATAGRAM frame's payload (RFC 9221). `bytes` is only valid during the call: copy what is kept. */
  datagram(bytes: Uint8Array): void;
  /** `sendDatagram()` may succeed again after it gave "blocked". */
  datagramsWritable(): void;
  /**
   * Unread bytes (see {@link QuicConnection.unreadBytes}) have left less than half of {@link TransportOptions.receiveWindow}
   * free. Told once, and again after {@link QuicConnection.setReceiveWindow} has changed the window and it still is so.
   */
  receiveWindowLow(): void;
  /** The peer's address has changed (RFC 9000 §9). */
  addressChanged(remoteAddress: SocketAddress): void;
  /**
   * Exactly once, the last event of a connection, also after a local close. When the peer closed it, or a time-out did,
   * unread data has been delivered before, whatever the credit; a local close drops it.
   */
  closed(info: ConnectionClosed): void;
  /** The last event of this connection in this turn has been delivered. */
  turnEnded(): void;
}

export interface ConnectionClosed {
  /** "transport": nobody closed it (timeout, stateless reset). */
  readonly by: "local" | "peer" | "transport";
  readonly kind:
    | "application"
    | "transport"
    | "idle-timeout"
    | "handshake-timeout"
    | "stateless-reset"
    | "version-mismatch"
    | "failed";
  /** Application error code, or the transport's (RFC 9000 §20); 0 where there is none. */
  readonly code: bigint;
  readonly reason: string;
}

export type DatagramResult = "queued" | "blocked" | "too-large" | "unsupported";

export interface QuicConnection {
  readonly id: number;
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress;
  /** The new stream's id, or undefined while the peer's limit is reached: `streamsAvailable` follows. */
  open(direction: StreamDirection): number | undefined;
  /**
   * Queues bytes (captured) and, with `fin`, the end of the stream. Empty `data` without `fin` is ignored.
   * Returns how many of the bytes left the engine's queue at once; `accepted` events report the others.
   */
  write(streamId: number, data: Uint8Array, fin: boolean): number;
  /**
   * RESET_STREAM: drops what is queued and unacknowledged. With a `reliableSize` (bytes from the stream's beginning;
   * default 0) and where {@link ConnectionInfo.resetStreamAt} holds, RESET_STREAM_AT: as many of the bytes written are
   * still delivered before the reset, those that wait in the engine's queue included. Further calls can only lower the
   * reliable size, and do not change the code. The peer's STOP_SENDING lowers it to 0.
   */
  reset(streamId: number, code: bigint, reliableSize?: number): void;
  /**
   * STOP_SENDING: no `data` event follows; {@link ConnectionListener.reset} tells the stream's end. It leaves before what
   * is written or reset in the same turn, whatever the order of the calls: some peers ignore the code of a STOP_SENDING
   * that follows the reset of its stream.
   */
  stop(streamId: number, code: bigint): void;
  /** Lets the engine deliver `bytes` more on this stream. */
  grant(streamId: number, bytes: number): void;
  /**
   * The flow-control window of the connection from now on, bytes. Returns how many the peer may have unread now: more than
   * `bytes` after a larger window, for what the peer was once allowed is taken back only as bytes are read. 0 when the
   * connection has ended.
   */
  setReceiveWindow(bytes: number): number;
  /**
   * Bytes that count against the windows: they have arrived and wait for credit, or behind ones that have not. Of one
   * stream, or of all together.
   */
  unreadBytes(streamId?: number): number;
  /**
   * Order of sending: sessions in turn; within a session its groups in turn; within a group the highest `sendOrder` first,
   * equals in turn. Turns are counted in bytes. `session` and `sendGroup` are numbers of the caller's choosing, 0 to
   * 2^32 - 1, groups numbered within their session; `sendOrder` is an integer. Default 0, 0, 0.
   */
  setPriority(streamId: number, session: number, sendGroup: number, sendOrder: number): void;
  /** Queues one DATAGRAM frame with `header` followed by `payload`. */
  sendDatagram(header: Uint8Array, payload: Uint8Array): DatagramResult;
  /**
   * Largest DATAGRAM payload (header included) that can be sent now; 0 when the peer takes none, or our own
   * `maxDatagramFrameSize` is 0. Follows the path MTU.
   */
  maxDatagramSize(): number;
  /** CONNECTION_CLOSE (application). Discards unsent data: wait for `finished` first to have it delivered. */
  close(code: bigint, reason: string): void;
  /**
   * TLS exporter (RFC 8446 §7.5). `length` 1 to 4096. Throws {@link EngineError} "unavailable" before the handshake has
   * completed and after {@link ConnectionListener.closed}.
   */
  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array<ArrayBuffer>;
  getStats(): ConnectionStats;
}

/** Durations in milliseconds, sizes in bytes. */
/** Figures of a connection since it began. */
export interface ConnectionStats {
  /** Smoothed round-trip time, milliseconds. */
  readonly rtt: number;
  /** Least round-trip time, milliseconds. */
  readonly minRtt: number;
  /** Bytes that may be under way. */
  readonly congestionWindow: number;
  /** Bytes of the largest UDP payload that is sent now. */
  readonly mtu: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  /** Packets that QUIC has declared lost. */
  readonly packetsLost: number;
  /** Bytes of UDP payloads. */
  readonly bytesSent: number;
  /** Bytes of UDP payloads. */
  readonly bytesReceived: number;
  readonly datagramsDropped: number;
}
