import type { UnderlyingSink } from "node:stream/web";

import { quiet } from "../client/session-parts.ts";
import type { SendSide } from "../client/session-parts.ts";

import { sendGroupInternals, toSendGroup } from "./send-group.ts";
import type { WebTransportSendGroup } from "./send-group.ts";
import { streamFailure } from "./transport.ts";
import type { Transport } from "./transport.ts";
import type { WebTransportSendStreamStats } from "./stats-types.ts";
import { codeOf } from "./web-transport-error.ts";
import { construct, defineInterface, mayConstruct, toBytes, toLongLong } from "./web-idl.ts";
import type { Construct } from "./web-idl.ts";
import { WebTransportWriter } from "./writer.ts";

let failStream: (stream: WebTransportSendStream, error: unknown) => void;

/** W3C WebTransport §7: the half of a stream that is written. A writer's `close()` waits until everything is acknowledged. */
export class WebTransportSendStream extends WritableStream<Uint8Array> {
  readonly #sink: SendSink;
  #sendGroup: WebTransportSendGroup | null;
  #sendOrder: number;

  /** Made by the session. @internal */
  constructor(
    key: Construct,
    stream: SendSide,
    transport: Transport,
    sendGroup: WebTransportSendGroup | null,
    sendOrder: number,
  ) {
    mayConstruct(key);
    const sink = new SendSink(stream, transport);
    super(sink as unknown as UnderlyingSink<Uint8Array>);
    this.#sink = sink;
    this.#sendGroup = sendGroup;
    this.#sendOrder = sendOrder;
    if (sendGroup !== null) sendGroupInternals(sendGroup).add(this);
    void sink.ended.then(() => {
      if (this.#sendGroup !== null) sendGroupInternals(this.#sendGroup).settle(this, sink.stats);
    });
  }

  get sendGroup(): WebTransportSendGroup | null {
    return this.#sendGroup;
  }

  /** Throws InvalidStateError for a group of another session. */
  set sendGroup(value: WebTransportSendGroup | null) {
    const group = toSendGroup(value);
    const { stream, transport } = this.#sink;
    if (group !== null && sendGroupInternals(group).transport !== transport) {
      throw new DOMException("Cannot set sendGroup: it belongs to another session", "InvalidStateError");
    }
    if (this.#sendGroup !== null) sendGroupInternals(this.#sendGroup).remove(this);
    this.#sendGroup = group;
    if (group !== null) sendGroupInternals(group).add(this);
    if (transport.session === undefined) return;
    stream.sendGroup = group === null ? undefined : sendGroupInternals(group).groupOf(transport.session);
  }

  get sendOrder(): number {
    return this.#sendOrder;
  }

  set sendOrder(value: number) {
    this.#sendOrder = toLongLong(value);
    this.#sink.stream.sendOrder = this.#sendOrder;
  }

  /** W3C WebTransport §7: bytes written, sent and acknowledged. */
  getStats(): Promise<WebTransportSendStreamStats> {
    return Promise.resolve(this.#sink.stats);
  }

  override getWriter(): WebTransportWriter {
    return new WebTransportWriter(construct, this, this.#sink.stream);
  }

  override abort(reason?: unknown): Promise<void> {
    return quiet(super.abort(reason));
  }

  override close(): Promise<void> {
    return quiet(super.close());
  }

  static {
    failStream = (stream, error) => {
      stream.#sink.fail(error);
    };
  }
}

/** The session has ended: errs the stream. */
export function failSendStream(stream: WebTransportSendStream, error: unknown): void {
  failStream(stream, error);
}

/** @types/node leaves the signal out. */
type Controller = WritableStreamDefaultController & { readonly signal: AbortSignal };

class SendSink {
  readonly stream: SendSide;
  readonly transport: Transport;
  /** Fulfilled when the half is over, in whatever way. */
  readonly ended: Promise<void>;
  #controller: Controller | undefined;
  #pending: ((error: unknown) => void) | undefined;
  #isAcknowledged = false;

  constructor(stream: SendSide, transport: Transport) {
    this.stream = stream;
    this.transport = transport;
    this.ended = stream.writeClosed.then(
      () => {
        this.#isAcknowledged = true;
      },
      (error: unknown) => this.#peerEnded(error),
    );
  }

  get stats(): WebTransportSendStreamStats {
    const { bytesWritten, bufferedAmount } = this.stream;
    const bytesSent = Math.max(0, bytesWritten - bufferedAmount);
    // QUIC's engine tells when everything is acknowledged, not how much.
    return { bytesWritten, bytesSent, bytesAcknowledged: this.#isAcknowledged ? bytesWritten : 0 };
  }

  start(controller: Controller): void {
    this.#controller = controller;
    // W3C §7.4: an abort does not wait for the write or close that is under way.
    controller.signal.addEventListener("abort", () => {
      const reason: unknown = controller.signal.reason;
      this.stream.reset(codeOf(reason));
      this.#pending?.(reason);
    });
  }

  write(chunk: unknown): Promise<void> {
    const bytes = toBytes(chunk, "The chunk");
    return this.#operation(bytes.byteLength === 0 ? Promise.resolve() : this.stream.write(bytes));
  }

  close(): Promise<void> {
    this.stream.finish();
    return this.#operation(this.stream.writeClosed);
  }

  abort(reason: unknown): void {
    this.stream.reset(codeOf(reason));
  }

  fail(error: unknown): void {
    this.#pending?.(error);
    this.#controller?.error(error);
  }

  #operation(promise: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending = reject;
      promise.then(
        () => {
          this.#pending = undefined;
          resolve();
        },
        // Why is told by `#peerEnded`, by an abort, or by the session's end; a time-out says it here.
        (error: unknown) => {
          void streamFailure(error, this.transport).then(reject);
        },
      );
    });
  }

  async #peerEnded(error: unknown): Promise<void> {
    if (this.#controller?.signal.aborted === true) return;
    this.fail(await streamFailure(error, this.transport));
  }
}

defineInterface(WebTransportSendStream);
