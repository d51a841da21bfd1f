/** A session's states: every transition is made in this file, and `closed`, `draining` and `close()` are settled here. */
import { Deferred, resolved } from "../../async/promises.ts";
import { invariant } from "../../base/invariant.ts";
import type { SessionError } from "../../errors/errors.ts";
import type { ConnectionContext } from "../connection/context.ts";
import type { CloseInfo, SessionState } from "../types.ts";

import { sessionErrorOf } from "./close-info.ts";
import type { SessionFace } from "./session-face.ts";

/**
 * `delivering`: closed here, but finished streams and queued datagrams are still on their way. `ended`: over for its
 * streams and datagrams; where it was closed here, the peer has not confirmed the end yet.
 */
export type SessionPhase = "connected" | "draining" | "delivering" | "ended" | "closed";

const successors: Readonly<Record<SessionPhase, readonly SessionPhase[]>> = {
  connected: ["draining", "delivering", "ended"],
  draining: ["delivering", "ended"],
  delivering: ["ended"],
  ended: ["closed"],
  closed: [],
};

const states: Readonly<Record<SessionPhase, SessionState>> = {
  connected: "connected",
  draining: "draining",
  delivering: "closing",
  ended: "closing",
  closed: "closed",
};

/** The session whose states these are. */
export interface LivingSession {
  readonly sessionId: number;
  readonly context: ConnectionContext;
  readonly session: SessionFace;
}

export class SessionLifecycle {
  readonly #session: LivingSession;
  #phase: SessionPhase = "connected";
  /** The peer has asked to come to an end, in whatever phase. */
  #isDrained = false;
  #info: CloseInfo | undefined;
  #error: SessionError | undefined;
  #closed: Deferred<CloseInfo> | undefined;
  #draining: Deferred<void> | undefined;
  #close: Deferred<void> | undefined;

  constructor(session: LivingSession) {
    this.#session = session;
  }

  get phase(): SessionPhase {
    return this.#phase;
  }

  get state(): SessionState {
    return states[this.#phase];
  }

  /** How the session has ended; undefined before. */
  get info(): CloseInfo | undefined {
    return this.#info;
  }

  get hasEnded(): boolean {
    return this.#info !== undefined;
  }

  /** What the streams and datagrams of the ended session fail with. Created lazily: most sessions end well and need none. */
  get error(): SessionError | undefined {
    return this.#info === undefined ? undefined : this.errorOf(this.#info);
  }

  /** {@link error} of a session that ends with `info`. */
  errorOf(info: CloseInfo): SessionError {
    this.#error ??= sessionErrorOf(info, this.#session.session.id);
    return this.#error;
  }

  /** Fulfilled when the session is closed. */
  get closed(): Promise<CloseInfo> {
    if (this.#closed === undefined) {
      this.#closed = new Deferred();
      if (this.#phase === "closed" && this.#info !== undefined) this.#closed.resolve(this.#info);
    }
    return this.#closed.promise;
  }

  /** Fulfilled when the peer has asked to come to an end. */
  get draining(): Promise<void> {
    if (this.#draining === undefined) {
      this.#draining = new Deferred();
      if (this.#isDrained) this.#draining.resolve();
    }
    return this.#draining.promise;
  }

  /** What `close()` returns: fulfilled when the session is closed. */
  get close(): Promise<void> {
    if (this.#phase === "closed") return resolved;
    this.#close ??= new Deferred();
    return this.#close.promise;
  }

  /** The peer has asked to come to an end. */
  drained(): void {
    if (this.#isDrained || this.hasEnded) return;
    this.#isDrained = true;
    if (this.#phase === "connected") this.#move("draining");
    this.#draining?.resolve();
    const { session } = this.#session;
    if (session.listens("session_draining")) session.publish("session_draining", { session, timestamp: Date.now() });
  }

  /** This side closes the session. */
  deliver(): void {
    this.#move("delivering");
  }

  /** False: it had ended before. */
  end(info: CloseInfo): boolean {
    if (this.hasEnded) return false;
    this.#info = info;
    this.#move("ended");
    return true;
  }

  /** There is nothing more to wait for. */
  settle(): void {
    const info = this.#info;
    if (info === undefined || this.#phase === "closed") return;
    this.#move("closed");
    const { sessionId, context, session } = this.#session;
    context.forgetSession(sessionId, info);
    this.#close?.resolve();
    this.#closed?.resolve(info);
    if (session.listens("session_closed")) {
      session.publish("session_closed", { session, info, timestamp: Date.now() });
    }
  }

  #move(to: SessionPhase): void {
    invariant(successors[this.#phase].includes(to), `a session that is ${this.#phase} cannot become ${to}`);
    const from = this.state;
    this.#phase = to;
    if (states[to] !== from) this.#session.context.sessionMoved(from, states[to]);
  }
}
