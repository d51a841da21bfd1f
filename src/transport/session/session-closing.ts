import { SessionError } from "../../errors/errors.ts";
import { withoutStack } from "../../errors/webtransport-error.ts";

import { checkCloseCode, checkCloseReason } from "./close-code.ts";
import type { ConnectionContext } from "../connection/context.ts";
import type { DatagramQueue } from "../datagrams/datagram-queue.ts";
import type { StreamRecord } from "../streams/stream-record.ts";
import { Deferred, resolved } from "../../async/promises.ts";
import type { CloseInfo, CloseOptions } from "../types.ts";

/** The session that is being closed. */
export interface ClosingSession {
  readonly sessionId: number;
  readonly context: ConnectionContext;
  readonly datagrams: DatagramQueue;
  readonly streams: ReadonlySet<StreamRecord>;
  readonly closed: Deferred<CloseInfo>;
  end(info: CloseInfo, settled: boolean): void;
  settle(): void;
}

/**
 * The way out of a session that this side closes: deliver (finished streams and queued datagrams, at most `closeTimeout`),
 * say goodbye (capsule, FIN, and the end of everything unfinished), and wait until the peer has it (at most `closeTimeout`).
 */
export class SessionClosing {
  readonly #session: ClosingSession;
  #phase: "none" | "delivering" | "goodbye" | "done" = "none";
  #code = 0;
  #reason = "";
  #capsule = true;
  #datagramsGone = false;
  #done: Deferred<void> | undefined;
  #cancelTimeout: (() => void) | undefined;
  refusal: SessionError | undefined;

  constructor(session: ClosingSession) {
    this.#session = session;
  }

  get started(): boolean {
    return this.#phase !== "none";
  }

  /** The first call decides code and reason; a later one with `abort` only ends the waiting for delivery. */
  start(options: CloseOptions): Promise<void> {
    const { code = 0, reason = "", abort = false, capsule = true } = options;
    checkCloseCode(code);
    checkCloseReason(reason);
    if (!capsule && (code !== 0 || reason !== "")) {
      throw new RangeError("Cannot close a session with a code or reason without a capsule");
    }
    if (this.#phase === "done") return resolved;
    if (this.#phase === "none") {
      this.#capsule = capsule;
      this.#deliver(code, reason);
    }
    if (abort && this.#phase === "delivering") this.#sayGoodbye();
    return this.#done?.promise ?? resolved;
  }

  /** Something was delivered or has ended: is there anything left to wait for? */
  check(): void {
    if (this.#phase !== "delivering" || !this.#datagramsGone) return;
    for (const { send } of this.#session.streams) if (send?.undelivered === true) return;
    this.#sayGoodbye();
  }

  /** The session has ended on the wire. */
  done(): void {
    this.#phase = "done";
    this.#cancelTimeout?.();
    this.#cancelTimeout = undefined;
    this.#done?.resolve();
  }

  #deliver(code: number, reason: string): void {
    const { sessionId, datagrams, context } = this.#session;
    this.#phase = "delivering";
    this.#code = code;
    this.#reason = reason;
    this.#done = new Deferred<void>();
    const error = withoutStack(
      () =>
        new SessionError("The session is being closed here", {
          sessionId: String(sessionId),
          sessionState: "closing",
          errorCode: code,
          closeCode: code,
          reason,
        }),
    );
    this.refusal = error;
    this.#cancelTimeout = context.after(context.settings.closeTimeout, () => {
      this.#sayGoodbye();
    });
    void datagrams.finish(error).then(() => {
      this.#datagramsGone = true;
      this.check();
    });
  }

  #sayGoodbye(): void {
    if (this.#phase !== "delivering") return;
    this.#phase = "goodbye";
    const { sessionId, context } = this.#session;
    this.#cancelTimeout?.();
    this.#cancelTimeout = context.after(context.settings.closeTimeout, () => {
      this.#session.settle();
    });
    const code = this.#code;
    const reason = this.#reason;
    context.input((core) => {
      core.closeSession(sessionId, code, reason, this.#capsule);
    });
    this.#session.end({ clean: true, code, reason, by: "local" }, false);
  }
}
