import { WireCodes } from "../../constants/wire-codes.ts";
import type { StreamDirection } from "../../engine/engine.ts";
import { WireError } from "../../errors/wire-error.ts";
import type { FlowResource, SessionFlowControl } from "../../protocol/webtransport/flow-control.ts";

import type { ByteMeter } from "../streams/buffer-budget.ts";
import type { ConnectionContext, WaitingStream } from "../connection/context.ts";
import type { CreditTaker, SendCredit } from "../streams/send-credit.ts";

/** Bytes that one waiting stream may send before it is the turn of the next. */
const turn = 16_384;

const nobody: ReadonlySet<WaitingStream> = new Set();

/**
 * A session's flow control (draft-ietf-webtrans-http3 §5) as its streams see it: bytes are counted where they arrive and
 * where they are read; writes and the opening of streams wait for the peer's limits. The protocol core holds the counters.
 */
export class SessionFlow implements ByteMeter, SendCredit {
  readonly #sessionId: number;
  readonly #context: ConnectionContext;
  readonly #control: SessionFlowControl;
  #writers: Set<CreditTaker> | undefined;
  /** When a send group that writers wait in was served last: the count of `#servings` then. */
  #servedAt: Map<number, number> | undefined;
  #servings = 0;
  /** Streams to be opened that wait for the session's limit. */
  #openers: Readonly<Record<StreamDirection, Set<WaitingStream>>> | undefined;
  /** Streams that the session's limit allows and that may still wait for QUIC's limit. */
  #allowed: Map<WaitingStream, WaitingStream> | undefined;
  #ended = false;

  constructor(sessionId: number, context: ConnectionContext, control: SessionFlowControl) {
    this.#sessionId = sessionId;
    this.#context = context;
    this.#control = control;
  }

  // What arrives.

  received(bytes: number): void {
    if (this.#ended) return;
    try {
      this.#control.received("data", bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#violated(error.message);
      return;
    }
    this.#tell();
  }

  consumed(bytes: number): void {
    this.#giveBack("data", bytes);
  }

  /** Bytes that the peer has sent, or counts as sent, and that will not be read. */
  skipped(bytes: number): void {
    if (bytes <= 0) return;
    this.received(bytes);
    this.consumed(bytes);
  }

  /** A stream of the peer is over. */
  streamEnded(direction: StreamDirection): void {
    this.#giveBack(direction, 1);
  }

  // What goes out.

  /** Takes credit for at most `wanted` bytes. For less than that: `writer.resume` is called when there is more. */
  take(writer: CreditTaker, wanted: number): number {
    const granted = Math.max(0, Math.min(wanted, this.#control.available("data")));
    this.#control.use("data", granted);
    if (granted < wanted) {
      this.#writers ??= new Set();
      this.#writers.add(writer);
      this.#control.block("data");
      this.#tell();
    }
    return granted;
  }

  forget(writer: CreditTaker): void {
    this.#writers?.delete(writer);
  }

  /** Opens a stream once the session's limit and then the connection's allow it. */
  open(waiter: WaitingStream): void {
    const { direction } = waiter;
    if (this.#waitingFor(direction).size > 0 || this.#control.available(direction) <= 0) {
      this.#openers ??= { bidirectional: new Set(), unidirectional: new Set() };
      this.#openers[direction].add(waiter);
      this.#control.block(direction);
      this.#tell();
      return;
    }
    this.#allow(waiter);
  }

  cancelOpen(waiter: WaitingStream): void {
    const { direction } = waiter;
    if (this.#openers?.[direction].delete(waiter) === true) return;
    const allowed = this.#allowed?.get(waiter);
    if (allowed === undefined) return;
    this.#allowed?.delete(waiter);
    this.#context.cancelOpen(allowed);
    this.#control.use(direction, -1);
    this.raised(direction);
  }

  /** The peer allows more than before. */
  raised(resource: FlowResource): void {
    if (this.#ended) return;
    if (resource === "data") {
      this.#resumeWriters();
      return;
    }
    for (const waiter of this.#waitingFor(resource)) {
      if (this.#control.available(resource) <= 0) {
        this.#control.block(resource);
        break;
      }
      this.#openers?.[resource].delete(waiter);
      this.#allow(waiter);
    }
    this.#tell();
  }

  end(): void {
    this.#ended = true;
    this.#writers?.clear();
    this.#openers?.bidirectional.clear();
    this.#openers?.unidirectional.clear();
  }

  #waitingFor(direction: StreamDirection): ReadonlySet<WaitingStream> {
    return this.#openers?.[direction] ?? nobody;
  }

  #allow(waiter: WaitingStream): void {
    const { direction } = waiter;
    this.#control.use(direction, 1);
    const allowed: WaitingStream = {
      direction,
      opened: (streamId) => {
        this.#allowed?.delete(waiter);
        waiter.opened(streamId);
      },
    };
    this.#allowed ??= new Map();
    this.#allowed.set(waiter, allowed);
    this.#context.openStream(allowed);
  }

  /** Send groups in turn; of a group the highest send order first, equals in turn. */
  #resumeWriters(): void {
    const writers = this.#writers;
    if (writers === undefined) {
      this.#tell();
      return;
    }
    const servedAt = (this.#servedAt ??= new Map());
    while (writers.size > 0 && this.#control.available("data") > 0) {
      const writer = this.#nextWriter(writers, servedAt);
      if (writer === undefined) break;
      writers.delete(writer);
      this.#servings += 1;
      servedAt.set(writer.sendGroupNumber, this.#servings);
      const offered = Math.min(turn, this.#control.available("data"));
      const used = writer.resume(offered);
      this.#control.use("data", used);
      if (used === offered) writers.add(writer);
    }
    if (writers.size > 0) this.#control.block("data");
    else servedAt.clear();
    this.#tell();
  }

  #nextWriter(writers: ReadonlySet<CreditTaker>, servedAt: ReadonlyMap<number, number>): CreditTaker | undefined {
    let first: CreditTaker | undefined;
    let firstServed = 0;
    for (const writer of writers) {
      const served = servedAt.get(writer.sendGroupNumber) ?? 0;
      const isFirst =
        first === undefined || served < firstServed || (served === firstServed && writer.sendOrder > first.sendOrder);
      if (!isFirst) continue;
      first = writer;
      firstServed = served;
    }
    return first;
  }

  #giveBack(resource: FlowResource, amount: number): void {
    if (this.#ended) return;
    this.#control.giveBack(resource, amount);
    this.#tell();
  }

  #tell(): void {
    if (!this.#control.isDue || this.#ended) return;
    this.#context.input((core) => {
      core.sendFlowControl(this.#sessionId);
    });
  }

  #violated(message: string): void {
    this.#context.input((core) => {
      core.abortSession(this.#sessionId, WireCodes.WT_FLOW_CONTROL_ERROR, message);
    });
  }
}
