import type { QuicConnection } from "../../engine/engine.ts";
import type { ConnectionSettings } from "../connection/settings.ts";
import type { SessionAccounts } from "../session/session-accounts.ts";

/** What streams need of the connection that carries them. */
export interface StreamContext {
  readonly quic: QuicConnection;
  readonly settings: ConnectionSettings;
  /** Both sides have RESET_STREAM_AT: the beginning of a stream that is reset can be kept reliable. */
  readonly resetStreamAt: boolean;
  /** Calls `callback` after `milliseconds`, unless the returned function is called before. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Calls `flush` once the running script and its microtasks are done. */
  atEndOfScript(flush: () => void): void;
}

/** The stream that a half is part of. */
export interface HalfStream {
  readonly streamId: number;
  readonly context: StreamContext;
  readonly accounts: SessionAccounts;
  /** Reading has stopped after `received` bytes, of which more may come. */
  stoppedEarly(received: number): void;
  /** A half has ended on the wire, or one that was finished is delivered. */
  halfChanged(): void;
}
