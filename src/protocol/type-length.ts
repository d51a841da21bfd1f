import { concatenate, noBytes } from "../base/bytes.ts";
import { gather } from "../base/gather.ts";
import { VarintAssembler } from "../base/varint-assembler.ts";
import { varintLength, writeVarint } from "../base/varint.ts";

/** What a payload is wanted for. */
export type PayloadUse =
  /** Whole, at its end; `begin` has checked the length against a limit. */
  | "whole"
  /** Piece by piece, as it comes. */
  | "pieces"
  | "skipped";

/** What is made of the elements. Each method may throw WireError, and may call {@link TypeLengthReader.pause}. */
export interface TypeLengthHandler {
  /** Type and length have arrived. */
  begin(type: number, length: number): PayloadUse;
  whole(type: number, payload: Uint8Array): void;
  /** Never empty. */
  piece(type: number, piece: Uint8Array): void;
}

/**
 * Splits a stream into elements of type, length and payload: the frames of HTTP/3 (RFC 9114 §7.1), or capsules
 * (RFC 9297 §3.2). Takes the stream cut at any byte, and never allocates by a declared length.
 */
export class TypeLengthReader {
  readonly #handler: TypeLengthHandler;
  readonly #varint = new VarintAssembler();
  #type: number | undefined;
  #use: PayloadUse | undefined;
  #missing = 0;
  #pieces: Uint8Array[] | undefined;
  #isPaused = false;

  constructor(handler: TypeLengthHandler) {
    this.#handler = handler;
  }

  /** Whether a clean end of the stream would end no element in its middle. */
  get isAtBoundary(): boolean {
    return this.#type === undefined && this.#varint.isEmpty;
  }

  /** Gives how many bytes were taken: all of them, unless the handler has paused. */
  push(chunk: Uint8Array): number {
    this.#isPaused = false;
    let offset = 0;
    while (!this.#isPaused && (offset < chunk.length || this.#isPayloadComplete)) {
      if (this.#use === undefined) {
        this.#header(chunk[offset] ?? 0);
        offset += 1;
      } else {
        const piece = chunk.subarray(offset, offset + Math.min(this.#missing, chunk.length - offset));
        offset += piece.length;
        this.#payload(piece);
      }
    }
    return offset;
  }

  /** For the handler: `push` returns behind what has just been told. */
  pause(): void {
    this.#isPaused = true;
  }

  get #isPayloadComplete(): boolean {
    return this.#use !== undefined && this.#missing === 0;
  }

  #header(byte: number): void {
    const value = this.#varint.push(byte);
    if (value === undefined) return;
    if (this.#type === undefined) {
      this.#type = value;
      return;
    }
    this.#missing = value;
    this.#use = this.#handler.begin(this.#type, value);
  }

  #payload(piece: Uint8Array): void {
    const type = this.#type ?? 0;
    const use = this.#use;
    this.#missing -= piece.length;
    const isComplete = this.#missing === 0;
    if (isComplete) {
      this.#type = undefined;
      this.#use = undefined;
    }
    if (use === "pieces" && piece.length > 0) this.#handler.piece(type, piece);
    if (use !== "whole") return;
    if (piece.length > 0) gather((this.#pieces ??= []), piece);
    if (!isComplete) return;
    const payload = this.#pieces === undefined ? noBytes : concatenate(this.#pieces);
    this.#pieces = undefined;
    this.#handler.whole(type, payload);
  }
}

export function encodeTypeLength(type: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = varintLength(type) + varintLength(payload.length);
  const element = new Uint8Array(header + payload.length);
  writeVarint(element, writeVarint(element, 0, type), payload.length);
  element.set(payload, header);
  return element;
}
