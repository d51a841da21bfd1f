/** What connections, sessions and streams show of each other: they are typed by these, so that no two files import each other. */
import type { X509Certificate } from "node:crypto";

import type { WebTransportError } from "../errors/errors.ts";
import type { ConnectionStats, SocketAddress } from "../engine/engine.ts";

/** Text is sent as UTF-8. Captured before the call that takes it returns. */
export type BytesInput = string | ArrayBuffer | ArrayBufferView;

/** Bytes handed out: the chunk owns its whole ArrayBuffer and is the receiver's to keep, change or transfer. */
export type Bytes = Uint8Array<ArrayBuffer>;

export type Address = SocketAddress;

export type HeadersInput = Headers | Readonly<Record<string, string>> | readonly (readonly [string, string])[];

export type DynamicParams = Readonly<Record<string, string>>;

/** How a session ended. Unclean: no side closed it, or a protocol error ended it; `error` tells which. */
export type CloseInfo =
  | {
      readonly clean: true;
      readonly code: number;
      readonly reason: string;
      readonly by: "local" | "peer";
      /** The peer ended the session's stream, or the connection, without a close capsule. */
      readonly withoutCapsule?: true;
    }
  | { readonly clean: false; readonly by: "local" | "peer" | "transport"; readonly error: WebTransportError };

export const SessionState = Object.freeze({
  CONNECTED: "connected",
  DRAINING: "draining",
  CLOSING: "closing",
  CLOSED: "closed",
} as const);
export type SessionState = (typeof SessionState)[keyof typeof SessionState];

export const ConnectionState = Object.freeze({
  CONNECTING: "connecting",
  CONNECTED: "connected",
  DRAINING: "draining",
  CLOSED: "closed",
} as const);
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

export const StreamState = Object.freeze({
  OPEN: "open",
  HALF_CLOSED_LOCAL: "half_closed_local",
  HALF_CLOSED_REMOTE: "half_closed_remote",
  CLOSED: "closed",
  RESET_SENT: "reset_sent",
  RESET_RECEIVED: "reset_received",
} as const);
export type StreamState = (typeof StreamState)[keyof typeof StreamState];

export interface SignalOption {
  /** Ends the waiting: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface SendOptions {
  /** Streams of a group are sent by this, highest first. Default 0. */
  readonly sendOrder?: number;
  readonly sendGroup?: SendGroup;
}

export interface CreateStreamOptions extends SendOptions, SignalOption {
  /** Milliseconds to wait for the peer to allow a stream; then TimeoutError. Default: `streamCreationTimeout`. 0: no limit. */
  readonly timeout?: number;
}

/** The groups of a session take turns in sending, counted in bytes. Made by `session.createSendGroup()`, for its streams. */
export interface SendGroup {
  /** 1 and up, counted within the session. */
  readonly id: number;
}

export interface WaitOptions extends SignalOption {
  /** Milliseconds; then TimeoutError, and the stream lives on. Default: `readTimeout`. 0: no limit. */
  readonly timeout?: number | undefined;
}

export interface ReadOptions extends WaitOptions {
  /** Bytes. */
  readonly maxBytes?: number;
}

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
  readonly bytesRead: number;
  /** Bytes that have arrived, read or not (those that `stop` has dropped excepted). */
  readonly bytesReceived: number;
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
  readonly bytesWritten: number;
  readonly isWritable: boolean;
}

interface AnyStream {
  readonly id: number;
  readonly session: Session;
  readonly state: StreamState;
  /** Fulfilled when every half has ended well, rejected with the first error otherwise. */
  readonly closed: Promise<void>;
}
export interface ReceiveStream extends AnyStream, ReceiveSide {
  readonly direction: "receive_only";
}
export interface SendStream extends AnyStream, SendSide {
  readonly direction: "send_only";
}
export interface BidirectionalStream extends AnyStream, ReceiveSide, SendSide {
  readonly direction: "bidirectional";
}

export interface SessionStats {
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly streamsOpened: number;
  readonly streamsAccepted: number;
  readonly streamsActive: number;
  readonly streamErrors: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  readonly datagramsDropped: number;
  /** Bytes that have arrived and were not read yet. */
  readonly bufferedBytes: number;
}

/** A session's datagrams as a stream's `session` shows them. */
export interface Datagrams extends AsyncIterable<Bytes> {
  readonly maxDatagramSize: number;
  send(data: BytesInput, options?: SignalOption & { readonly ttl?: number }): Promise<void>;
  trySend(data: BytesInput): boolean;
  receive(options?: SignalOption & { readonly timeout?: number }): Promise<Bytes | null>;
  tryReceive(): Bytes | null | undefined;
}

/** What a stream shows of its session. */
export interface Session {
  readonly id: string;
  readonly url: URL;
  readonly path: string;
  readonly headers: Headers;
  readonly responseHeaders: Headers;
  readonly protocol: string;
  readonly locals: unknown;
  readonly params: object;
  readonly pathParams: readonly string[];
  readonly datagrams: Datagrams;
  readonly incomingBidirectionalStreams: AsyncIterable<BidirectionalStream>;
  readonly incomingUnidirectionalStreams: AsyncIterable<ReceiveStream>;
  readonly remoteAddress: Address;
  readonly connection: Connection;
  readonly signal: AbortSignal;
  readonly state: SessionState;
  readonly isReady: boolean;
  readonly isClosed: boolean;
  readonly ready: Promise<void>;
  readonly closed: Promise<CloseInfo>;
  readonly draining: Promise<void>;
  createBidirectionalStream(options?: CreateStreamOptions): Promise<BidirectionalStream>;
  createUnidirectionalStream(options?: CreateStreamOptions): Promise<SendStream>;
  createSendGroup(): SendGroup;
  incomingStreams(): AsyncIterable<BidirectionalStream | ReceiveStream>;
  close(options?: CloseOptions): Promise<void>;
  waitClosed(): Promise<CloseInfo>;
  drain(): void;
  getStats(): SessionStats;
  debugState(): Record<string, unknown>;
  diagnoseIssues(): string[];
  exportKeyingMaterial(label: BytesInput, context: BytesInput, length: number): Promise<Bytes>;
}

/** What a session shows of its connection. */
export interface Connection {
  readonly id: string;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly sessions: readonly Session[];
  readonly state: ConnectionState;
  readonly serverName: string | undefined;
  readonly draft: string | undefined;
  /** Milliseconds; undefined before the handshake has completed. */
  readonly handshakeDuration: number | undefined;
  /** Of the peer, if it gave one; verified, unless a client was told not to. */
  readonly peerCertificate: X509Certificate | undefined;
  readonly closed: Promise<CloseInfo>;
  getStats(): ConnectionStats;
  goaway(): void;
  /** Throws RangeError for a code outside 0 to 2^32 - 1. */
  close(options?: { readonly code?: number; readonly reason?: string }): Promise<CloseInfo>;
}
