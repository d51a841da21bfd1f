import { StreamError } from "../../errors/errors.ts";
import { toWireCode } from "../../protocol/webtransport/error-mapping.ts";

import type { StreamRecord } from "./stream-record.ts";
import { rejected, untilAborted } from "../../async/promises.ts";
import type { SendHalf } from "./send-half.ts";
import type { BytesInput, SendGroup, SendSide, SignalOption } from "../types.ts";
import { makeWritable } from "./web-streams.ts";

/** The methods of {@link SendSide} over a send half; the public stream classes hand their calls on to it. */
export class Sender implements SendSide {
  readonly #half: SendHalf;
  readonly #stream: StreamRecord;
  #writable: WritableStream<BytesInput> | undefined;

  constructor(half: SendHalf, stream: StreamRecord) {
    this.#half = half;
    this.#stream = stream;
  }

  get bytesWritten(): number {
    return this.#half.bytesWritten;
  }

  get isWritable(): boolean {
    return this.#half.isWritable;
  }

  get writeClosed(): Promise<void> {
    return this.#half.closed;
  }

  get sendOrder(): number {
    return this.#stream.sendOrder;
  }

  set sendOrder(order: number) {
    this.#stream.setPriority(this.#stream.sendGroup, order);
  }

  get sendGroup(): SendGroup | undefined {
    return this.#stream.sendGroup;
  }

  set sendGroup(group: SendGroup | undefined) {
    this.#stream.setPriority(group, this.#stream.sendOrder);
  }

  get bufferedAmount(): number {
    return this.#half.bufferedAmount;
  }

  get writable(): WritableStream<BytesInput> {
    this.#writable ??= makeWritable(this.#half, (code) => {
      this.reset(code);
    });
    return this.#writable;
  }

  write(data: BytesInput, options?: SignalOption): Promise<void> {
    if (this.#writable !== undefined) return rejected(this.#locked());
    if (options?.signal === undefined) return this.#half.write(data);
    if (options.signal.aborted) return rejected(options.signal.reason);
    return untilAborted(this.#half.write(data), options.signal);
  }

  writeAll(data: BytesInput, options?: SignalOption): Promise<void> {
    if (this.#writable !== undefined) return rejected(this.#locked());
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    return untilAborted(this.#half.writeAll(data), options?.signal);
  }

  finish(): void {
    if (this.#writable !== undefined) throw this.#locked();
    this.#half.finish();
  }

  flush(options?: SignalOption): Promise<void> {
    return untilAborted(this.#half.flush(), options?.signal);
  }

  reset(code = 0): void {
    this.#half.reset(toWireCode(code), code);
  }

  commit(): void {
    this.#half.commit();
  }

  #locked(): StreamError {
    const { streamId } = this.#stream;
    return new StreamError(`Cannot write to stream ${streamId} directly: its writable has been taken`, {
      code: "ERR_WT_STREAM_LOCKED",
      streamId,
    });
  }
}
