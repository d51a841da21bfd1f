import type { ConnectionListener, TransportOptions } from "../engine.ts";

import type { Link } from "./link.ts";
import { ReceiveHalf } from "./receive-half.ts";
import type { PeerReceiving } from "./sending.ts";

/** What {@link Receiving} needs of its connection. */
export interface ReceivingHost {
  readonly link: Link;
  emit(event: (listener: ConnectionListener) => void): void;
  readonly wire: {
    /** A frame that needs no acknowledgement of its own: `arrive` happens at the peer. */
    tell(arrive: () => void): void;
    /** As `tell`, before all that leaves at the end of the turn. */
    tellAhead(arrive: () => void): void;
  };
  readonly streams: StreamTable & { halfDone(streamId: number): void };
  readonly peer: { readonly streams: StreamTable; readonly sending: PeerSending };
}

interface StreamTable {
  /** Makes the stream known, and all of its kind before it (RFC 9000 §2.1). */
  ensureOpened(streamId: number): void;
}

export interface PeerSending {
  stopped(streamId: number, code: bigint): void;
  raiseStreamLimit(streamId: number, limit: number): void;
  raiseLimit(limit: number): void;
}

type ReceiveOptions = Required<Pick<TransportOptions, "streamReceiveWindow" | "receiveWindow" | "initialCredit">>;

/** All receiving halves of a connection: credit, windows, and the order of data, FIN and reset. */
export class Receiving implements PeerReceiving {
  readonly #host: ReceivingHost;
  readonly #options: ReceiveOptions;
  readonly #halves = new Map<number, ReceiveHalf>();
  /** Ended with a FIN that the listener has not been told yet: they can still be stopped. */
  readonly #ending = new Map<number, ReceiveHalf>();
  #limit: number;
  #window: number;
  #consumed = 0;
  /** Bytes that wait for credit, of all halves together. */
  #unread = 0;
  /** `receiveWindowLow` is to be told when it is so. */
  #tellsLowWindow = true;

  constructor(host: ReceivingHost, options: ReceiveOptions) {
    this.#host = host;
    this.#options = options;
    this.#limit = options.receiveWindow;
    this.#window = options.receiveWindow;
  }

  has(streamId: number): boolean {
    return this.#halves.has(streamId);
  }

  add(streamId: number): void {
    const { initialCredit, streamReceiveWindow } = this.#options;
    this.#halves.set(streamId, new ReceiveHalf(streamId, initialCredit, streamReceiveWindow));
  }

  stop(streamId: number, code: bigint): void {
    const half = this.#halves.get(streamId) ?? this.#ending.get(streamId);
    if (half === undefined || half.stopCode !== undefined) return;
    half.stopCode = code;
    // Its last event is on its way: `#tellData` finds that it was stopped.
    if (!this.#halves.has(streamId)) return;
    this.#unread -= half.buffered;
    half.drop();
    this.#consume(half, half.received - half.consumed);
    if (half.isComplete) {
      this.#tellReset(half, code);
      return;
    }
    const { resetCode } = half;
    // Of a reset, the peer may still be sending what it left reliable.
    if (resetCode === undefined || half.received < half.reliableSize) {
      this.#host.wire.tellAhead(() => {
        const { peer } = this.#host;
        peer.streams.ensureOpened(streamId);
        peer.sending.stopped(streamId, code);
      });
    }
    if (resetCode !== undefined) this.#tellReset(half, resetCode);
  }

  grant(streamId: number, bytes: number): void {
    const half = this.#halves.get(streamId);
    if (half === undefined) return;
    half.credit += bytes;
    this.#deliver(half);
  }

  setWindow(bytes: number): number {
    if (bytes !== this.#window) {
      this.#window = bytes;
      if (this.#consumed + bytes > this.#limit) this.#raiseLimit();
      this.#tellsLowWindow = true;
      this.#tellLowWindow();
    }
    return Math.max(bytes, this.#limit - this.#consumed);
  }

  unreadBytes(streamId?: number): number {
    if (streamId === undefined) return this.#unread;
    return this.#halves.get(streamId)?.buffered ?? 0;
  }

  /** The connection ends: what has arrived comes now, whatever the credit. */
  deliverEverything(): void {
    const halves = [...this.#halves.values()].sort((a, b) => a.streamId - b.streamId);
    for (const half of halves) {
      half.credit = Infinity;
      if (half.stopCode === undefined) this.#deliver(half);
    }
  }

  clear(): void {
    this.#halves.clear();
    this.#ending.clear();
  }

  // What arrives.

  data(streamId: number, offset: number, bytes: Uint8Array, fin: boolean): void {
    this.#host.streams.ensureOpened(streamId);
    const half = this.#halves.get(streamId);
    if (half === undefined) return;
    if (fin) half.finalSize = offset + bytes.byteLength;
    const { resetCode } = half;
    const wanted = resetCode === undefined ? bytes : bytes.subarray(0, Math.max(0, half.reliableSize - offset));
    half.received += wanted.byteLength;
    if (half.stopCode !== undefined) {
      this.#consume(half, wanted.byteLength);
      if (half.isComplete) this.#tellReset(half, half.stopCode);
      return;
    }
    half.push(wanted);
    this.#unread += wanted.byteLength;
    this.#deliver(half);
    this.#tellLowWindow();
  }

  reset(streamId: number, code: bigint, finalSize: number, reliableSize: number): void {
    this.#host.streams.ensureOpened(streamId);
    const half = this.#halves.get(streamId);
    // RFC 9000 §3.2: once everything has arrived a reset may be ignored.
    if (half === undefined || half.isComplete) return;
    // A further reset can only leave less of the stream.
    if (half.resetCode !== undefined && reliableSize >= half.reliableSize) return;
    half.resetCode = code;
    half.finalSize = finalSize;
    half.reliableSize = reliableSize;
    if (half.stopCode !== undefined) {
      this.#tellReset(half, code);
      return;
    }
    this.#unread -= half.buffered;
    half.truncate(reliableSize);
    this.#unread += half.buffered;
    this.#deliver(half);
  }

  #deliver(half: ReceiveHalf): void {
    while (half.buffered > 0 && half.credit > 0) {
      const chunk = half.take(Math.min(half.credit, this.#chunkSize()));
      half.credit -= chunk.byteLength;
      this.#unread -= chunk.byteLength;
      this.#consume(half, chunk.byteLength);
      const fin = half.isComplete && half.buffered === 0 && !this.#splitsFin();
      this.#tellData(half, chunk, fin);
      if (fin) {
        this.#end(half);
        return;
      }
    }
    if (half.buffered > 0) return;
    if (half.isComplete) {
      this.#tellData(half, new Uint8Array(0), true);
      this.#end(half);
    } else if (half.resetCode !== undefined && half.received >= half.reliableSize) {
      this.#tellReset(half, half.resetCode);
    }
  }

  #chunkSize(): number {
    const { chunkSize } = this.#host.link.conditions;
    return chunkSize === "random" ? this.#host.link.random.upTo(64) : chunkSize;
  }

  /** Whether FIN comes as an event of its own, as it does when it travels alone. */
  #splitsFin(): boolean {
    return this.#host.link.conditions.chunkSize !== Infinity && this.#host.link.random.chance(0.5);
  }

  #tellData(half: ReceiveHalf, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    const { streamId } = half;
    if (fin) this.#ending.set(streamId, half);
    this.#host.emit((listener) => {
      if (fin) this.#ending.delete(streamId);
      if (half.stopCode === undefined) listener.data(streamId, chunk, fin);
      else if (fin) listener.reset(streamId, half.stopCode, half.finalSize ?? half.received, 0);
    });
  }

  #tellReset(half: ReceiveHalf, code: bigint): void {
    const { streamId, finalSize = half.received, reliableSize, stopCode } = half;
    this.#host.emit((listener) => {
      listener.reset(streamId, code, finalSize, stopCode === undefined ? reliableSize : 0);
    });
    this.#end(half);
  }

  /** The half counts against neither window any more; the peer may send more. */
  #consume(half: ReceiveHalf, bytes: number): void {
    half.consumed += bytes;
    this.#consumed += bytes;
    const { streamReceiveWindow } = this.#options;
    const { streamId } = half;
    const streamLimit = half.consumed + streamReceiveWindow;
    // Beyond the final size there is nothing to allow.
    const needsMore = half.limit < (half.finalSize ?? Infinity);
    if (needsMore && streamLimit - half.limit >= Math.max(1, streamReceiveWindow / 8)) {
      half.limit = streamLimit;
      this.#host.wire.tell(() => {
        this.#host.peer.sending.raiseStreamLimit(streamId, streamLimit);
      });
    }
    // What is worth telling is measured by what the peer can still send.
    const step = Math.max(1, (this.#window - this.#unread) / 8);
    if (this.#consumed + this.#window - this.#limit >= step) this.#raiseLimit();
  }

  #raiseLimit(): void {
    const limit = this.#consumed + this.#window;
    this.#limit = limit;
    this.#host.wire.tell(() => {
      this.#host.peer.sending.raiseLimit(limit);
    });
  }

  #tellLowWindow(): void {
    if (!this.#tellsLowWindow) return;
    const free = Math.max(this.#window, this.#limit - this.#consumed) - this.#unread;
    if (free >= this.#options.receiveWindow / 2) return;
    this.#tellsLowWindow = false;
    this.#host.emit((listener) => {
      listener.receiveWindowLow();
    });
  }

  #end(half: ReceiveHalf): void {
    this.#halves.delete(half.streamId);
    this.#consume(half, (half.finalSize ?? half.consumed) - half.consumed);
    this.#host.streams.halfDone(half.streamId);
  }
}
