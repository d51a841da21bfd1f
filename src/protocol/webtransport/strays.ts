import { isBidirectional } from "../../base/stream-id.ts";

import type { FlowResource, SessionFlowControl } from "./flow-control.ts";
import type { ParkedStream } from "./parking.ts";

/** A stream that was refused before its session came, if that comes at all. */
export type Stray = Pick<ParkedStream, "streamId" | "sessionId" | "prefixLength">;

/** What streams have used of their session's limits. */
export type Usage = Readonly<Record<FlowResource, number>>;

/** Sessions whose strays are remembered. A peer with strays of more sessions loses their credit. */
const maxOwed = 64;

/** Strays, and what they count in sessions that have not come yet. */
export class Strays {
  /** Those that still count in their session when their final size is known. */
  readonly #strays = new Map<number, Stray>();
  /** What those that have ended count. */
  readonly #owed = new Map<number, Usage>();

  get count(): number {
    return this.#strays.size;
  }

  add(stray: Stray): void {
    this.#strays.set(stray.streamId, stray);
  }

  take(streamId: number): Stray | undefined {
    const stray = this.#strays.get(streamId);
    this.#strays.delete(streamId);
    return stray;
  }

  owe(sessionId: number, usage: Usage): void {
    const before = this.#owed.get(sessionId);
    this.#owed.set(sessionId, {
      data: usage.data + (before?.data ?? 0),
      bidirectional: usage.bidirectional + (before?.bidirectional ?? 0),
      unidirectional: usage.unidirectional + (before?.unidirectional ?? 0),
    });
    if (this.#owed.size <= maxOwed) return;
    const [oldest] = this.#owed.keys();
    if (oldest !== undefined) this.#owed.delete(oldest);
  }

  takeOwed(sessionId: number): Usage | undefined {
    const usage = this.#owed.get(sessionId);
    this.#owed.delete(sessionId);
    return usage;
  }

  drop(sessionId: number): void {
    this.#owed.delete(sessionId);
    for (const [streamId, stray] of this.#strays) if (stray.sessionId === sessionId) this.#strays.delete(streamId);
  }
}

export function usageOf({ streamId, prefixLength }: Stray, finalSize: number): Usage {
  const count = isBidirectional(streamId)
    ? { bidirectional: 1, unidirectional: 0 }
    : { bidirectional: 0, unidirectional: 1 };
  return { data: Math.max(0, finalSize - prefixLength), ...count };
}

/** Counts what was refused, and gives it back at once. Throws WireError for more than the session allows. */
export function countUnread(flow: SessionFlowControl, usage: Usage): void {
  for (const resource of ["bidirectional", "unidirectional", "data"] as const) {
    flow.received(resource, usage[resource]);
    flow.giveBack(resource, usage[resource]);
  }
}
