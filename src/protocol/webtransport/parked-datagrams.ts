import { DeadlineList } from "../deadlines.ts";
import type { ProtocolLimits } from "../limits.ts";

interface ParkedDatagram {
  readonly sessionId: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

interface SessionQueue {
  /** In the order of their arrival. */
  readonly datagrams: Set<ParkedDatagram>;
  bytes: number;
}

/**
 * Datagrams that have overtaken their session. Of a session whose request has come as many wait as it would queue once
 * it is open; of others a few for a short time, which is judged at the end of the engine's turn (see `Parking`). The
 * oldest always makes place.
 */
export class ParkedDatagrams {
  readonly #limits: ProtocolLimits;
  readonly #sessions = new Map<number, SessionQueue>();
  /** Those whose session had no request when this was last judged. */
  readonly #unexpected = new Set<ParkedDatagram>();
  readonly #deadlines: DeadlineList<ParkedDatagram>;

  constructor(limits: ProtocolLimits) {
    this.#limits = limits;
    this.#deadlines = new DeadlineList(limits.parkTimeout);
  }

  get nextDeadline(): number {
    return this.#deadlines.next;
  }

  /** `isRequested`: the session's request has come. */
  add(sessionId: number, payload: Uint8Array<ArrayBuffer>, isRequested: boolean, now: number): void {
    const queue = this.#sessions.get(sessionId) ?? { datagrams: new Set(), bytes: 0 };
    this.#sessions.set(sessionId, queue);
    const datagram = { sessionId, payload };
    queue.datagrams.add(datagram);
    queue.bytes += payload.length;
    if (!isRequested) {
      this.#unexpected.add(datagram);
      this.#deadlines.set(datagram, now);
    }
    const { maxEarlyDatagrams, maxEarlyDatagramBytes } = this.#limits;
    for (const oldest of queue.datagrams) {
      if (queue.datagrams.size <= maxEarlyDatagrams && queue.bytes <= maxEarlyDatagramBytes) break;
      this.#drop(oldest);
    }
  }

  /** Takes out what belongs to a session, in the order of its arrival. */
  take(sessionId: number): readonly Uint8Array<ArrayBuffer>[] {
    const datagrams = [...(this.#sessions.get(sessionId)?.datagrams ?? [])];
    for (const datagram of datagrams) this.#drop(datagram);
    return datagrams.map(({ payload }) => payload);
  }

  /** The turn is over: drops those that are too many. */
  judge(isRequested: (sessionId: number) => boolean): void {
    for (const datagram of this.#unexpected) {
      if (!isRequested(datagram.sessionId)) continue;
      this.#unexpected.delete(datagram);
      this.#deadlines.cancel(datagram);
    }
    for (const oldest of this.#unexpected) {
      if (this.#unexpected.size <= this.#limits.maxParkedDatagrams) break;
      this.#drop(oldest);
    }
  }

  /** Drops what has waited too long. */
  expire(now: number): void {
    for (const datagram of this.#deadlines.expire(now)) this.#drop(datagram);
  }

  #drop(datagram: ParkedDatagram): void {
    const { sessionId, payload } = datagram;
    this.#unexpected.delete(datagram);
    this.#deadlines.cancel(datagram);
    const queue = this.#sessions.get(sessionId);
    if (queue?.datagrams.delete(datagram) !== true) return;
    queue.bytes -= payload.length;
    if (queue.datagrams.size === 0) this.#sessions.delete(sessionId);
  }
}
