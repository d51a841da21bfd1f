import type { SessionDriver } from "../session/session-driver.ts";
import type { SessionDescription, WebTransportSession } from "../session/session.ts";
import type { ConnectionFace, ConnectionStatus } from "./connection-status.ts";
import type { ConnectionContext } from "./context.ts";
import type { CoreCall } from "./core-driver.ts";
import type { ConnectionOwner } from "./owner.ts";

/** What the parts of a connection's driver (opening and answering sessions, closing) need of it. */
export interface DriverContext extends ConnectionContext {
  readonly connection: ConnectionFace;
  readonly owner: Partial<ConnectionOwner>;
  readonly status: ConnectionStatus;
  readonly sessions: ReadonlyMap<number, SessionDriver>;
  /** As {@link ConnectionContext.input}. `failed` gets what the call throws, which may be later: the core may be busy. */
  input(call: CoreCall, failed?: (error: unknown) => void): void;
  /** Ends both halves of a stream that has no live object. */
  abandonStream(streamId: number, code: bigint): void;
  createSession(sessionId: number, description: SessionDescription): WebTransportSession<object, unknown>;
  /** Tells of a new session, unless it has ended meanwhile. */
  tellReady(session: WebTransportSession<object, unknown>, sessionId: number): void;
}
