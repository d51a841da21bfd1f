import type { QuicConnection, StreamDirection } from "../../engine/engine.ts";
import type { ProtocolConnection } from "../../protocol/connection.ts";

import type { StreamRecord } from "../streams/stream-record.ts";
import type { Holder } from "../streams/unread.ts";
import type { ConnectionSettings } from "./settings.ts";
import type { ReceiveWindow } from "./receive-window.ts";
import type { CloseInfo, Connection, SessionState } from "../types.ts";

/** A stream that waits to be opened until the peer allows it. It gets its id at the moment of its opening. */
export interface WaitingStream {
  readonly direction: StreamDirection;
  opened(streamId: number): void;
}

/** What a session needs of the connection that carries it. */
export interface ConnectionContext {
  readonly connection: Connection;
  readonly quic: QuicConnection;
  readonly protocol: ProtocolConnection;
  readonly settings: ConnectionSettings;
  /** Its sessions, and the unread bytes of each. */
  readonly holders: readonly Holder[];
  /** Of all sessions together. */
  readonly receiveWindow: ReceiveWindow;
  /** The peer takes HTTP datagrams. */
  readonly datagrams: boolean;
  now(): number;
  after(milliseconds: number, callback: () => void): () => void;
  /** Calls the core and carries out what it asks for. */
  input(call: (core: ProtocolConnection) => void): void;
  /** Calls `flush` once the running script and its microtasks are done. */
  atEndOfScript(flush: () => void): void;
  /** Opens a stream now or, when the limit is reached, later; see {@link cancelOpen}. */
  openStream(waiter: WaitingStream): void;
  cancelOpen(waiter: WaitingStream): void;
  /** Both sides have RESET_STREAM_AT: the beginning of a stream that is reset can be kept reliable. */
  readonly resetStreamAt: boolean;
  /** Calls `told` with the final size of a stream of the peer that is not read any more, when it is known. */
  awaitFinalSize(streamId: number, told: (finalSize: number) => void): void;
  /** The number under which a new session takes turns with the others in sending: 0 where there is no other. */
  claimSendSession(): number;
  addStream(stream: StreamRecord): void;
  removeStream(stream: StreamRecord): void;
  sessionMoved(from: SessionState, to: SessionState): void;
  /** Forgets a session that has ended. */
  forgetSession(sessionId: number, info: CloseInfo): void;
}
