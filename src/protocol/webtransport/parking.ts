import { DeadlineList } from "../deadlines.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { StreamReset } from "../output.ts";

/** A WebTransport stream with its prefix read; it waits while its session is not established (draft-ietf-webtrans-http3 §4.6). */
export interface ParkedStream {
  readonly streamId: number;
  readonly sessionId: number;
  readonly prefixLength: number;
  readonly chunks: Uint8Array<ArrayBuffer>[];
  fin: boolean;
  reset: StreamReset | undefined;
  /** The code of the peer's STOP_SENDING. */
  stopped: bigint | undefined;
}

interface ParkedDatagram {
  readonly sessionId: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Streams and datagrams that have overtaken their session. */
export class Parking {
  readonly #limits: ProtocolLimits;
  readonly #streams = new Map<number, ParkedStream>();
  readonly #streamDeadlines: DeadlineList<number>;
  readonly #datagrams: DeadlineList<ParkedDatagram>;
  readonly #waitingDatagrams = new Set<ParkedDatagram>();

  constructor(limits: ProtocolLimits) {
    this.#limits = limits;
    this.#streamDeadlines = new DeadlineList(limits.parkTimeout);
    this.#datagrams = new DeadlineList(limits.parkTimeout);
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  get nextDeadline(): number {
    return Math.min(this.#streamDeadlines.next, this.#datagrams.next);
  }

  stream(streamId: number): ParkedStream | undefined {
    return this.#streams.get(streamId);
  }

  /** False when there is no place left. */
  addStream(stream: ParkedStream, now: number): boolean {
    if (this.#streams.size >= this.#limits.maxParkedStreams) return false;
    this.#streams.set(stream.streamId, stream);
    this.#streamDeadlines.set(stream.streamId, now);
    return true;
  }

  /** The oldest makes place. */
  addDatagram(sessionId: number, payload: Uint8Array<ArrayBuffer>, now: number): void {
    const [oldest] = this.#waitingDatagrams;
    if (oldest !== undefined && this.#waitingDatagrams.size >= this.#limits.maxParkedDatagrams) this.#drop(oldest);
    const datagram = { sessionId, payload };
    this.#waitingDatagrams.add(datagram);
    this.#datagrams.set(datagram, now);
  }

  /** Takes out what belongs to a session, in the order of its arrival. */
  takeStreams(sessionId: number): readonly ParkedStream[] {
    const streams = [...this.#streams.values()].filter((stream) => stream.sessionId === sessionId);
    for (const { streamId } of streams) {
      this.#streams.delete(streamId);
      this.#streamDeadlines.cancel(streamId);
    }
    return streams;
  }

  takeDatagrams(sessionId: number): readonly Uint8Array<ArrayBuffer>[] {
    const datagrams = [...this.#waitingDatagrams].filter((datagram) => datagram.sessionId === sessionId);
    for (const datagram of datagrams) this.#drop(datagram);
    return datagrams.map(({ payload }) => payload);
  }

  /** Drops what has waited too long, and gives the streams, which must be refused. */
  expire(now: number): readonly ParkedStream[] {
    for (const datagram of this.#datagrams.expire(now)) this.#waitingDatagrams.delete(datagram);
    const streams: ParkedStream[] = [];
    for (const streamId of this.#streamDeadlines.expire(now)) {
      const stream = this.#streams.get(streamId);
      this.#streams.delete(streamId);
      if (stream !== undefined) streams.push(stream);
    }
    return streams;
  }

  #drop(datagram: ParkedDatagram): void {
    this.#waitingDatagrams.delete(datagram);
    this.#datagrams.cancel(datagram);
  }
}
