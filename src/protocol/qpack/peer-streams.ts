/** The peer's QPACK streams, when our dynamic table has capacity 0 and we never insert into the peer's (RFC 9204 §4.3, §4.4). */
import { concatenate, noBytes } from "../../base/bytes.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { WireError } from "../../errors/wire-error.ts";

import { HuffmanError } from "./huffman.ts";
import { QpackError, QpackReader, QpackTruncated } from "./prefix-integer.ts";
import { staticTable } from "./static-table.ts";

/** An instruction that is still incomplete after so many bytes is an error. */
const maxInstruction = 16_384;

/** Reads one instruction; throws QpackError when it is not allowed, QpackTruncated when more bytes are needed. */
type ReadInstruction = (reader: QpackReader) => void;

/** Instructions of one of the two streams, which arrive in pieces. */
export class QpackPeerStream {
  readonly #read: ReadInstruction;
  readonly #code: bigint;
  #pending: Uint8Array = noBytes;

  private constructor(read: ReadInstruction, code: bigint) {
    this.#read = read;
    this.#code = code;
  }

  static encoder(): QpackPeerStream {
    return new QpackPeerStream(readEncoderInstruction, WireCodes.QPACK_ENCODER_STREAM_ERROR);
  }

  static decoder(): QpackPeerStream {
    return new QpackPeerStream(readDecoderInstruction, WireCodes.QPACK_DECODER_STREAM_ERROR);
  }

  push(chunk: Uint8Array): void {
    const bytes = this.#pending.length === 0 ? chunk : concatenate([this.#pending, chunk]);
    const reader = new QpackReader(bytes);
    let read = 0;
    try {
      while (!reader.isAtEnd) {
        this.#read(reader);
        read = reader.offset;
      }
    } catch (error) {
      if (!(error instanceof QpackError || error instanceof HuffmanError)) throw error;
      if (!(error instanceof QpackTruncated) || bytes.length - read > maxInstruction) {
        throw new WireError("connection", this.#code, error.message);
      }
    }
    this.#pending = read === bytes.length ? noBytes : bytes.slice(read);
  }
}

function readEncoderInstruction(reader: QpackReader): void {
  const first = reader.peek();
  if ((first & 0xe0) === 0x20) {
    const capacity = reader.integer(5);
    if (capacity > 0) throw new QpackError(`capacity ${capacity}, allowed is 0`);
    return;
  }
  if ((first & 0xc0) === 0xc0 && reader.integer(6) >= staticTable.length)
    throw new QpackError("a static index past 98");
  throw new QpackError("an insertion into a dynamic table of capacity 0");
}

function readDecoderInstruction(reader: QpackReader): void {
  const first = reader.peek();
  // Stream Cancellation is sent for streams that referred to nothing, too (RFC 9204 §2.2.2.2).
  if ((first & 0xc0) === 0x40) {
    reader.integer(6);
    return;
  }
  const isAcknowledgment = (first & 0x80) !== 0;
  reader.integer(isAcknowledgment ? 7 : 6);
  throw new QpackError(isAcknowledgment ? "an acknowledgment of nothing" : "an increment beyond what was inserted");
}
