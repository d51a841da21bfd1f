import { RingQueue } from "../base/ring-queue.ts";
import { isBidirectional } from "../base/stream-id.ts";
import type { ProtocolOutput } from "./output.ts";

/** Bytes given back to the peer at once: fewer calls, and the window never runs dry. */
const grantStep = 16_384;

/** What the core has to say, in order, until it is polled. */
export class Outputs {
  readonly #queue = new RingQueue<ProtocolOutput>();
  /** Bytes that were consumed and not yet given back, by stream. */
  #ungranted: Map<number, number> | undefined;

  /** Streams of which bytes were consumed and not yet given back. */
  get ungranted(): number {
    return this.#ungranted?.size ?? 0;
  }

  poll(): ProtocolOutput | undefined {
    return this.#queue.shift();
  }

  push(output: ProtocolOutput): void {
    this.#queue.push(output);
  }

  write(streamId: number, data: Uint8Array, fin = false): void {
    this.#queue.push({ type: "write", streamId, data, fin });
  }

  reset(streamId: number, code: bigint): void {
    this.#queue.push({ type: "reset", streamId, code });
  }

  stop(streamId: number, code: bigint): void {
    this.#queue.push({ type: "stop", streamId, code });
  }

  /** A stream of the peer that nobody wants: both halves end. */
  refuse(streamId: number, code: bigint): void {
    this.stop(streamId, code);
    if (isBidirectional(streamId)) this.reset(streamId, code);
  }

  /** Resets and stops what is left of a request's stream. */
  abandon(
    stream: { readonly id: number; readonly sendEnded: boolean; readonly receiveEnded: boolean },
    code: bigint,
  ): void {
    if (!stream.sendEnded) this.reset(stream.id, code);
    if (!stream.receiveEnded) this.stop(stream.id, code);
  }

  /** Bytes of a stream that the core reads itself. */
  consumed(streamId: number, bytes: number): void {
    const total = (this.#ungranted?.get(streamId) ?? 0) + bytes;
    if (total >= grantStep) this.#queue.push({ type: "grant", streamId, bytes: total });
    if (total >= grantStep || total === 0) this.#ungranted?.delete(streamId);
    else (this.#ungranted ??= new Map()).set(streamId, total);
  }

  /** Nothing more is read of a stream. */
  forget(streamId: number): void {
    this.#ungranted?.delete(streamId);
  }
}
