import type { QuicConnection, StreamDirection } from "../engine/engine.ts";
import type { ProtocolConnection } from "../protocol/webtransport/connection.ts";

import type { LiveStream } from "./live-stream.ts";
import type { ResolvedLiveOptions } from "./options.ts";
import type { Connection } from "./types.ts";

/** Somebody who waits until the peer allows a stream: gets its id in the moment it exists. */
export interface StreamWaiter {
  readonly direction: StreamDirection;
  opened(streamId: number): void;
}

/** What a session needs of the connection that carries it. */
export interface ConnectionContext {
  readonly connection: Connection;
  readonly quic: QuicConnection;
  readonly protocol: ProtocolConnection;
  readonly options: ResolvedLiveOptions;
  /** The peer takes HTTP datagrams. */
  readonly datagrams: boolean;
  now(): number;
  after(milliseconds: number, callback: () => void): () => void;
  /** Calls the core and carries out what it asks for. */
  input(call: (core: ProtocolConnection) => void): void;
  /** Calls `flush` once the running script and its microtasks are done. */
  atEndOfScript(flush: () => void): void;
  /** Opens a stream now or, when the limit is reached, later; see {@link cancelOpen}. */
  openStream(waiter: StreamWaiter): void;
  cancelOpen(waiter: StreamWaiter): void;
  addStream(stream: LiveStream): void;
  removeStream(stream: LiveStream): void;
  /** The session has ended and is not to be found any more. */
  forgetSession(sessionId: number): void;
  nextSendGroup(): number;
}
