import { quiet, rejected, resolved } from "../../async/promises.ts";
import type { StreamError } from "../../errors/errors.ts";
import type { StreamReset } from "../../protocol/output.ts";
import type { SessionAccounts } from "../session/session-accounts.ts";
import type { SendOptions, Session, StreamState } from "../types.ts";

import type { HalfStream, StreamContext } from "./half-stream.ts";
import { ReceiveHalf } from "./receive-half.ts";
import { SendHalf } from "./send-half.ts";

/** The session that a stream belongs to, as far as the stream knows it. */
export interface StreamOwner {
  readonly session: Session;
  readonly context: StreamContext;
  readonly accounts: SessionAccounts;
  /** A half of the stream has ended. */
  streamChanged(stream: StreamRecord): void;
  /** RESET_STREAM of the peer. */
  streamReset(stream: StreamRecord, reset: StreamReset): void;
  /** Reading has stopped after `received` bytes of the body; the peer may have sent more. */
  streamStoppedEarly(stream: StreamRecord, received: number): void;
  /** The connection has ended, after the stream's session. */
  streamLost(stream: StreamRecord): void;
  /** STOP_SENDING of the peer. */
  streamStopped(stream: StreamRecord, wireCode: bigint): void;
}

export type StreamHalves = "both" | "receive" | "send";

/** The internal object of a stream: its halves, and what the connection finds it by. */
export class StreamRecord implements HalfStream {
  readonly streamId: number;
  readonly owner: StreamOwner;
  readonly context: StreamContext;
  readonly accounts: SessionAccounts;
  readonly receive: ReceiveHalf | undefined;
  readonly send: SendHalf | undefined;
  /** Opened by the peer. */
  readonly incoming: boolean;
  /** Bytes before the body in what the peer sends. */
  readonly receivePrefixLength: number;
  #receiveOrphaned = false;
  #deadlines: (() => void)[] | undefined;

  /** `prefix`: what a stream of our own begins with, or how many bytes the peer's has begun with. */
  constructor(
    owner: StreamOwner,
    streamId: number,
    halves: StreamHalves,
    prefix: Uint8Array | number,
    priority?: SendOptions,
  ) {
    this.owner = owner;
    this.context = owner.context;
    this.accounts = owner.accounts;
    this.streamId = streamId;
    this.incoming = typeof prefix === "number";
    this.receivePrefixLength = typeof prefix === "number" ? prefix : 0;
    this.receive = halves === "send" ? undefined : new ReceiveHalf(this);
    this.send =
      halves === "receive" ? undefined : new SendHalf(this, typeof prefix === "number" ? undefined : prefix, priority);
  }

  stoppedEarly(received: number): void {
    this.owner.streamStoppedEarly(this, received);
  }

  halfChanged(): void {
    if (this.over) this.#cancelDeadlines();
    this.owner.streamChanged(this);
  }

  /** Nothing more will happen on the wire. */
  get over(): boolean {
    return (this.receive?.over ?? true) && (this.send?.over ?? true);
  }

  /** The peer has reset the stream because the session is gone: nothing more will come. */
  get receiveOrphaned(): boolean {
    return this.#receiveOrphaned;
  }

  get error(): unknown {
    return this.receive?.error ?? this.send?.error;
  }

  get state(): StreamState {
    const { receive, send } = this;
    if (receive?.peerReset === true || send?.peerStopped === true) return "reset_received";
    if (send?.error !== undefined) return "reset_sent";
    const receiving = receive !== undefined && !receive.over;
    const sending = send !== undefined && !send.isFinished;
    if (receiving && sending) return "open";
    if (receive === undefined) return sending ? "open" : send?.over === true ? "closed" : "half_closed_local";
    if (send === undefined) return receiving ? "open" : receive.isReadable ? "half_closed_remote" : "closed";
    if (sending) return "half_closed_remote";
    return receiving || !send.over ? "half_closed_local" : "closed";
  }

  get closed(): Promise<void> {
    const { receive, send } = this;
    if (receive === undefined) return send?.closed ?? resolved;
    if (send === undefined) return receive.closed;
    return quiet(Promise.allSettled([receive.closed, send.closed]).then(firstRejection));
  }

  /**
   * The peer has ended a half with the code for "the session is gone". The end of the session says more, so the half waits
   * for it; after `limit` milliseconds it ends with `error`.
   */
  awaitSessionEnd(half: "receive" | "send", error: StreamError, limit: number): void {
    if (half === "send") this.send?.awaitSessionEnd();
    else this.#receiveOrphaned = true;
    this.unlessOver(limit, () => {
      if (half === "receive") this.receive?.receiveReset(error);
      else this.send?.stopped(error);
    });
  }

  /** Calls `callback` after `milliseconds`, unless the stream is over before. */
  unlessOver(milliseconds: number, callback: () => void): void {
    this.#deadlines ??= [];
    this.#deadlines.push(this.context.after(milliseconds, callback));
  }

  #cancelDeadlines(): void {
    if (this.#deadlines === undefined) return;
    for (const cancel of this.#deadlines) cancel();
    this.#deadlines = undefined;
  }
}

function firstRejection(results: readonly PromiseSettledResult<void>[]): Promise<void> {
  for (const result of results) if (result.status === "rejected") return rejected(result.reason);
  return resolved;
}
