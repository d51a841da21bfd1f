import { checkOptions } from "../../config/given-options.ts";
import { anything, flag } from "../../config/option-checks.ts";
import { SessionError } from "../../errors/errors.ts";
import { withoutStack } from "../../errors/webtransport-error.ts";
import type { ConnectionContext } from "../connection/context.ts";
import type { DatagramQueue } from "../datagrams/datagram-queue.ts";
import type { CloseInfo, CloseOptions } from "../types.ts";

import { checkCloseCode, checkCloseReason } from "./close-code.ts";
import type { SessionLifecycle } from "./session-lifecycle.ts";
import type { SessionStreams } from "./session-streams.ts";

/** The session that is being closed. */
export interface ClosingSession {
  readonly sessionId: number;
  readonly context: ConnectionContext;
  readonly lifecycle: SessionLifecycle;
  readonly datagrams: DatagramQueue;
  readonly streams: SessionStreams;
  end(info: CloseInfo, settled: boolean): void;
  settle(): void;
}

/** Throws RangeError, TypeError or ConfigurationError for what a session cannot be closed with. */
export function checkCloseOptions(options: CloseOptions): void {
  checkOptions("close", options, { code: anything, reason: anything, abort: flag, capsule: flag });
  const { code = 0, reason = "", capsule = true } = options;
  checkCloseCode(code);
  checkCloseReason(reason);
  if (!capsule && (code !== 0 || reason !== "")) {
    throw new RangeError("Cannot close a session with a code or reason without a capsule");
  }
}

/**
 * The way out of a session that this side closes: deliver (finished streams and queued datagrams, at most `closeTimeout`),
 * say goodbye (capsule, FIN, and the end of everything unfinished), and wait until the peer has it (at most `closeTimeout`).
 */
export class SessionClosing {
  readonly #session: ClosingSession;
  readonly #code: number;
  readonly #reason: string;
  readonly #capsule: boolean;
  #datagramsGone = false;
  #cancelTimeout: () => void;
  /** What is asked of the session in the meantime fails with this. */
  readonly refusal: SessionError;

  /** Starts to deliver. */
  constructor(session: ClosingSession, { code = 0, reason = "", capsule = true }: CloseOptions) {
    this.#session = session;
    this.#code = code;
    this.#reason = reason;
    this.#capsule = capsule;
    const { sessionId, datagrams, context, lifecycle } = session;
    lifecycle.deliver();
    this.refusal = withoutStack(
      () =>
        new SessionError("The session is being closed here", {
          sessionId: String(sessionId),
          sessionState: "closing",
          errorCode: code,
          closeCode: code,
          reason,
        }),
    );
    this.#cancelTimeout = context.after(context.settings.closeTimeout, () => {
      this.sayGoodbye();
    });
    void datagrams.finish(this.refusal).then(() => {
      this.#datagramsGone = true;
      this.check();
    });
  }

  /** Something was delivered or has ended: is there anything left to wait for? */
  check(): void {
    const { lifecycle, streams } = this.#session;
    if (lifecycle.phase !== "delivering" || !this.#datagramsGone) return;
    for (const { send } of streams.records) if (send?.undelivered === true) return;
    this.sayGoodbye();
  }

  /** Waits no longer for delivery. */
  sayGoodbye(): void {
    const { sessionId, context, lifecycle } = this.#session;
    if (lifecycle.phase !== "delivering") return;
    this.#cancelTimeout();
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

  /** The session is closed. */
  done(): void {
    this.#cancelTimeout();
  }
}
