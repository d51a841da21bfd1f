/** Where a stream stands in the order of sending. */
export interface Priority {
  readonly session: number;
  /** Of the session: the same number in another session is another group. */
  readonly group: number;
  readonly order: number;
}

/** A stream that waits to send; the scheduler writes the fields. */
export interface Sendable {
  priority: Priority;
  scheduled: boolean;
}

/** Which stream sends next: sessions in turn, a session's groups in turn, of a group the highest order, equals in turn. */
export class SendScheduler<S extends Sendable> {
  readonly #sessions = new Shares<S>(
    ({ priority }) => priority.session,
    () =>
      new Shares<S>(
        ({ priority }) => priority.group,
        () => new Streams<S>(),
      ),
  );

  get isEmpty(): boolean {
    return this.#sessions.isEmpty;
  }

  push(stream: S): void {
    if (stream.scheduled) return;
    stream.scheduled = true;
    this.#sessions.push(stream);
  }

  /** Takes the next stream out. */
  pop(): S | undefined {
    const next = this.#sessions.pop();
    if (next !== undefined) next.scheduled = false;
    return next;
  }

  /** What `pop` gave has sent `bytes`. */
  served(stream: S, bytes: number): void {
    this.#sessions.served(stream, bytes);
  }

  remove(stream: S): void {
    if (!stream.scheduled) return;
    stream.scheduled = false;
    this.#sessions.remove(stream);
  }

  clear(): void {
    this.#sessions.clear();
  }
}

interface Queue<S> {
  readonly isEmpty: boolean;
  push(stream: S): void;
  pop(): S | undefined;
  served(stream: S, bytes: number): void;
  remove(stream: S): void;
}

interface Share<S> {
  readonly queue: Queue<S>;
  /** The lowest is next. */
  turn: number;
}

/** Queues that share evenly by bytes (start-time fair queueing). */
class Shares<S> implements Queue<S> {
  readonly #numberOf: (stream: S) => number;
  readonly #makeQueue: () => Queue<S>;
  readonly #shares = new Map<number, Share<S>>();
  #waiting = 0;
  /** The turn of the queue that was served last: a queue that waits again gets no earlier one. */
  #clock = 0;

  constructor(numberOf: (stream: S) => number, makeQueue: () => Queue<S>) {
    this.#numberOf = numberOf;
    this.#makeQueue = makeQueue;
  }

  get isEmpty(): boolean {
    return this.#waiting === 0;
  }

  push(stream: S): void {
    const number = this.#numberOf(stream);
    const share = this.#shares.get(number) ?? this.#add(number);
    if (share.queue.isEmpty) share.turn = Math.max(share.turn, this.#clock);
    share.queue.push(stream);
    this.#waiting += 1;
  }

  pop(): S | undefined {
    let next: Share<S> | undefined;
    for (const share of this.#shares.values()) {
      if (!share.queue.isEmpty && (next === undefined || share.turn < next.turn)) next = share;
    }
    if (next === undefined) return undefined;
    this.#waiting -= 1;
    return next.queue.pop();
  }

  served(stream: S, bytes: number): void {
    const share = this.#shares.get(this.#numberOf(stream));
    if (share === undefined || bytes === 0) return;
    share.queue.served(stream, bytes);
    this.#clock = Math.max(this.#clock, share.turn);
    share.turn += bytes;
  }

  remove(stream: S): void {
    this.#waiting -= 1;
    this.#shares.get(this.#numberOf(stream))?.queue.remove(stream);
  }

  clear(): void {
    this.#shares.clear();
    this.#waiting = 0;
  }

  #add(number: number): Share<S> {
    // A newcomer gets the same turn as the first that waits: with an earlier one, newcomers would starve it.
    let first = Infinity;
    for (const [other, { queue, turn }] of this.#shares) {
      if (!queue.isEmpty) first = Math.min(first, turn);
      // An empty queue is kept until the others have caught up with it.
      else if (turn <= this.#clock) this.#shares.delete(other);
    }
    const share = { queue: this.#makeQueue(), turn: first === Infinity ? this.#clock : first };
    this.#shares.set(number, share);
    return share;
  }
}

/** The streams of a group: the highest order first, equals in turn. */
class Streams<S extends Sendable> implements Queue<S> {
  readonly #streams: S[] = [];

  get isEmpty(): boolean {
    return this.#streams.length === 0;
  }

  push(stream: S): void {
    this.#streams.push(stream);
  }

  pop(): S | undefined {
    let next = this.#streams[0];
    for (const stream of this.#streams) {
      if (next !== undefined && stream.priority.order > next.priority.order) next = stream;
    }
    if (next !== undefined) this.remove(next);
    return next;
  }

  served(): void {}

  remove(stream: S): void {
    this.#streams.splice(this.#streams.indexOf(stream), 1);
  }
}
