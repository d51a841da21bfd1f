import { invariant } from "../../base/invariant.ts";
import { toWireCode } from "../../protocol/webtransport/error-mapping.ts";

import type { StreamRecord } from "./stream-record.ts";
import { resolved } from "../../async/promises.ts";
import { Receiver } from "./receive-side.ts";
import type { Bytes, BytesInput, ReadOptions, ReceiveStream, Session, StreamState, WaitOptions } from "../types.ts";

/** A unidirectional stream that the peer has opened. */
export class WebTransportReceiveStream implements ReceiveStream {
  readonly direction = "receive_only";
  readonly #stream: StreamRecord;
  readonly #receiver: Receiver;

  /** Made by the session. */
  constructor(stream: StreamRecord) {
    invariant(stream.receive !== undefined, "the stream has no receiving half");
    this.#stream = stream;
    this.#receiver = new Receiver(stream.receive, stream.streamId);
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
    return this.#receiver.bytesRead;
  }
  get bytesReceived(): number {
    return this.#receiver.bytesReceived;
  }
  get isReadable(): boolean {
    return this.#receiver.isReadable;
  }
  get readClosed(): Promise<void> {
    return this.#receiver.readClosed;
  }
  get readable(): ReadableStream<Bytes> {
    return this.#receiver.readable;
  }
  read(options?: ReadOptions): Promise<Bytes | null> {
    return this.#receiver.read(options);
  }
  tryRead(maxBytes?: number): Bytes | null | undefined {
    return this.#receiver.tryRead(maxBytes);
  }
  readAll(options?: ReadOptions): Promise<Bytes> {
    return this.#receiver.readAll(options);
  }
  readExactly(count: number, options?: WaitOptions): Promise<Bytes> {
    return this.#receiver.readExactly(count, options);
  }
  readUntil(separator: BytesInput, options?: ReadOptions): Promise<Bytes> {
    return this.#receiver.readUntil(separator, options);
  }
  readLine(options?: ReadOptions): Promise<string | null> {
    return this.#receiver.readLine(options);
  }
  stop(code?: number): void {
    this.#receiver.stop(code);
  }
  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    return this.#receiver[Symbol.asyncIterator]();
  }

  /** Stops reading what is left. */
  [Symbol.asyncDispose](): Promise<void> {
    if (this.isReadable) this.#stream.receive?.stop(toWireCode(0));
    return resolved;
  }
}
