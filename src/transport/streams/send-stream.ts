import { invariant } from "../../base/invariant.ts";

import type { StreamRecord } from "./stream-record.ts";
import { ignore } from "../../async/promises.ts";
import type { SendHalf } from "./send-half.ts";
import type { BytesInput, SendGroup, SendStream, Session, SignalOption, StreamState } from "../types.ts";

/** A unidirectional stream that this side has opened. */
export class WebTransportSendStream implements SendStream {
  readonly direction = "send_only";
  readonly #stream: StreamRecord;
  readonly #send: SendHalf;

  /** Made by the session. @internal */
  constructor(stream: StreamRecord) {
    invariant(stream.send !== undefined, "the stream has no sending half");
    this.#stream = stream;
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

  /** Finishes the stream and waits for its delivery. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#send.end();
    await this.#send.closed.catch(ignore);
  }
}
