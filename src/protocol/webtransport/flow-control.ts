/** Flow control of one session (draft-ietf-webtrans-http3 §5): counters only, both directions. */
import { WireCodes } from "../../constants/wire-codes.ts";
import { CapsuleType } from "../../constants/http3.ts";
import { WireError } from "../../errors/wire-error.ts";
import { encodeVarintCapsule } from "../capsule/capsule-reader.ts";

import type { SessionLimits } from "./drafts.ts";

export type StreamKind = "bidirectional" | "unidirectional";
/** What a limit counts: bytes of all streams, or streams of a kind. */
export type FlowResource = "data" | StreamKind;

/** RFC 9000 §4.6: no limit on streams can be larger. */
const maxStreamsLimit = 1n << 60n;

/** When a new limit is announced. */
interface Announcing {
  /** As soon as so much more can be given. */
  readonly step: number;
  /** Whatever can be given, once the peer has no more left than this. */
  readonly low: number;
}

/**
 * Bytes come by the thousand, and those that wait in the engine are used up, but not counted here yet. So streams that
 * nobody reads hold the others up when they leave less than a step of the window, and the step is small; a quarter of a
 * MiB keeps the capsules few where the window is small.
 */
function announcingData(window: number): Announcing {
  return { step: Math.min(window / 2, Math.max(window / 16, 262_144)), low: 0 };
}

/** Announced early: a peer waits for each single stream, and a browser that a limit has blocked may stay blocked. */
function announcingStreams(window: number): Announcing {
  return { step: window / 8, low: window / 2 };
}

const limitCapsules: Readonly<Record<FlowResource, number>> = {
  data: CapsuleType.maxData,
  bidirectional: CapsuleType.maxStreamsBidirectional,
  unidirectional: CapsuleType.maxStreamsUnidirectional,
};
const blockedCapsules: Readonly<Record<FlowResource, number>> = {
  data: CapsuleType.dataBlocked,
  bidirectional: CapsuleType.streamsBlockedBidirectional,
  unidirectional: CapsuleType.streamsBlockedUnidirectional,
};
const resourceOfLimit = new Map<number, FlowResource>();
const resourceOfBlocked = new Map<number, FlowResource>();
for (const resource of ["data", "bidirectional", "unidirectional"] as const) {
  resourceOfLimit.set(limitCapsules[resource], resource);
  resourceOfBlocked.set(blockedCapsules[resource], resource);
}

/** What this side lets the peer use. The sum of what is used and not given back never exceeds the window. */
class Allowance {
  readonly #window: number;
  readonly #step: number;
  readonly #low: number;
  #used = 0;
  #returned = 0;
  #announced: number;

  constructor(window: number, { step, low }: Announcing) {
    this.#window = window;
    this.#announced = window;
    this.#step = Math.max(1, step);
    this.#low = low;
  }

  /** False when it is more than was announced. */
  use(amount: number): boolean {
    this.#used += amount;
    return this.#used <= this.#announced;
  }

  giveBack(amount: number): void {
    this.#returned += amount;
  }

  /** A new limit is worth announcing. */
  get isDue(): boolean {
    const gain = this.#returned + this.#window - this.#announced;
    return gain > 0 && (gain >= this.#step || this.#announced - this.#used <= this.#low);
  }

  /** The new limit; undefined when there is none. */
  take(): number | undefined {
    if (!this.isDue) return undefined;
    this.#announced = this.#returned + this.#window;
    return this.#announced;
  }
}

/** What the peer lets this side use. */
class Quota {
  #limit: number;
  #used = 0;
  #blockedAt = -1;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get available(): number {
    return this.#limit - this.#used;
  }

  use(amount: number): void {
    this.#used += amount;
  }

  /** Whether it is higher than before, the same, or lower. */
  raise(limit: number): "higher" | "same" | "lower" {
    if (limit < this.#limit) return "lower";
    if (limit === this.#limit) return "same";
    this.#limit = limit;
    return "higher";
  }

  /** The limit that holds this side up, once for every limit. */
  block(): number | undefined {
    if (this.#blockedAt === this.#limit) return undefined;
    this.#blockedAt = this.#limit;
    return this.#limit;
  }
}

/**
 * The counters of one session. Methods of the receiving side throw WireError (scope "session") for what goes over a
 * limit. After every call {@link pollCapsule} until it gives undefined.
 */
export class SessionFlowControl {
  readonly #allowances: Readonly<Record<FlowResource, Allowance>>;
  readonly #quotas: Readonly<Record<FlowResource, Quota>>;
  readonly #blocked: Uint8Array[] = [];

  /** `ours`: what this side has announced; `theirs`: what the peer has. */
  constructor(ours: SessionLimits, theirs: SessionLimits) {
    this.#allowances = {
      data: new Allowance(ours.maxData, announcingData(ours.maxData)),
      bidirectional: new Allowance(ours.maxStreamsBidirectional, announcingStreams(ours.maxStreamsBidirectional)),
      unidirectional: new Allowance(ours.maxStreamsUnidirectional, announcingStreams(ours.maxStreamsUnidirectional)),
    };
    this.#quotas = {
      data: new Quota(theirs.maxData),
      bidirectional: new Quota(theirs.maxStreamsBidirectional),
      unidirectional: new Quota(theirs.maxStreamsUnidirectional),
    };
  }

  // What the peer does.

  /** The peer has opened a stream, or body bytes of its streams have arrived. */
  received(resource: FlowResource, amount: number): void {
    if (this.#allowances[resource].use(amount)) return;
    const what = resource === "data" ? "bytes than WT_MAX_DATA" : `${resource} streams than WT_MAX_STREAMS`;
    throw violation(`more ${what} allows`);
  }

  /** The application has consumed bytes, or a stream of the peer has ended. */
  giveBack(resource: FlowResource, amount: number): void {
    this.#allowances[resource].giveBack(amount);
  }

  /** A capsule of flow control. Gives what there is more of now. Throws WireError. */
  takeCapsule(type: number, value: bigint): FlowResource | undefined {
    const blocked = resourceOfBlocked.get(type);
    const resource = blocked ?? resourceOfLimit.get(type);
    if (resource === undefined) return undefined;
    if (resource !== "data" && value > maxStreamsLimit) throw violation(`a limit of ${value} streams`);
    // The peer's telling that it is blocked changes nothing: what can be given is given in any case.
    if (blocked !== undefined) return undefined;
    // Drafts 14 to 16 forbid a lower limit. Draft 16 forbids an equal one, too, but cannot be told from 15.
    switch (this.#quotas[resource].raise(Number(value))) {
      case "lower":
        throw violation(`a limit of ${resource} lower than before`);
      case "higher":
        return resource;
      case "same":
        return undefined;
    }
  }

  // What this side does.

  /** How much more the peer allows. */
  available(resource: FlowResource): number {
    return this.#quotas[resource].available;
  }

  /** Counts what this side uses; a stream that was not opened after all is counted with -1. */
  use(resource: FlowResource, amount: number): void {
    this.#quotas[resource].use(amount);
  }

  /** This side has to wait for a higher limit: the peer is told, once for every limit. */
  block(resource: FlowResource): void {
    const limit = this.#quotas[resource].block();
    if (limit !== undefined) this.#blocked.push(encodeVarintCapsule(blockedCapsules[resource], limit));
  }

  /** There is a capsule to send. */
  get isDue(): boolean {
    const { data, bidirectional, unidirectional } = this.#allowances;
    return this.#blocked.length > 0 || data.isDue || bidirectional.isDue || unidirectional.isDue;
  }

  /** The next capsule to send, in a DATA frame. */
  pollCapsule(): Uint8Array | undefined {
    const blocked = this.#blocked.shift();
    if (blocked !== undefined) return blocked;
    for (const resource of ["data", "bidirectional", "unidirectional"] as const) {
      const limit = this.#allowances[resource].take();
      if (limit !== undefined) return encodeVarintCapsule(limitCapsules[resource], limit);
    }
    return undefined;
  }
}

function violation(what: string): WireError {
  return new WireError("session", WireCodes.WT_FLOW_CONTROL_ERROR, `session flow control: ${what}`);
}
