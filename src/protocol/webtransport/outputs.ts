import { RingQueue } from "../../base/ring-queue.ts";
import type { ProtocolOutput } from "../output.ts";

/** Bytes given back to the peer at once: fewer calls, and the window never runs dry. */
const grantStep = 16_384;

/** What the core has to say, in order, until it is polled. */
export class Outputs {
  readonly #queue = new RingQueue<ProtocolOutput>();
  /** Bytes that were consumed and not yet given back, by stream. */
  readonly #ungranted = new Map<number, number>();

  /** Streams of which bytes were consumed and not yet given back. */
  get ungranted(): number {
    return this.#ungranted.size;
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
    if ((streamId & 2) === 0) this.reset(streamId, code);
  }

  /** Bytes of a stream that the core reads itself. */
  consumed(streamId: number, bytes: number): void {
    const total = (this.#ungranted.get(streamId) ?? 0) + bytes;
    if (total >= grantStep) this.#queue.push({ type: "grant", streamId, bytes: total });
    if (total >= grantStep || total === 0) this.#ungranted.delete(streamId);
    else this.#ungranted.set(streamId, total);
  }

  /** Nothing more is read of a stream. */
  forget(streamId: number): void {
    this.#ungranted.delete(streamId);
  }
}
