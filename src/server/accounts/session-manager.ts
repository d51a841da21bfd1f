import { checkOptions } from "../../config/given-options.ts";
import { integer } from "../../config/option-checks.ts";
import { serverDefaults } from "../../constants/defaults.ts";
import { SessionError } from "../../errors/errors.ts";
import { checkCloseCode, checkCloseReason } from "../../transport/session/close-code.ts";
import type { SessionState } from "../../transport/types.ts";
import type { CloseOptions, Session } from "../../transport/types.ts";

import { closeAll } from "./close-all.ts";
import { Ledger } from "./ledger.ts";
import type { LedgerStats } from "./ledger.ts";

/** Options of a SessionManager. */
export interface SessionManagerOptions {
  /** 1 to 1000000. Default 10000. */
  readonly maxSessions?: number;
}

/** A session that has closed is not counted any more. */
export type OpenSessionState = Exclude<SessionState, typeof SessionState.CLOSED>;

export interface SessionManagerStats extends LedgerStats<OpenSessionState> {
  /** Those that can be used: "connected" and "draining". */
  readonly activeSessions: number;
  readonly maxSessions: number;
}

export type SessionLedger = Ledger<Session, OpenSessionState>;

export function makeSessionLedger(): SessionLedger {
  return new Ledger<Session, OpenSessionState>({ connected: 0, draining: 0, closing: 0 });
}

/**
 * The sessions that are open, in the order of their arrival; an ended one leaves by itself. A server's
 * (`server.sessionManager`) has every session that the server has accepted; others can be added.
 */
export class SessionManager implements Iterable<Session> {
  readonly maxSessions: number;
  readonly #ledger: SessionLedger;
  /** Those of {@link SessionManager.addSession}: nobody tells of their states. */
  readonly #added = new Set<Session>();
  #isShutDown = false;

  /** `ledger`: the server's. Throws ConfigurationError. */
  constructor(options: SessionManagerOptions = {}, ledger: SessionLedger = makeSessionLedger()) {
    checkOptions("SessionManager", options, { maxSessions: integer(1, 1_000_000) });
    this.maxSessions = options.maxSessions ?? serverDefaults.maxSessions;
    this.#ledger = ledger;
  }

  /** As the constructor. */
  static create(options: SessionManagerOptions = {}): SessionManager {
    return new SessionManager(options);
  }

  /** Of those that are shown. */
  get sessionCount(): number {
    return this.#ledger.shown.size;
  }

  get isShutDown(): boolean {
    return this.#isShutDown;
  }

  /** Returns its id. Throws SessionError when there are `maxSessions`, it has ended, or the manager was shut down. */
  addSession(session: Session): string {
    checkIsSession(session);
    const { id } = session;
    if (this.#ledger.shown.get(id) === session || this.#ledger.show(session)) return id;
    if (this.#isShutDown) throw refused("the session manager has been shut down", session);
    if (session.isClosed) throw refused("it has ended", session);
    if (this.#ledger.count >= this.maxSessions) {
      throw refused(`Maximum sessions (${this.maxSessions}) exceeded`, session);
    }
    this.#ledger.add(session);
    this.#added.add(session);
    void session.closed.then(() => {
      this.#forget(session);
    });
    return id;
  }

  /** Takes it out of sight and returns it; it lives on, and one of the server's counts for `maxSessions` until it ends. */
  removeSession(id: string): Session | undefined {
    const session = this.getSession(id);
    if (session === undefined) return undefined;
    if (this.#added.has(session)) this.#forget(session);
    else this.#ledger.hide(session);
    return session;
  }

  /** By `session.id`. */
  getSession(id: string): Session | undefined {
    return this.#ledger.shown.get(id);
  }

  /** In the order of their arrival. */
  getAllSessions(): readonly Session[] {
    return [...this.#ledger.shown.values()];
  }

  /** Those in this state now. */
  getSessionsByState(state: SessionState): readonly Session[] {
    return this.getAllSessions().filter((session) => session.state === state);
  }

  /** Counted, not collected: it costs the same for any number of sessions. */
  getStats(): SessionManagerStats {
    const stats = this.#ledger.stats;
    const states = { ...stats.states };
    for (const { state } of this.#added) if (state !== "closed") states[state] += 1;
    return { ...stats, states, activeSessions: states.connected + states.draining, maxSessions: this.maxSessions };
  }

  /** Closes every session and resolves when each has ended. Throws RangeError for a code outside 0 to 2^32 - 1. */
  closeAllSessions(options: CloseOptions = {}): Promise<void> {
    checkCloseCode(options.code);
    checkCloseReason(options.reason);
    return closeAll("session", this.getAllSessions(), (session) => session.close(options));
  }

  /** Takes no further sessions (a server refuses them with 503) until {@link reopen}, and closes all. Idempotent. */
  shutdown(options: CloseOptions = {}): Promise<void> {
    const closed = this.closeAllSessions(options);
    this.#isShutDown = true;
    return closed;
  }

  /** Takes sessions again after {@link shutdown}; a server calls it when it listens again. */
  reopen(): void {
    this.#isShutDown = false;
  }

  /** In the order of their arrival. */
  [Symbol.iterator](): Iterator<Session> {
    return this.getAllSessions()[Symbol.iterator]();
  }

  #forget(session: Session): void {
    if (this.#added.delete(session)) this.#ledger.remove(session);
  }
}

function checkIsSession(given: unknown): void {
  if (typeof given === "object" && given !== null && "id" in given && "closed" in given) return;
  throw new SessionError("Cannot add the session: it is no session");
}

function refused(reason: string, { id, state }: Session): SessionError {
  return new SessionError(`Cannot add the session: ${reason}`, { sessionId: id, sessionState: state });
}
