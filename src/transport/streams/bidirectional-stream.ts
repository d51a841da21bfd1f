import { invariant } from "../../base/invariant.ts";
import { toWireCode } from "../../protocol/webtransport/error-mapping.ts";

import type { StreamRecord } from "./stream-record.ts";
import { ignore } from "../../async/promises.ts";
import { Receiver } from "./receive-side.ts";
import { Sender } from "./send-side.ts";
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
  readonly #receiver: Receiver;
  readonly #sender: Sender;

  /** Made by the session. */
  constructor(stream: StreamRecord) {
    invariant(stream.receive !== undefined && stream.send !== undefined, "the stream has only one half");
    this.#stream = stream;
    this.#receiver = new Receiver(stream.receive, stream.streamId);
    this.#sender = new Sender(stream.send, stream);
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

  get bytesWritten(): number {
    return this.#sender.bytesWritten;
  }
  get isWritable(): boolean {
    return this.#sender.isWritable;
  }
  get writeClosed(): Promise<void> {
    return this.#sender.writeClosed;
  }
  get sendOrder(): number {
    return this.#sender.sendOrder;
  }
  set sendOrder(order: number) {
    this.#sender.sendOrder = order;
  }
  get sendGroup(): SendGroup | undefined {
    return this.#sender.sendGroup;
  }
  set sendGroup(group: SendGroup | undefined) {
    this.#sender.sendGroup = group;
  }
  get bufferedAmount(): number {
    return this.#sender.bufferedAmount;
  }
  get writable(): WritableStream<BytesInput> {
    return this.#sender.writable;
  }
  write(data: BytesInput, options?: SignalOption): Promise<void> {
    return this.#sender.write(data, options);
  }
  writeAll(data: BytesInput, options?: SignalOption): Promise<void> {
    return this.#sender.writeAll(data, options);
  }
  finish(): void {
    this.#sender.finish();
  }
  flush(options?: SignalOption): Promise<void> {
    return this.#sender.flush(options);
  }
  reset(code?: number): void {
    this.#sender.reset(code);
  }
  commit(): void {
    this.#sender.commit();
  }

  /** Stops reading what is left, finishes the stream and waits for its delivery. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isReadable) this.#stream.receive?.stop(toWireCode(0));
    this.#stream.send?.finish();
    await this.#stream.send?.closed.catch(ignore);
  }
}
