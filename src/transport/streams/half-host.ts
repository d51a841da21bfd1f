import type { QuicConnection } from "../../engine/engine.ts";

import type { BufferBudget } from "./buffer-budget.ts";

/** Bytes of a session's streams, counted where they pass. */
export interface ByteCounters {
  bytesSent: number;
  bytesReceived: number;
  streamErrors: number;
}

/** A sending half whose bytes wait for the session's credit. */
export interface CreditTaker {
  /** The number of its send group in the session. */
  readonly sendGroupNumber: number;
  readonly sendOrder: number;
  /** Sends as many of its waiting bytes and gives how many it had. */
  resume(bytes: number): number;
}

/** Credit of the session for what its streams send. */
export interface SendCredit {
  /** How many of the bytes may go out now; for less than `wanted`, `writer.resume` is called later. */
  take(writer: CreditTaker, wanted: number): number;
  forget(writer: CreditTaker): void;
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
  /** Undefined where the session's bytes are not limited. */
  readonly sendCredit: SendCredit | undefined;
  /** A reset can keep the beginning of the stream reliable. */
  readonly resetStreamAt: boolean;
  readonly sendGroupNumber: number;
  readonly sendOrder: number;
  /** One of the connection's deadlines. */
  after(milliseconds: number, callback: () => void): () => void;
  /** The send half holds a prefix: it goes out with the first bytes written, or once the running script is done. */
  prefixPending(flush: () => void): void;
  /** Reading has stopped after `received` bytes, of which more may come. */
  stoppedEarly(received: number): void;
  /** A half has ended on the wire, or one that was finished is delivered. */
  halfChanged(): void;
}
