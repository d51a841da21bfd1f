import { Deferred } from "../../async/promises.ts";
import { WireCodes } from "../../constants/wire-codes.ts";

import type { DriverContext } from "./driver-context.ts";
import type { SessionAnswerer } from "./session-answerer.ts";

/** Options for closing a connection. */
export interface CloseConnectionOptions {
  /** Of the sessions, 0 to 2^32 - 1. Default 0. */
  readonly code?: number;
  readonly reason?: string;
  /** Do not wait until answers and the sessions' ends are delivered. Default false. */
  readonly abort?: boolean;
}

/** Milliseconds that a peer has to answer a session's end before its connection is closed. */
const goodbyeTimeout = 2000;

interface Condition {
  readonly isMet: () => boolean;
  readonly met: Deferred<void>;
}

/** Ends a connection so that everything that was said on it is delivered. */
export class ConnectionClosing {
  readonly #context: DriverContext;
  readonly #answerer: SessionAnswerer | undefined;
  // Created lazily, and dropped when empty.
  /** Streams of the core whose end is written and not acknowledged: answers, and the ends of sessions. */
  #leaving: Set<number> | undefined;
  #awaited: Set<Condition> | undefined;

  constructor(context: DriverContext, answerer: SessionAnswerer | undefined) {
    this.#context = context;
    this.#answerer = answerer;
  }

  /** Resolves when the engine has been told to close the connection; its `closed` follows. */
  async run(options: CloseConnectionOptions): Promise<void> {
    const context = this.#context;
    const { code = 0, reason = "" } = options;
    if (context.status.isClosed) return;
    if (options.abort !== true) {
      if ((this.#answerer?.waiting ?? 0) > 0) await this.#answerer?.rejectAll(503, "the connection is being closed");
      await Promise.all([...context.sessions.values()].map((session) => session.close({ code, reason })));
      context.input((core) => {
        core.sendGoaway({ final: true });
      });
      // CONNECTION_CLOSE discards what is not sent: a rejection or a session's end must have arrived before.
      const { closeTimeout } = context.settings;
      await this.#delivered(closeTimeout);
      // A browser that loses its connection before it has answered a session's end forgets code and reason.
      await this.#answered(Math.min(closeTimeout, goodbyeTimeout));
      await new Promise((resolve) => setImmediate(resolve));
    }
    context.quic.close(WireCodes.H3_NO_ERROR, "");
  }

  /** The end of a stream of the core is written. */
  finWritten(streamId: number): void {
    this.#leaving ??= new Set();
    this.#leaving.add(streamId);
  }

  /** All of a stream of the core is acknowledged. */
  finDelivered(streamId: number): void {
    if (this.#leaving === undefined) return;
    this.#leaving.delete(streamId);
    if (this.#leaving.size === 0) this.#leaving = undefined;
    this.check();
  }

  /** Something has changed that `run` may be waiting for. */
  check(): void {
    if (this.#awaited === undefined) return;
    for (const { isMet, met } of this.#awaited) if (this.#context.status.isClosed || isMet()) met.resolve();
  }

  /** The connection has ended. */
  end(): void {
    this.#leaving = undefined;
    this.check();
  }

  /** Resolves when the peer has every answer and every session's end, after `limit` milliseconds at the latest. */
  #delivered(limit: number): Promise<void> {
    return this.#when(() => this.#leaving === undefined, limit);
  }

  /** Resolves when the peer has ended every session that this side has, after `limit` milliseconds at the latest. */
  #answered(limit: number): Promise<void> {
    return this.#when(() => this.#context.protocol.counts.sessions === 0, limit);
  }

  async #when(isMet: () => boolean, limit: number): Promise<void> {
    if (this.#context.status.isClosed || isMet()) return;
    const condition = { isMet, met: new Deferred<void>() };
    this.#awaited ??= new Set();
    this.#awaited.add(condition);
    const cancel = this.#context.after(limit, condition.met.resolve);
    await condition.met.promise;
    this.#awaited.delete(condition);
    cancel();
  }
}
