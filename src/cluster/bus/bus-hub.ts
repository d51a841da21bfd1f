import type { BusEnvelope } from "../workers/messages.ts";
import type { LinkStats, LocalBus } from "./local-bus.ts";

/** A process that the hub hands messages to. */
export interface BusEnd {
  readonly busStats: LinkStats;
  sendBus(channel: string, from: string, payload: Buffer): void;
}

/** The middle of the bus: hands each message of this process or of a worker to all the others. */
export class BusHub {
  readonly #local: LocalBus;
  readonly #ends = new Set<BusEnd>();
  #droppedMessages = 0;
  #droppedBytes = 0;

  constructor(local: LocalBus) {
    this.#local = local;
    local.connect(
      "cluster",
      (channel, payload) => {
        this.#spread(channel, local.name, payload);
      },
      () => this.#stats(),
    );
  }

  add(end: BusEnd): void {
    this.#ends.add(end);
  }

  remove(end: BusEnd): void {
    if (!this.#ends.delete(end)) return;
    this.#droppedMessages += end.busStats.messagesDropped;
    this.#droppedBytes += end.busStats.bytesDropped;
  }

  /** From a worker. */
  receive(from: BusEnd, name: string, { channel, payload }: BusEnvelope): void {
    this.#spread(channel, name, asBuffer(payload), from);
    this.#local.receive(channel, name, payload);
  }

  #spread(channel: string, name: string, payload: Buffer, except?: BusEnd): void {
    for (const end of this.#ends) if (end !== except) end.sendBus(channel, name, payload);
  }

  #stats(): LinkStats {
    let [messagesDropped, bytesDropped, bytesQueued] = [this.#droppedMessages, this.#droppedBytes, 0];
    for (const { busStats } of this.#ends) {
      messagesDropped += busStats.messagesDropped;
      bytesDropped += busStats.bytesDropped;
      bytesQueued += busStats.bytesQueued;
    }
    return { messagesDropped, bytesDropped, bytesQueued };
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
