import { invariant } from "../../base/invariant.ts";

import type { StreamRecord } from "./stream-record.ts";
import { ignore } from "../../async/promises.ts";
import type { ReceiveHalf } from "./receive-half.ts";
import type { SendHalf } from "./send-half.ts";
import type {
  BidirectionalStream,
  Bytes,
  BytesInput,
  ReadOptions,
  SendGroup,
  Session,
  SignalOption,
  StreamState,
  WaitOptions,
} from "../types.ts";

/** A bidirectional stream: each half ends on its own. */
export class WebTransportStream implements BidirectionalStream {
  readonly direction = "bidirectional";
  readonly #stream: StreamRecord;
  readonly #receive: ReceiveHalf;
  readonly #send: SendHalf;

  /** Made by the session. @internal */
  constructor(stream: StreamRecord) {
    invariant(stream.receive !== undefined && stream.send !== undefined, "the stream has only one half");
    this.#stream = stream;
    this.#receive = stream.receive;
    this.#send = stream.send;
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

  get bytesWritten(): number {
    return this.#send.bytesWritten;
  }
  get isWritable(): boolean {
    return this.#send.isWritable;
  }
  get writeClosed(): Promise<void> {
    return this.#send.writeClosed;
  }
  get sendOrder(): number {
    return this.#send.sendOrder;
  }
  set sendOrder(order: number) {
    this.#send.sendOrder = order;
  }
  get sendGroup(): SendGroup | undefined {
    return this.#send.sendGroup;
  }
  set sendGroup(group: SendGroup | undefined) {
    this.#send.sendGroup = group;
  }
  get bufferedAmount(): number {
    return this.#send.bufferedAmount;
  }
  get writable(): WritableStream<BytesInput> {
    return this.#send.writable;
  }
  write(data: BytesInput, options?: SignalOption): Promise<void> {
    return this.#send.write(data, options);
  }
  writeAll(data: BytesInput, options?: SignalOption): Promise<void> {
    return this.#send.writeAll(data, options);
  }
  finish(): void {
    this.#send.finish();
  }
  flush(options?: SignalOption): Promise<void> {
    return this.#send.flush(options);
  }
  reset(code?: number): void {
    this.#send.reset(code);
  }
  commit(): void {
    this.#send.commit();
  }

  /** Stops reading what is left, finishes the stream and waits for its delivery. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isReadable) this.#receive.stop();
    this.#send.end();
    await this.#send.closed.catch(ignore);
  }
}
