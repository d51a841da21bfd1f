import type { WebTransportSession } from "../client/index.ts";

import type { Transport } from "./transport.ts";

/** Datagrams that may wait in each direction unless the script says otherwise. */
const defaultMaxBuffered = 256;

/** The size that is told before the session is established: every QUIC path carries so many bytes (RFC 9000 §14). */
const initialMaxDatagramSize = 1024;

/** Ends a writable of datagrams. */
export type EndWritable = (error: unknown) => void;

/** What the datagrams' streams of one session share: its settings, and what is to end with it. */
export class DatagramState {
  readonly transport: Transport;
  readonly writables = new Set<EndWritable>();
  /** Milliseconds; null: no limit. */
  outgoingMaxAge: number | null = null;
  outgoingMaxBuffered = defaultMaxBuffered;
  /** Datagrams that became too old before the session could take them. */
  expiredOutgoing = 0;
  #maxDatagramSize = initialMaxDatagramSize;
  #incomingMaxAge: number | null = null;
  #incomingMaxBuffered = defaultMaxBuffered;

  constructor(transport: Transport) {
    this.transport = transport;
    transport.established.then(
      (session) => {
        // Here the writables hold back what is too much: the session need drop nothing.
        session.datagrams.outgoingHighWaterMark = Infinity;
        this.#configure(session);
      },
      () => {},
    );
  }

  get maxDatagramSize(): number {
    const { session } = this.transport;
    if (session !== undefined) this.#maxDatagramSize = session.datagrams.maxDatagramSize;
    return this.#maxDatagramSize;
  }

  get incomingMaxAge(): number | null {
    return this.#incomingMaxAge;
  }
  set incomingMaxAge(milliseconds: number | null) {
    this.#incomingMaxAge = milliseconds;
    this.#configure(this.transport.session);
  }

  get incomingMaxBuffered(): number {
    return this.#incomingMaxBuffered;
  }
  set incomingMaxBuffered(datagrams: number) {
    this.#incomingMaxBuffered = datagrams;
    this.#configure(this.transport.session);
  }

  end(error: unknown): void {
    for (const endWritable of [...this.writables]) endWritable(error);
    this.writables.clear();
  }

  #configure(session: WebTransportSession | undefined): void {
    if (session === undefined) return;
    session.datagrams.incomingHighWaterMark = this.#incomingMaxBuffered;
    session.datagrams.incomingMaxAge = this.#incomingMaxAge ?? Infinity;
  }
}
