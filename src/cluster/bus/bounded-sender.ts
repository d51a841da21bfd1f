import type { LinkStats } from "./local-bus.ts";

/** Sends one message over the channel between two processes; `taken` is called when the channel has taken it, or failed. */
export type SendOverChannel = (channel: string, from: string, payload: Buffer, taken: () => void) => void;

/** Beside its payload, what a message costs while it waits. */
const overhead = 256;

/**
 * Hands messages of the bus to one process. Node queues without a limit what the other side does not read: so what waits is
 * counted, and what would be more than `limit` bytes is dropped.
 */
export class BoundedSender {
  readonly #send: SendOverChannel;
  readonly #limit: number;
  readonly #overflowed: () => void;
  #queued = 0;
  #droppedMessages = 0;
  #droppedBytes = 0;
  #isOverflowing = false;

  /** `overflowed` is called with the first message of a run of dropped ones. */
  constructor(limit: number, send: SendOverChannel, overflowed: () => void) {
    this.#limit = limit;
    this.#send = send;
    this.#overflowed = overflowed;
  }

  get stats(): LinkStats {
    return { messagesDropped: this.#droppedMessages, bytesDropped: this.#droppedBytes, bytesQueued: this.#queued };
  }

  send(channel: string, from: string, payload: Buffer): void {
    const size = payload.byteLength + overhead;
    if (this.#queued + size > this.#limit) {
      this.#droppedMessages += 1;
      this.#droppedBytes += payload.byteLength;
      if (this.#isOverflowing) return;
      this.#isOverflowing = true;
      this.#overflowed();
      return;
    }
    this.#queued += size;
    this.#send(channel, from, payload, () => {
      this.#queued -= size;
      // Told again only after the queue has been half empty: a process at its limit is one piece of news, not thousands.
      if (this.#queued <= this.#limit / 2) this.#isOverflowing = false;
    });
  }
}
