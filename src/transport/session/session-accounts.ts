import type { BufferBudget } from "../streams/buffer-budget.ts";
import type { SendCredit } from "../streams/send-credit.ts";
import type { SendGroups } from "./send-groups.ts";

/** What the streams of a session share, and what is counted of them. */
export class SessionAccounts {
  /** Unread bytes. */
  readonly budget: BufferBudget;
  /** Undefined where the session's bytes are not limited. */
  readonly sendCredit: SendCredit | undefined;
  readonly sendGroups: SendGroups;
  bytesSent = 0;
  bytesReceived = 0;
  streamErrors = 0;
  streamsOpened = 0;
  streamsAccepted = 0;

  constructor(budget: BufferBudget, sendGroups: SendGroups, sendCredit?: SendCredit) {
    this.budget = budget;
    this.sendCredit = sendCredit;
    this.sendGroups = sendGroups;
  }
}
