import { concatenate, noBytes } from "../../base/bytes.ts";
import { gather } from "../../base/gather.ts";
import { VarintAssembler } from "../../base/varint-assembler.ts";
import { encodeVarint, varintLength, writeVarint } from "../../base/varint.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { WireError } from "../../errors/wire-error.ts";

/** What a frame's payload is wanted for. */
export type PayloadUse =
  /** Whole, at its end; `begin` has checked the length against a limit. */
  | "whole"
  /** Piece by piece, as it comes. */
  | "pieces"
  | "skipped";

/** What the stream that carries the frames makes of them. Each method may throw WireError. */
export interface FrameHandler {
  /** A frame's header has arrived. */
  beginFrame(type: number, length: number): PayloadUse;
  wholeFrame(type: number, payload: Uint8Array): void;
  framePiece(type: number, piece: Uint8Array): void;
}

/** Splits a stream into HTTP/3 frames (RFC 9114 §7.1), at whatever bytes it arrives. Never allocates by a declared length. */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #varint = new VarintAssembler();
  #type: number | undefined;
  #use: PayloadUse | undefined;
  #missing = 0;
  #pieces: Uint8Array[] = [];

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** Whether a clean end of the stream would end no frame in its middle. */
  get isAtBoundary(): boolean {
    return this.#type === undefined && this.#varint.isEmpty;
  }

  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length || this.#isPayloadComplete) {
      if (this.#use === undefined) {
        this.#header(chunk[offset] ?? 0);
        offset += 1;
      } else {
        const piece = chunk.subarray(offset, offset + Math.min(this.#missing, chunk.length - offset));
        offset += piece.length;
        this.#payload(piece);
      }
    }
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
    this.#use = this.#handler.beginFrame(this.#type, value);
  }

  #payload(piece: Uint8Array): void {
    const type = this.#type ?? 0;
    this.#missing -= piece.length;
    if (this.#use === "pieces" && piece.length > 0) this.#handler.framePiece(type, piece);
    if (this.#use === "whole" && piece.length > 0) gather(this.#pieces, piece);
    if (this.#missing > 0) return;
    const whole = this.#use === "whole";
    this.#type = undefined;
    this.#use = undefined;
    if (!whole) return;
    const payload = this.#pieces.length === 0 ? noBytes : concatenate(this.#pieces);
    this.#pieces = [];
    this.#handler.wholeFrame(type, payload);
  }
}

export function encodeFrame(type: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = varintLength(type) + varintLength(payload.length);
  const frame = new Uint8Array(header + payload.length);
  writeVarint(frame, writeVarint(frame, 0, type), payload.length);
  frame.set(payload, header);
  return frame;
}

export function encodeVarints(...values: readonly (number | bigint)[]): Uint8Array {
  return concatenate(values.map((value) => encodeVarint(value)));
}

export function connectionError(code: keyof typeof WireCodes, message: string): WireError {
  return new WireError("connection", WireCodes[code], message);
}

export function streamError(code: keyof typeof WireCodes, message: string): WireError {
  return new WireError("stream", WireCodes[code], message);
}
