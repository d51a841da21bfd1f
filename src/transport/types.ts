/** What connections, sessions and streams show of each other: they are typed by these, so that no two files import each other. */
import type { X509Certificate } from "node:crypto";

import type { WebTransportError } from "../errors/errors.ts";
import type { ConnectionStats, SocketAddress } from "../engine/engine.ts";

/** Text is sent as UTF-8. Captured before the call that takes it returns. */
export type BytesInput = string | ArrayBuffer | ArrayBufferView;

/** Bytes handed out: the chunk owns its whole ArrayBuffer and is the receiver's to keep, change or transfer. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** An IP address and UDP port. */
export type Address = SocketAddress;

/** Header fields as callers give them; a list may have a name twice. */
export type HeadersInput = Headers | Readonly<Record<string, string>> | readonly (readonly [string, string])[];

/** A path's parameters by name, decoded once. */
export type DynamicParams = Readonly<Record<string, string>>;

/** How a session ended. Unclean: no side closed it, or a protocol error ended it; `error` tells which. */
export type CloseInfo =
  | {
      readonly clean: true;
      /** 0 to 2^32 - 1, as the side that closed gave it. */
      readonly code: number;
      /** At most 1024 bytes of UTF-8. */
      readonly reason: string;
      /** Which side closed. */
      readonly by: "local" | "peer";
      /** The peer ended the session's stream, or the connection, without a close capsule. */
      readonly withoutCapsule?: true;
    }
  | { readonly clean: false; readonly by: "local" | "peer" | "transport"; readonly error: WebTransportError };

/** States of a session, in the order in which it can pass through them. */
export const SessionState = Object.freeze({
  CONNECTED: "connected",
  DRAINING: "draining",
  CLOSING: "closing",
  CLOSED: "closed",
} as const);
/** A value of {@link SessionState:variable}. */
export type SessionState = (typeof SessionState)[keyof typeof SessionState];

/** States of a connection, in the order in which it can pass through them. */
export const ConnectionState = Object.freeze({
  CONNECTING: "connecting",
  CONNECTED: "connected",
  DRAINING: "draining",
  CLOSED: "closed",
} as const);
/** A value of {@link ConnectionState:variable}. */
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

/** States of a stream: what has ended, and which side reset it. */
export const StreamState = Object.freeze({
  OPEN: "open",
  HALF_CLOSED_LOCAL: "half_closed_local",
  HALF_CLOSED_REMOTE: "half_closed_remote",
  CLOSED: "closed",
  RESET_SENT: "reset_sent",
  RESET_RECEIVED: "reset_received",
} as const);
/** A value of {@link StreamState:variable}. */
export type StreamState = (typeof StreamState)[keyof typeof StreamState];

/** Option of every method that can wait. */
export interface SignalOption {
  /** Ends the waiting: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A stream's place among those that are sent. */
export interface SendOptions {
  /** Streams of a group are sent by this, highest first. Default 0. */
  readonly sendOrder?: number;
  /** Made by the same session's `createSendGroup()`. Default: the group of the streams without one. */
  readonly sendGroup?: SendGroup;
}

/** Options for opening a stream. */
export interface CreateStreamOptions extends SendOptions, SignalOption {
  /** Milliseconds to wait for the peer to allow a stream; then TimeoutError. Default: `streamCreationTimeout`. 0: no limit. */
  readonly timeout?: number;
}

/** The groups of a session take turns in sending, counted in bytes. Made by `session.createSendGroup()`, for its streams. */
export interface SendGroup {
  /** 1 and up, counted within the session. */
  readonly id: number;
}

/** Options for waiting for a stream's bytes. */
export interface WaitOptions extends SignalOption {
  /** Milliseconds; then TimeoutError, and the stream lives on. Default: `readTimeout`. 0: no limit. */
  readonly timeout?: number | undefined;
}

/** Options for reading a stream. */
export interface ReadOptions extends WaitOptions {
  /** Bytes, 1 or more; what happens above it, each method says. */
  readonly maxBytes?: number;
}

/** Options for closing a session. */
export interface CloseOptions {
  /** 0 to 2^32 - 1. Default 0. */
  readonly code?: number;
  /** Cut at 1024 bytes of UTF-8. Default "". */
  readonly reason?: string;
  /** Do not wait until finished streams and datagrams are delivered. Default false. */
  readonly abort?: boolean;
  /**
   * Send WT_CLOSE_SESSION. Without it the peer gets the end of the session's stream alone, which means code 0 and no
   * reason (draft-ietf-webtrans-http3 §6): RangeError with any other. Default true.
   */
  readonly capsule?: boolean;
}

/** The half of a stream that is read. */
export interface ReceiveSide extends AsyncIterable<Bytes> {
  /** The next bytes, at most `maxBytes`; null at the end of the stream. Rejects with StreamError or SessionError. */
  read(options?: ReadOptions): Promise<Bytes | null>;
  /** What is buffered now, without waiting: null at the end, undefined when nothing is there. Throws what `read` rejects with. */
  tryRead(maxBytes?: number): Bytes | null | undefined;
  /** Everything up to the end. Over `maxBytes` (default: no limit) it rejects with StreamError. */
  readAll(options?: ReadOptions): Promise<Bytes>;
  /** Exactly `count` bytes; StreamError `ERR_WT_STREAM_ENDED_EARLY` when the stream ends before. */
  readExactly(count: number, options?: WaitOptions): Promise<Bytes>;
  /** Up to and with `separator`. Over `maxBytes` (default 65536) StreamError; at the end without it `ERR_WT_STREAM_ENDED_EARLY`. */
  readUntil(separator: BytesInput, options?: ReadOptions): Promise<Bytes>;
  /** The next line as text without its end (`\n` or `\r\n`), at most `maxBytes` (default 65536) long; null at the end of the stream. */
  readLine(options?: ReadOptions): Promise<string | null>;
  /** Created lazily; from then on the methods above reject, because its reader has the stream. */
  readonly readable: ReadableStream<Bytes>;
  /** STOP_SENDING: what is buffered is dropped, further data not wanted. Default code 0. Throws RangeError outside 0 to 2^32 - 1. */
  stop(code?: number): void;
  /** Fulfilled when everything is read or the reading was stopped; rejected when the peer or the session ended it before. */
  readonly readClosed: Promise<void>;
  /** Bytes that were handed out. */
  readonly bytesRead: number;
  /** Bytes that have arrived, read or not (those that `stop` has dropped excepted). */
  readonly bytesReceived: number;
  /** Whether a read may still give bytes or the end. */
  readonly isReadable: boolean;
}

/** The half of a stream that is written. */
export interface SendSide {
  /** Resolves when less than the high-water mark is waiting to be sent. Rejects with StreamError or SessionError. */
  write(data: BytesInput, options?: SignalOption): Promise<void>;
  /** `write` and `finish` in one. */
  writeAll(data: BytesInput, options?: SignalOption): Promise<void>;
  /** FIN after what was written. Harmless when the half has ended. */
  finish(): void;
  /** Resolves when everything written has been handed to QUIC. */
  flush(options?: SignalOption): Promise<void>;
  /** Created lazily; from then on `write`, `writeAll` and `finish` reject or throw, because its writer has the stream. */
  readonly writable: WritableStream<BytesInput>;
  /**
   * RESET_STREAM: what is not yet sent is dropped, except for what was committed. Default code 0. Throws RangeError
   * outside 0 to 2^32 - 1.
   */
  reset(code?: number): void;
  /**
   * Everything written so far is delivered even if the stream is reset later (W3C's `commit`). Without effect where the
   * peer has no RESET_STREAM_AT (draft-ietf-quic-reliable-stream-reset).
   */
  commit(): void;
  /** Among the streams of its group, higher ones are sent first. Any finite number; may change at any time. Default 0. */
  sendOrder: number;
  /**
   * The group whose turns the stream shares; undefined: the one of the session's streams without a group. Setting a
   * group of another session throws TypeError.
   */
  sendGroup: SendGroup | undefined;
  /** Bytes that were written and wait to be handed to QUIC. */
  readonly bufferedAmount: number;
  /** Fulfilled when all bytes and FIN are acknowledged; rejected when the half ended otherwise. */
  readonly writeClosed: Promise<void>;
  /** Bytes that were given to `write`. */
  readonly bytesWritten: number;
  /** Whether a write may still be taken. */
  readonly isWritable: boolean;
}

/** What every stream has. */
export interface AnyStream {
  /** QUIC's stream ID (RFC 9000 §2.1). */
  readonly id: number;
  /** The session that the stream belongs to. */
  readonly session: Session;
  readonly state: StreamState;
  /** Fulfilled when every half has ended well, rejected with the first error otherwise. */
  readonly closed: Promise<void>;
}
/** A stream that the peer sends on. */
export interface ReceiveStream extends AnyStream, ReceiveSide {
  readonly direction: "receive_only";
}
/** A stream that this side sends on. */
export interface SendStream extends AnyStream, SendSide {
  readonly direction: "send_only";
}
/** A stream that both sides send on. */
export interface BidirectionalStream extends AnyStream, ReceiveSide, SendSide {
  readonly direction: "bidirectional";
}

/** Counts of a session since it began. */
export interface SessionStats {
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Milliseconds since the epoch; undefined while the session is open. */
  readonly closedAt: number | undefined;
  /** Milliseconds from the session's beginning until now, or until its end. */
  readonly duration: number;
  /** Streams that this side opened. */
  readonly streamsOpened: number;
  /** Streams that the peer opened. */
  readonly streamsAccepted: number;
  /** Bidirectional streams that either side opened. */
  readonly bidirectionalStreams: number;
  /** Unidirectional streams that either side opened. */
  readonly unidirectionalStreams: number;
  /** Streams of which a half is open. */
  readonly streamsActive: number;
  /** Streams that a reset, a stop or a fault ended. */
  readonly streamErrors: number;
  /** Bytes of streams and datagrams, without headers. */
  readonly bytesSent: number;
  /** Bytes of streams and datagrams, without headers. */
  readonly bytesReceived: number;
  /** Datagrams handed to QUIC. */
  readonly datagramsSent: number;
  /** Datagrams that have arrived. */
  readonly datagramsReceived: number;
  /** Datagrams of either direction that were dropped because their queue was full. */
  readonly datagramsDropped: number;
  /** Bytes that have arrived and were not read yet. */
  readonly bufferedBytes: number;
}

/** A session's datagrams as a stream's `session` shows them. */
export interface Datagrams extends AsyncIterable<Bytes> {
  /** Bytes that one datagram can have now; the path may change it. 0: the peer takes none. */
  readonly maxDatagramSize: number;
  /** Resolves when the datagram was handed to QUIC or dropped, at the latest after `ttl` milliseconds. Rejects with DatagramError when it is too large. */
  send(data: BytesInput, options?: SignalOption & { readonly ttl?: number }): Promise<void>;
  /** Without waiting: false when QUIC has no room now or the datagram is too large. */
  trySend(data: BytesInput): boolean;
  /** The next datagram; null at the session's clean end. Rejects with TimeoutError after `timeout` milliseconds, or SessionError. */
  receive(options?: SignalOption & { readonly timeout?: number }): Promise<Bytes | null>;
  /** Without waiting: undefined when none is there, null at the session's end. */
  tryReceive(): Bytes | null | undefined;
}

/** What a stream shows of its session. */
export interface Session {
  /** Stable, for logs; unique within the process. */
  readonly id: string;
  /** As the client asked for it, with its query. */
  readonly url: URL;
  /** The URL's path, without its query. */
  readonly path: string;
  /** The request's header fields. */
  readonly headers: Headers;
  /** The answer's header fields. */
  readonly responseHeaders: Headers;
  /** The subprotocol agreed on; empty without one. */
  readonly protocol: string;
  /** What middleware has found out. */
  readonly locals: unknown;
  /** The path's parameters by name, decoded. */
  readonly params: object;
  /** The path's parameters in their order, decoded. */
  readonly pathParams: readonly string[];
  /** The session's datagrams. */
  readonly datagrams: Datagrams;
  /** Bidirectional streams that the peer opens. */
  readonly incomingBidirectionalStreams: AsyncIterable<BidirectionalStream>;
  /** Unidirectional streams that the peer opens. */
  readonly incomingUnidirectionalStreams: AsyncIterable<ReceiveStream>;
  /** The peer's address now: it may change during the session. */
  readonly remoteAddress: Address;
  /** The connection that carries the session. */
  readonly connection: Connection;
  /** Aborted when the session ends. */
  readonly signal: AbortSignal;
  readonly state: SessionState;
  /** Whether the session can open streams. */
  readonly isReady: boolean;
  /** Whether the session has ended. */
  readonly isClosed: boolean;
  /** Fulfilled at once: a session that exists is established. */
  readonly ready: Promise<void>;
  /** How the session ended; never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** Fulfilled when the peer asks to end the session soon; pending for ever when it never does. */
  readonly draining: Promise<void>;
  /** Waits while the peer allows no further stream. Rejects with TimeoutError, SessionError or the signal's reason. */
  createBidirectionalStream(options?: CreateStreamOptions): Promise<BidirectionalStream>;
  /** Waits while the peer allows no further stream. Rejects with TimeoutError, SessionError or the signal's reason. */
  createUnidirectionalStream(options?: CreateStreamOptions): Promise<SendStream>;
  /** A group of streams that takes turns with the session's other groups. */
  createSendGroup(): SendGroup;
  /** Streams of both kinds that the peer opens, in order of arrival. */
  incomingStreams(): AsyncIterable<BidirectionalStream | ReceiveStream>;
  /** Delivers what was finished, then ends the session. Resolves when the peer has been told. RangeError for a code outside 0 to 2^32 - 1. */
  close(options?: CloseOptions): Promise<void>;
  /** The same promise as `closed`. */
  waitClosed(): Promise<CloseInfo>;
  /** Asks the peer to end the session soon; the session lives on. */
  drain(): void;
  /** Counts since the session began. */
  getStats(): SessionStats;
  /** Everything as plain data without secrets. */
  debugState(): Record<string, unknown>;
  /** What is wrong now, in sentences with figures; empty when nothing is. */
  diagnoseIssues(): string[];
  /** Bytes that both sides derive (RFC 8446 §7.5): `label` and `context` at most 255 bytes, `length` 1 to 4096. */
  exportKeyingMaterial(label: BytesInput, context: BytesInput, length: number): Promise<Bytes>;
}

/** What a session shows of its connection. */
export interface Connection {
  /** Stable, for logs; unique within the process. */
  readonly id: string;
  /** The address that the peer reaches. */
  readonly localAddress: Address;
  /** The peer's address now: it may change. */
  readonly remoteAddress: Address;
  /** The sessions that are open. */
  readonly sessions: readonly Session[];
  readonly state: ConnectionState;
  /** TLS server name that the client asked for. */
  readonly serverName: string | undefined;
  /** The draft of WebTransport that both speak; undefined until the peer's SETTINGS have come. */
  readonly draft: string | undefined;
  /** Milliseconds; undefined before the handshake has completed. */
  readonly handshakeDuration: number | undefined;
  /** Of the peer, if it gave one; verified, unless a client was told not to. */
  readonly peerCertificate: X509Certificate | undefined;
  /** How the connection ended; never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** QUIC's figures of the path: times in milliseconds, sizes in bytes. */
  getStats(): ConnectionStats;
  /** Tells the peer to open no further sessions here. */
  goaway(): void;
  /** Throws RangeError for a code outside 0 to 2^32 - 1. */
  close(options?: { readonly code?: number; readonly reason?: string }): Promise<CloseInfo>;
}
