/** A sending half whose bytes wait for the session's credit. */
export interface CreditTaker {
  /** The number of its send group in the session. */
  readonly sendGroupNumber: number;
  readonly sendOrder: number;
  /** Sends as many of its waiting bytes and gives how many it had. */
  resume(bytes: number): number;
}

/** Credit of the session for what its streams send. */
export interface SendCredit {
  /** How many of the bytes may go out now; for less than `wanted`, `writer.resume` is called later. */
  take(writer: CreditTaker, wanted: number): number;
  forget(writer: CreditTaker): void;
}
