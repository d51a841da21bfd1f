import { isBidirectional } from "../../base/stream-id.ts";
import { VarintAssembler } from "../../base/varint-assembler.ts";
import { FrameType, StreamType } from "../../constants/http3.ts";

/**
 * What the first bytes of a stream say it is. `consumed` counts those of the last chunk that belong to the prefix;
 * `stopped` is the code of the STOP_SENDING that has overtaken them.
 */
export type Opening =
  | {
      readonly kind: "webTransport";
      readonly sessionId: number;
      readonly consumed: number;
      /** Of all chunks. */
      readonly prefixLength: number;
      readonly stopped: bigint | undefined;
    }
  /** A unidirectional stream of HTTP/3 or QPACK, or of a type that nobody knows. */
  | { readonly kind: "typed"; readonly streamType: number; readonly consumed: number }
  /** A request: `replay` are the bytes of earlier chunks, which belong to its first frame. */
  | {
      readonly kind: "request";
      readonly replay: Uint8Array;
      readonly consumed: 0;
      readonly stopped: bigint | undefined;
    };

/** Reads a stream's first bytes (draft-ietf-webtrans-http3 §4.2 and §4.3), at whatever bytes they arrive. */
export class StreamOpening {
  readonly streamId: number;
  /** The code of the peer's STOP_SENDING. */
  stopped: bigint | undefined;
  readonly #varint = new VarintAssembler();
  readonly #isBidirectional: boolean;
  readonly #earlier: number[] = [];
  #length = 0;
  #hasType = false;

  constructor(streamId: number) {
    this.streamId = streamId;
    this.#isBidirectional = isBidirectional(streamId);
  }

  get isEmpty(): boolean {
    return !this.#hasType && this.#varint.isEmpty;
  }

  push(chunk: Uint8Array): Opening | undefined {
    const { stopped } = this;
    let offset = 0;
    for (const byte of chunk) {
      offset += 1;
      const value = this.#varint.push(byte);
      if (value === undefined) continue;
      if (this.#hasType) {
        const prefixLength = this.#length + offset;
        return { kind: "webTransport", sessionId: value, consumed: offset, prefixLength, stopped };
      }
      const signal = this.#isBidirectional ? FrameType.webTransportStream : StreamType.webTransport;
      if (value === signal) this.#hasType = true;
      else if (!this.#isBidirectional) return { kind: "typed", streamType: value, consumed: offset };
      else return { kind: "request", replay: Uint8Array.from(this.#earlier), consumed: 0, stopped };
    }
    this.#length += chunk.length;
    if (!this.#hasType) for (const byte of chunk) this.#earlier.push(byte);
    return undefined;
  }
}
