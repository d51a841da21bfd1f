import { SeededRandom } from "./random.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** How frames and datagrams travel between endpoints. Times in milliseconds. */
export interface LinkConditions {
  /** One way. Default 0. */
  readonly delay?: number;
  /** Up to this much more, for each frame anew: streams and datagrams overtake each other, bytes of one stream do not. Default 0. */
  readonly jitter?: number;
  /** Probability, 0 to below 1, that a frame is lost and arrives with its retransmission, which takes three further delays and 10 ms. Default 0. */
  readonly loss?: number;
  /** Probability, 0 to 1, that a datagram never arrives. Default 0. */
  readonly datagramLoss?: number;
  /** Bytes of a stream that travel as one frame at most. Default 16384. */
  readonly frameSize?: number;
  /** Bytes of one `data` event at most: 1 splits at every byte, "random" at random ones. Default: what has arrived, within the credit. */
  readonly chunkSize?: number | "random";
  /** Largest DATAGRAM payload that the path carries. Default 1200. */
  readonly maxDatagramSize?: number;
  /** Bytes of all streams of a connection that may be unacknowledged; what is written beyond waits in its queue. Default 262144. */
  readonly sendWindow?: number;
}

const perfect: Required<LinkConditions> = {
  delay: 0,
  jitter: 0,
  loss: 0,
  datagramLoss: 0,
  frameSize: 16_384,
  chunkSize: Infinity,
  maxDatagramSize: 1200,
  sendWindow: 262_144,
};

/** Things in one lane keep their order: the bytes of a stream. `last`: when the latest of them arrives. */
export interface Lane {
  last: number;
}

/** What connects the endpoints of one engine. */
export class Link {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  #conditions = perfect;
  #isCut = false;
  #held: (() => void)[] = [];

  constructor(clock: VirtualClock, seed: number, conditions: LinkConditions) {
    this.clock = clock;
    this.random = new SeededRandom(seed);
    this.change(conditions);
  }

  get conditions(): Required<LinkConditions> {
    return this.#conditions;
  }

  /** Holds for what is sent from now on. Throws RangeError for a value out of its range. */
  change(conditions: LinkConditions): void {
    const changed = { ...this.#conditions, ...conditions };
    const unknown = Object.keys(changed).find((name) => !Object.hasOwn(perfect, name));
    if (unknown !== undefined) throw new RangeError(`Cannot set the link's conditions: there is no ${unknown}`);
    const inRange = (value: number, least: number, most: number): boolean => value >= least && value <= most;
    const { delay, jitter, loss, datagramLoss, frameSize, chunkSize, maxDatagramSize, sendWindow } = changed;
    const valid =
      inRange(delay, 0, Infinity) &&
      inRange(jitter, 0, Infinity) &&
      inRange(loss, 0, 1 - Number.EPSILON) &&
      inRange(datagramLoss, 0, 1) &&
      inRange(frameSize, 1, Infinity) &&
      (chunkSize === "random" || inRange(chunkSize, 1, Infinity)) &&
      inRange(maxDatagramSize, 0, 65_535) &&
      inRange(sendWindow, 1, Infinity);
    if (!valid)
      throw new RangeError(`Cannot set the link's conditions: a value of ${JSON.stringify(changed)} is out of range`);
    this.#conditions = changed;
  }

  /** Nothing that is sent from now on arrives, until {@link restore}. */
  cut(): void {
    this.#isCut = true;
  }

  /** What was sent in the meantime travels now, as its retransmission would; datagrams are lost. */
  restore(): void {
    this.#isCut = false;
    const held = this.#held;
    this.#held = [];
    for (const depart of held) depart();
  }

  /** Calls `arrive` when a frame that leaves now arrives, never before what went into the same lanes earlier. */
  carry(arrive: () => void, lane: Lane, floor?: Lane): void {
    if (this.#isCut) {
      this.#held.push(() => {
        this.carry(arrive, lane, floor);
      });
      return;
    }
    const { delay, loss } = this.#conditions;
    let travel = this.#travelTime();
    while (this.random.chance(loss)) travel += 3 * delay + 10;
    const now = this.clock.now();
    const at = Math.max(now + travel, lane.last, floor?.last ?? 0);
    lane.last = at;
    this.clock.transit(at - now, arrive);
  }

  /** As {@link carry}, for what may be lost and keeps no order. */
  carryDatagram(arrive: () => void, floor: Lane): void {
    if (this.#isCut || this.random.chance(this.#conditions.datagramLoss)) return;
    const now = this.clock.now();
    this.clock.transit(Math.max(now + this.#travelTime(), floor.last) - now, arrive);
  }

  #travelTime(): number {
    const { delay, jitter } = this.#conditions;
    return delay + (jitter > 0 ? this.random.next() * jitter : 0);
  }
}
