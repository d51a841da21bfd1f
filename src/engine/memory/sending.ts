import type { ConnectionListener, TransportOptions } from "../engine.ts";

import type { Lane, Link } from "./link.ts";
import { SendHalf } from "./send-half.ts";
import { SendScheduler } from "./send-scheduler.ts";
import type { Priority } from "./send-scheduler.ts";

/** Bytes that a stream may put on the wire before the next one's turn, when several wait. */
const quantum = 32_768;

/** What {@link Sending} needs of its connection. */
export interface SendingHost {
  readonly link: Link;
  emit(event: (listener: ConnectionListener) => void): void;
  readonly wire: {
    /** A frame for the end of the turn; `arrive` happens at the peer, which acknowledges it with `acknowledged`. */
    post(frame: OutgoingFrame): void;
    /** Takes back the frames of a stream that are not on the wire yet. */
    withdraw(keep: (frame: OutgoingFrame) => OutgoingFrame | undefined): void;
  };
  readonly streams: { halfDone(streamId: number): void };
  readonly peer: { readonly receiving: PeerReceiving };
}

export interface OutgoingFrame {
  readonly lane: Lane;
  readonly size: number;
  /** Of a STREAM frame. */
  readonly half?: SendHalf;
  readonly offset?: number;
  readonly bytes?: Uint8Array;
  readonly fin?: boolean;
  arrive(): void;
  acknowledged?(): void;
}

/** What arrives at the other end. */
export interface PeerReceiving {
  data(streamId: number, offset: number, bytes: Uint8Array, fin: boolean): void;
  reset(streamId: number, code: bigint, finalSize: number, reliableSize: number): void;
}

/** All sending halves of a connection: queues, flow control, order and acknowledgements. */
export class Sending {
  readonly #host: SendingHost;
  readonly #halves = new Map<number, SendHalf>();
  readonly #scheduler = new SendScheduler<SendHalf>();
  #streamLimit = 0;
  /** The peer's limit for all streams together, and what was sent of it. */
  #limit = 0;
  #sent = 0;
  #inFlight = 0;

  constructor(host: SendingHost) {
    this.#host = host;
  }

  /** The peer's transport parameters are known. */
  begin(peer: Required<Pick<TransportOptions, "streamReceiveWindow" | "receiveWindow">>): void {
    this.#streamLimit = peer.streamReceiveWindow;
    this.#limit = peer.receiveWindow;
  }

  has(streamId: number): boolean {
    return this.#halves.has(streamId);
  }

  add(streamId: number): void {
    this.#halves.set(streamId, new SendHalf(streamId, this.#streamLimit));
  }

  write(streamId: number, data: Uint8Array, fin: boolean): number {
    const half = this.#halves.get(streamId);
    if (half === undefined || half.isReset || half.isFinished) return 0;
    half.enqueue(data, fin);
    if (half.scheduled || !half.wantsToSend) return 0;
    const before = half.sent;
    // FIN needs no window, and nobody is overtaken by it.
    if (this.#scheduler.isEmpty || half.queued === 0) this.#pump(half, Infinity);
    const taken = half.sent - before;
    this.#schedule(half);
    return taken;
  }

  reset(streamId: number, code: bigint, reliableSize: number): void {
    const half = this.#halves.get(streamId);
    // A further reset can only leave less of the stream.
    if (half === undefined || (half.isReset && reliableSize >= half.reliableSize)) return;
    this.#scheduler.remove(half);
    const { isReset, queued } = half;
    const finalSize = half.reset(code, reliableSize);
    // RFC 9000 §4.5: what is dropped of an announced final size counts as sent.
    if (isReset) this.#sent += queued - half.queued;
    const { resetCode = code, reliableSize: reliable } = half;
    this.#host.wire.withdraw((frame) => (frame.half === half ? this.#cut(frame, half) : frame));
    this.#pump(half, Infinity);
    this.#schedule(half);
    this.#host.wire.post({
      lane: { last: 0 },
      size: 24,
      arrive: () => {
        this.#host.peer.receiving.reset(streamId, resetCode, finalSize, reliable);
      },
      acknowledged: () => {
        half.resetAcknowledged ||= reliable === half.reliableSize;
        this.#checkDone(half);
      },
    });
    // Others may use the window that the stream had.
    this.fill();
  }

  setPriority(streamId: number, priority: Priority): void {
    const half = this.#halves.get(streamId);
    if (half === undefined) return;
    const { session, group, order } = half.priority;
    if (session === priority.session && group === priority.group && order === priority.order) return;
    const { scheduled } = half;
    this.#scheduler.remove(half);
    half.priority = priority;
    if (scheduled) this.#scheduler.push(half);
  }

  // What the peer's end tells.

  stopped(streamId: number, code: bigint): void {
    const half = this.#halves.get(streamId);
    if (half === undefined) return;
    const { isReset } = half;
    this.reset(streamId, code, 0);
    if (isReset) return;
    this.#host.emit((listener) => {
      listener.stopped(streamId, code);
    });
  }

  raiseStreamLimit(streamId: number, limit: number): void {
    const half = this.#halves.get(streamId);
    if (half === undefined || limit <= half.limit) return;
    half.limit = limit;
    this.#schedule(half);
    this.fill();
  }

  raiseLimit(limit: number): void {
    this.#limit = Math.max(this.#limit, limit);
    this.fill();
  }

  clear(): void {
    this.#halves.clear();
    this.#scheduler.clear();
  }

  /** Lets those that wait send what window and limits allow. */
  fill(): void {
    while (this.#room > 0) {
      const half = this.#scheduler.pop();
      if (half === undefined) return;
      const before = half.sent;
      this.#pump(half, quantum);
      this.#scheduler.served(half, half.sent - before);
      this.#tellAccepted(half, half.sent - before);
      this.#schedule(half);
    }
  }

  get #room(): number {
    return Math.min(this.#host.link.conditions.sendWindow - this.#inFlight, this.#limit - this.#sent);
  }

  #schedule(half: SendHalf): void {
    // A stream that only waits for its own limit would keep others from their turn.
    if (half.wantsToSend && half.sent < half.limit) this.#scheduler.push(half);
  }

  /** Puts at most `most` bytes of the queue on the wire, and FIN behind the last one. */
  #pump(half: SendHalf, most: number): void {
    const { frameSize } = this.#host.link.conditions;
    for (let left = most; half.queued > 0 && left > 0;) {
      const allowed = Math.min(left, this.#room, half.limit - half.sent, frameSize);
      if (allowed <= 0) return;
      const offset = half.sent;
      const bytes = half.take(allowed);
      left -= bytes.byteLength;
      this.#sent += bytes.byteLength;
      this.#inFlight += bytes.byteLength;
      this.#postData(half, offset, bytes, half.queued === 0 && half.isFinished && !half.isReset);
    }
    if (half.wantsToSend && half.queued === 0) this.#postData(half, half.sent, new Uint8Array(0), true);
  }

  #postData(half: SendHalf, offset: number, bytes: Uint8Array, fin: boolean): void {
    half.finSent ||= fin;
    this.#host.wire.post(this.#frame(half, offset, bytes, fin));
  }

  #frame(half: SendHalf, offset: number, bytes: Uint8Array, fin: boolean): OutgoingFrame {
    return {
      half,
      offset,
      bytes,
      fin,
      lane: half.lane,
      size: 8 + bytes.byteLength,
      arrive: () => {
        this.#host.peer.receiving.data(half.streamId, offset, bytes, fin);
      },
      acknowledged: () => {
        this.#inFlight -= bytes.byteLength;
        half.acknowledged += bytes.byteLength;
        half.finAcknowledged ||= fin;
        this.#checkDone(half);
        this.fill();
      },
    };
  }

  /** What is left of a frame whose stream has been reset. */
  #cut(frame: OutgoingFrame, half: SendHalf): OutgoingFrame | undefined {
    const { offset = 0, bytes = new Uint8Array(0) } = frame;
    const kept = Math.max(0, Math.min(bytes.byteLength, half.reliableSize - offset));
    this.#inFlight -= bytes.byteLength - kept;
    return kept === 0 ? undefined : this.#frame(half, offset, bytes.subarray(0, kept), false);
  }

  #tellAccepted(half: SendHalf, bytes: number): void {
    if (bytes === 0) return;
    half.accepted += bytes;
    if (half.accepted > bytes) return;
    this.#host.emit((listener) => {
      const { accepted } = half;
      half.accepted = 0;
      if (!half.isReset) listener.accepted(half.streamId, accepted);
    });
  }

  #checkDone(half: SendHalf): void {
    if (!half.isDone || this.#halves.get(half.streamId) !== half) return;
    this.#halves.delete(half.streamId);
    this.#host.emit((listener) => {
      listener.finished(half.streamId);
    });
    this.#host.streams.halfDone(half.streamId);
  }
}
