import type { StreamDirection } from "../../engine/engine.ts";
import type { BufferBudget } from "../streams/buffer-budget.ts";
import type { SendCredit } from "../streams/send-credit.ts";
import { Traffic } from "../traffic.ts";
import type { SendGroups } from "./send-groups.ts";

/** What the streams of a session share, and what is counted of them. */
export class SessionAccounts {
  /** Unread bytes. */
  readonly budget: BufferBudget;
  /** Undefined where the session's bytes are not limited. */
  readonly sendCredit: SendCredit | undefined;
  readonly sendGroups: SendGroups;
  /** Of all sessions of the server together. */
  readonly #traffic: Traffic;
  bytesSent = 0;
  bytesReceived = 0;
  streamErrors = 0;
  streamsOpened = 0;
  streamsAccepted = 0;
  /** Of both sides. */
  unidirectionalStreams = 0;

  constructor(budget: BufferBudget, sendGroups: SendGroups, sendCredit?: SendCredit, traffic = new Traffic()) {
    this.budget = budget;
    this.sendCredit = sendCredit;
    this.sendGroups = sendGroups;
    this.#traffic = traffic;
  }

  sent(bytes: number): void {
    this.bytesSent += bytes;
    this.#traffic.bytesSent += bytes;
  }

  received(bytes: number): void {
    this.bytesReceived += bytes;
    this.#traffic.bytesReceived += bytes;
  }

  streamOpened(direction: StreamDirection): void {
    this.#count(direction);
    this.streamsOpened += 1;
    this.#traffic.streamsOpened += 1;
  }

  streamAccepted(direction: StreamDirection): void {
    this.#count(direction);
    this.streamsAccepted += 1;
    this.#traffic.streamsAccepted += 1;
  }

  streamFailed(): void {
    this.streamErrors += 1;
    this.#traffic.streamErrors += 1;
  }

  #count(direction: StreamDirection): void {
    if (direction === "unidirectional") this.unidirectionalStreams += 1;
  }
}
