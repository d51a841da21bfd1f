import type { ConnectionListener } from "../engine.ts";

import type { MemoryConnection } from "./memory-connection.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** Delivers the events of an endpoint's connections, in one turn for all that have come together. */
export class Turns {
  readonly #clock: VirtualClock;
  #waiting = new Set<MemoryConnection>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  eventsWaiting(connection: MemoryConnection): void {
    if (this.#waiting.size === 0) {
      this.#clock.transit(0, () => {
        this.#deliver();
      });
    }
    this.#waiting.add(connection);
  }

  #deliver(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const connection of waiting) this.#deliverTo(connection);
    for (const { listener } of waiting) {
      if (listener !== undefined) {
        guard(() => {
          listener.turnEnded();
        });
      }
    }
  }

  #deliverTo(connection: MemoryConnection): void {
    const { events } = connection;
    connection.events = [];
    for (const event of events) {
      const isAnnounced = connection.listener !== undefined;
      guard(() => {
        event(connection.listener ?? unannounced);
      });
      if (!isAnnounced && connection.listener === undefined) {
        // Nobody will ever listen to this connection.
        connection.close(0n, "");
        return;
      }
    }
  }
}

/** The first event of a server's connection brings its listener; this one is only there until then. */
const nobody = (): void => {};
const unannounced: ConnectionListener = {
  connected: nobody,
  streamOpened: nobody,
  data: nobody,
  reset: nobody,
  stopped: nobody,
  accepted: nobody,
  finished: nobody,
  streamsAvailable: nobody,
  datagram: nobody,
  datagramsWritable: nobody,
  receiveWindowLow: nobody,
  addressChanged: nobody,
  closed: nobody,
  turnEnded: nobody,
};

/** A listener that throws is a fault of the layer above: the process hears of it as of any uncaught exception. */
export function guard(action: () => void): void {
  try {
    action();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
