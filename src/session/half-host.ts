import type { QuicConnection } from "../engine/engine.ts";

import type { BufferBudget } from "./buffer-budget.ts";

/** Bytes of a session's streams, counted where they pass. */
export interface ByteCounters {
  bytesSent: number;
  bytesReceived: number;
  streamErrors: number;
}

/** What the two halves of a stream need of what stands around them. */
export interface HalfHost {
  readonly streamId: number;
  readonly quic: QuicConnection;
  readonly budget: BufferBudget;
  readonly counters: ByteCounters;
  /** Read credit that the engine starts every stream with; granted again when half of it is read. */
  readonly credit: number;
  /** Unsent bytes at which `write` starts to wait. */
  readonly highWaterMark: number;
  /** Milliseconds that a read may wait; 0: no limit. */
  readonly readTimeout: number;
  /** Milliseconds that a `write` may wait; 0: no limit. */
  readonly writeTimeout: number;
  /** One of the connection's deadlines. */
  after(milliseconds: number, callback: () => void): () => void;
  /** The send half holds a prefix: it goes out with the first bytes written, or once the running script is done. */
  prefixPending(flush: () => void): void;
  /** A half has ended on the wire, or one that was finished is delivered. */
  halfChanged(): void;
}
