import { gather } from "../../base/gather.ts";
import { DeadlineList } from "../deadlines.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { StreamReset } from "../output.ts";

/** A WebTransport stream with its prefix read; it waits while its session is not established (draft-ietf-webtrans-http3 §4.6). */
export interface ParkedStream {
  readonly streamId: number;
  readonly sessionId: number;
  readonly prefixLength: number;
  readonly chunks: Uint8Array<ArrayBuffer>[];
  fin: boolean;
  reset: StreamReset | undefined;
  /** The code of the peer's STOP_SENDING. */
  stopped: bigint | undefined;
}

/**
 * Streams that have overtaken their session.
 *
 * Those of a session that has been asked for wait as long as its answer does. No credit is granted for them: QUIC's limit
 * bounds their number, the credit that each of them began with their bytes, and `maxParkedBytes` the bytes of all.
 *
 * Of those whose session nobody has asked for, a few wait for a short time. They are judged at the end of the engine's turn:
 * QUIC tells of new streams before it hands out the bytes of others, and among these may be the request itself.
 */
export class Parking {
  readonly #limits: ProtocolLimits;
  readonly #streams = new Map<number, ParkedStream>();
  /** Those whose session nobody had asked for when this was last judged. */
  readonly #unexpected = new Set<ParkedStream>();
  readonly #deadlines: DeadlineList<ParkedStream>;
  #bytes = 0;

  constructor(limits: ProtocolLimits) {
    this.#limits = limits;
    this.#deadlines = new DeadlineList(limits.parkTimeout);
  }

  get size(): number {
    return this.#streams.size;
  }

  get nextDeadline(): number {
    return this.#deadlines.next;
  }

  get(streamId: number): ParkedStream | undefined {
    return this.#streams.get(streamId);
  }

  /** False, and not added, when there is no room for its bytes. `isRequested`: somebody has asked for the session. */
  add(stream: ParkedStream, isRequested: boolean, now: number): boolean {
    const bytes = sizeOf(stream);
    if (this.#bytes + bytes > this.#limits.maxParkedBytes) return false;
    this.#bytes += bytes;
    this.#streams.set(stream.streamId, stream);
    if (!isRequested) {
      this.#unexpected.add(stream);
      this.#deadlines.set(stream, now);
    }
    return true;
  }

  /** More bytes of a stream. False when there is no room for them: then it is taken out, with them. */
  push(stream: ParkedStream, chunk: Uint8Array<ArrayBuffer>, fin: boolean): boolean {
    if (chunk.length > 0) gather(stream.chunks, chunk);
    stream.fin ||= fin;
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#limits.maxParkedBytes) return true;
    this.#remove(stream);
    return false;
  }

  /** Takes out what belongs to a session, in the order of its arrival. */
  take(sessionId: number): readonly ParkedStream[] {
    const streams = [...this.#streams.values()].filter((stream) => stream.sessionId === sessionId);
    for (const stream of streams) this.#remove(stream);
    return streams;
  }

  /** The turn is over: takes out the streams that are too many. */
  judge(isRequested: (sessionId: number) => boolean): readonly ParkedStream[] {
    const excess: ParkedStream[] = [];
    let kept = 0;
    for (const stream of this.#unexpected) {
      if (isRequested(stream.sessionId)) {
        this.#unexpected.delete(stream);
        this.#deadlines.cancel(stream);
      } else if (kept < this.#limits.maxParkedStreams) {
        kept += 1;
      } else {
        excess.push(stream);
        this.#remove(stream);
      }
    }
    return excess;
  }

  /** Takes out the streams that have waited too long. */
  expire(now: number): readonly ParkedStream[] {
    const streams = [...this.#deadlines.expire(now)];
    for (const stream of streams) this.#remove(stream);
    return streams;
  }

  #remove(stream: ParkedStream): void {
    this.#streams.delete(stream.streamId);
    this.#unexpected.delete(stream);
    this.#deadlines.cancel(stream);
    this.#bytes -= sizeOf(stream);
  }
}

/** Bytes of the body that have arrived. */
export function sizeOf({ chunks }: ParkedStream): number {
  return chunks.reduce((size, chunk) => size + chunk.length, 0);
}
