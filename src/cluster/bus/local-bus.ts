import { errorText } from "../../base/error-text.ts";

import type { BusListener, BusMessage, BusStats, MessageBus } from "./message-bus.ts";
import { decodePayload, encodePayload } from "./payload.ts";

/** Hands a message to the other processes. */
export type BusLink = (channel: string, payload: Buffer) => void;

/** What a link tells of the messages that it has not been able to hand on. */
export type LinkStats = Pick<BusStats, "messagesDropped" | "bytesDropped" | "bytesQueued">;

const noLink: LinkStats = Object.freeze({ messagesDropped: 0, bytesDropped: 0, bytesQueued: 0 });

/** This process's end of the bus: its listeners and, where there are other processes, the link to them. */
export class LocalBus implements MessageBus {
  /** This process, as receivers see it. */
  name = "cluster";
  #link: BusLink | undefined;
  #linkStats: () => LinkStats = () => noLink;
  readonly #listeners = new Map<string, Set<BusListener>>();
  #sent = 0;
  #received = 0;

  connect(name: string, link: BusLink, linkStats: () => LinkStats): void {
    this.name = name;
    this.#link = link;
    this.#linkStats = linkStats;
  }

  broadcast(channel: string, data: unknown): void {
    checkChannel(channel);
    const payload = encodePayload(channel, data);
    this.#sent += 1;
    this.#link?.(channel, payload);
    queueMicrotask(() => {
      this.#deliver(payload, { channel, from: this.name, isLocal: true });
    });
  }

  on(channel: string, listener: BusListener<never>): this {
    checkChannel(channel);
    if (typeof (listener as unknown) !== "function") throw new TypeError("A listener of a channel must be a function");
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener as BusListener));
    return this;
  }

  off(channel: string, listener: BusListener<never>): this {
    const listeners = this.#listeners.get(channel);
    if (listeners?.delete(listener as BusListener) === true && listeners.size === 0) this.#listeners.delete(channel);
    return this;
  }

  /** From another process. */
  receive(channel: string, from: string, payload: Uint8Array): void {
    this.#received += 1;
    this.#deliver(payload, { channel, from, isLocal: false });
  }

  getStats(): BusStats {
    return { messagesSent: this.#sent, messagesReceived: this.#received, ...this.#linkStats() };
  }

  #deliver(payload: Uint8Array, message: BusMessage): void {
    for (const listener of [...(this.#listeners.get(message.channel) ?? [])]) {
      try {
        // Each listener gets a copy of its own: none can change what another reads.
        const result = listener(decodePayload(payload), message);
        if (result instanceof Promise) result.catch((error: unknown) => warn(error, message.channel));
      } catch (error) {
        warn(error, message.channel);
      }
    }
  }
}

function checkChannel(channel: unknown): void {
  if (typeof channel === "string" && channel !== "") return;
  throw new TypeError(`A channel must be a string that is not empty: current value is ${String(channel)}`);
}

function warn(error: unknown, channel: string): void {
  process.emitWarning(`A listener of channel "${channel}" threw: ${errorText(error)}`, { code: "WT_LISTENER" });
}
