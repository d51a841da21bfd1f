/** Every transition of a session's state is made in this file, by the table below. */

export type SessionState = "asked" | "held" | "offered" | "open" | "closing" | "ended" | "never";

/** What a stream or a datagram finds that names the session. */
export type SessionStanding = "requested" | "open" | "gone" | "never";

export type SessionStep =
  /** A server's application is told of the request. */
  | "offer"
  /** The answer is 2xx. */
  | "accept"
  /** There is another answer, or the request is over without one. */
  | "refuse"
  /** This side says goodbye. */
  | "close"
  /** The peer says goodbye, or one of the two breaks off. */
  | "end";

interface Row {
  readonly standing: SessionStanding;
  /** It counts against the limit of sessions at a time. */
  readonly isCounted: boolean;
  readonly next: Readonly<Partial<Record<SessionStep, SessionState>>>;
}

const table: Readonly<Record<SessionState, Row>> = {
  /** A client has sent the request; the final response has not come. */
  asked: { standing: "requested", isCounted: false, next: { accept: "open", refuse: "never" } },
  /** A server has the request, and not the peer's SETTINGS. */
  held: { standing: "requested", isCounted: true, next: { offer: "offered", refuse: "never" } },
  /** The application is to answer the request. */
  offered: { standing: "requested", isCounted: true, next: { accept: "open", refuse: "never" } },
  /** The body is capsules. */
  open: { standing: "open", isCounted: true, next: { close: "closing", end: "ended" } },
  /** This side has said goodbye, the peer has not yet. */
  closing: { standing: "gone", isCounted: true, next: { end: "ended" } },
  /** The end has been told; the stream may still have to end. */
  ended: { standing: "gone", isCounted: false, next: {} },
  /** It was not established, and will not be. */
  never: { standing: "never", isCounted: false, next: {} },
};

/** The state of one session. */
export class SessionLifecycle {
  #state: SessionState;

  constructor(state: "asked" | "held") {
    this.#state = state;
  }

  get state(): SessionState {
    return this.#state;
  }

  get standing(): SessionStanding {
    return table[this.#state].standing;
  }

  get isCounted(): boolean {
    return table[this.#state].isCounted;
  }

  /** False, and nothing is done, where the table has no such step: a second goodbye changes nothing. */
  move(step: SessionStep): boolean {
    const next = table[this.#state].next[step];
    if (next === undefined) return false;
    this.#state = next;
    return true;
  }
}
