import type { QuicConnection } from "../../engine/engine.ts";
import type { StreamError } from "../../errors/errors.ts";
import type { StreamReset } from "../../protocol/output.ts";

import type { BufferBudget } from "./buffer-budget.ts";
import type { ByteCounters, HalfHost, SendCredit } from "./half-host.ts";
import { quiet, rejected, resolved } from "../../async/promises.ts";
import { ReceiveHalf } from "./receive-half.ts";
import type { SendGroups } from "../session/send-groups.ts";
import { SendHalf } from "./send-half.ts";
import type { SendGroup, SendOptions, Session, StreamState } from "../types.ts";

/** What a stream needs of the session and connection it belongs to. */
export interface StreamOwner {
  readonly session: Session;
  readonly quic: QuicConnection;
  readonly budget: BufferBudget;
  readonly counters: ByteCounters;
  readonly credit: number;
  readonly highWaterMark: number;
  readonly readTimeout: number;
  readonly writeTimeout: number;
  readonly sendCredit: SendCredit | undefined;
  readonly resetStreamAt: boolean;
  readonly sendGroups: SendGroups;
  after(milliseconds: number, callback: () => void): () => void;
  prefixPending(flush: () => void): void;
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

const noPriority: SendOptions = {};

export type StreamHalves = "both" | "receive" | "send";

/** A stream's two halves and the record that the connection finds it by. */
export class StreamRecord implements HalfHost {
  readonly streamId: number;
  readonly owner: StreamOwner;
  readonly receive: ReceiveHalf | undefined;
  readonly send: SendHalf | undefined;
  /** Opened by the peer. */
  readonly incoming: boolean;
  /** Bytes before the body in what the peer sends. */
  readonly receivePrefixLength: number;
  #sendGroup: SendGroup | undefined;
  #sendOrder = 0;
  #receiveDoomed = false;
  readonly #deadlines: (() => void)[] = [];

  /** `prefix`: what a stream of our own begins with, or how many bytes the peer's has begun with. */
  constructor(
    owner: StreamOwner,
    streamId: number,
    halves: StreamHalves,
    prefix: Uint8Array | number,
    priority: SendOptions = noPriority,
  ) {
    this.owner = owner;
    this.streamId = streamId;
    this.incoming = typeof prefix === "number";
    this.receivePrefixLength = typeof prefix === "number" ? prefix : 0;
    this.receive = halves === "send" ? undefined : new ReceiveHalf(this);
    this.send = halves === "receive" ? undefined : new SendHalf(this, typeof prefix === "number" ? undefined : prefix);
    const { sendGroup, sendOrder = 0 } = priority;
    if (owner.sendGroups.session !== 0 || sendGroup !== undefined || sendOrder !== 0) {
      this.setPriority(sendGroup, sendOrder);
    }
  }

  get quic(): QuicConnection {
    return this.owner.quic;
  }
  get budget(): BufferBudget {
    return this.owner.budget;
  }
  get counters(): ByteCounters {
    return this.owner.counters;
  }
  get credit(): number {
    return this.owner.credit;
  }
  get highWaterMark(): number {
    return this.owner.highWaterMark;
  }
  get readTimeout(): number {
    return this.owner.readTimeout;
  }
  get writeTimeout(): number {
    return this.owner.writeTimeout;
  }

  get sendCredit(): SendCredit | undefined {
    return this.owner.sendCredit;
  }
  get resetStreamAt(): boolean {
    return this.owner.resetStreamAt;
  }

  after(milliseconds: number, callback: () => void): () => void {
    return this.owner.after(milliseconds, callback);
  }

  prefixPending(flush: () => void): void {
    this.owner.prefixPending(flush);
  }

  stoppedEarly(received: number): void {
    this.owner.streamStoppedEarly(this, received);
  }

  halfChanged(): void {
    if (this.over) this.#cancelDeadlines();
    this.owner.streamChanged(this);
  }

  /** Nothing more happens on the wire. */
  get over(): boolean {
    return (this.receive?.over ?? true) && (this.send?.over ?? true);
  }

  /** The peer has reset the stream because the session is gone: nothing more will come. */
  get receiveDoomed(): boolean {
    return this.#receiveDoomed;
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

  get sendGroup(): SendGroup | undefined {
    return this.#sendGroup;
  }

  get sendGroupNumber(): number {
    return this.#sendGroup?.id ?? 0;
  }

  get sendOrder(): number {
    return this.#sendOrder;
  }

  /** Throws TypeError for a group of another session. */
  setPriority(group: SendGroup | undefined, order: number): void {
    const { sendGroups } = this.owner;
    const number = sendGroups.numberOf(group);
    this.#sendGroup = group;
    this.#sendOrder = order;
    this.send?.setPriority(sendGroups.session, number, order);
  }

  /** The peer has ended a half with the code that says its session is gone. `error`: what it ends with when that never comes. */
  doom(half: "receive" | "send", error: StreamError, limit: number): void {
    const end = (): void => {
      if (half === "receive") this.receive?.receiveReset(error);
      else this.send?.stopped(error);
    };
    if (half === "send") this.send?.doom();
    else this.#receiveDoomed = true;
    this.#deadlines.push(this.after(limit, end));
  }

  /** Calls `callback` after `milliseconds`, unless the stream is over before. */
  whileReceiving(milliseconds: number, callback: () => void): void {
    this.#deadlines.push(this.after(milliseconds, callback));
  }

  #cancelDeadlines(): void {
    for (const cancel of this.#deadlines) cancel();
    this.#deadlines.length = 0;
  }
}

function firstRejection(results: readonly PromiseSettledResult<void>[]): Promise<void> {
  for (const result of results) if (result.status === "rejected") return rejected(result.reason);
  return resolved;
}
