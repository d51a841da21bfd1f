import { invariant } from "../../base/invariant.ts";

import type { StreamRecord } from "./stream-record.ts";
import { resolved } from "../../async/promises.ts";
import type { ReceiveHalf } from "./receive-half.ts";
import type { Bytes, BytesInput, ReadOptions, ReceiveStream, Session, StreamState, WaitOptions } from "../types.ts";

/** A unidirectional stream that the peer has opened. */
export class WebTransportReceiveStream implements ReceiveStream {
  readonly direction = "receive_only";
  readonly #stream: StreamRecord;
  readonly #receive: ReceiveHalf;

  /** Made by the session. @internal */
  constructor(stream: StreamRecord) {
    invariant(stream.receive !== undefined, "the stream has no receiving half");
    this.#stream = stream;
    this.#receive = stream.receive;
  }

  get id(): number {
    return this.#stream.streamId;
  }
  get session(): Session {
    return this.#stream.owner.session;
  }
  get state(): StreamState {
    return this.#stream.state;
  }
  get closed(): Promise<void> {
    return this.#stream.closed;
  }

  get bytesRead(): number {
    return this.#receive.bytesRead;
  }
  get bytesReceived(): number {
    return this.#receive.bytesReceived;
  }
  get isReadable(): boolean {
    return this.#receive.isReadable;
  }
  get readClosed(): Promise<void> {
    return this.#receive.readClosed;
  }
  get readable(): ReadableStream<Bytes> {
    return this.#receive.readable;
  }
  read(options?: ReadOptions): Promise<Bytes | null> {
    return this.#receive.read(options);
  }
  tryRead(maxBytes?: number): Bytes | null | undefined {
    return this.#receive.tryRead(maxBytes);
  }
  readAll(options?: ReadOptions): Promise<Bytes> {
    return this.#receive.readAll(options);
  }
  readExactly(count: number, options?: WaitOptions): Promise<Bytes> {
    return this.#receive.readExactly(count, options);
  }
  readUntil(separator: BytesInput, options?: ReadOptions): Promise<Bytes> {
    return this.#receive.readUntil(separator, options);
  }
  readLine(options?: ReadOptions): Promise<string | null> {
    return this.#receive.readLine(options);
  }
  stop(code?: number): void {
    this.#receive.stop(code);
  }
  /** Chunk after chunk; `break` stops the stream with code 0. */
  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    return this.#receive[Symbol.asyncIterator]();
  }

  /** Stops reading what is left. */
  [Symbol.asyncDispose](): Promise<void> {
    if (this.isReadable) this.#receive.stop();
    return resolved;
  }
}
