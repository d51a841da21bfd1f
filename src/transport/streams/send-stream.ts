import { invariant } from "../../base/invariant.ts";

import type { StreamRecord } from "./stream-record.ts";
import { ignore } from "../../async/promises.ts";
import { Sender } from "./send-side.ts";
import type { BytesInput, SendGroup, SendStream, Session, SignalOption, StreamState } from "../types.ts";

/** A unidirectional stream that this side has opened. */
export class WebTransportSendStream implements SendStream {
  readonly direction = "send_only";
  readonly #stream: StreamRecord;
  readonly #sender: Sender;

  /** Made by the session. */
  constructor(stream: StreamRecord) {
    invariant(stream.send !== undefined, "the stream has no sending half");
    this.#stream = stream;
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

  /** Finishes the stream and waits for its delivery. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.send?.finish();
    await this.#stream.send?.closed.catch(ignore);
  }
}
