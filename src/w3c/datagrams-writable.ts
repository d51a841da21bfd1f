import type { UnderlyingSink } from "node:stream/web";

import { Deferred, quietWritable } from "../client/session-parts.ts";

import type { DatagramState } from "./datagram-state.ts";
import { sendGroupInternals, toSendGroup } from "./send-group.ts";
import type { WebTransportSendGroup } from "./send-group.ts";
import { defineInterface, mayConstruct, toBytes, toLongLong } from "./web-idl.ts";
import type { Construct } from "./web-idl.ts";

/**
 * W3C WebTransport §4. What is too large is dropped without an error; a write waits while too many datagrams do. Group and
 * order are kept, but change nothing: QUIC's engine sends datagrams in their order, before streams.
 */
export class WebTransportDatagramsWritable extends WritableStream<Uint8Array> {
  readonly #state: DatagramState;
  #sendGroup: WebTransportSendGroup | null;
  #sendOrder: number;

  /** Made by `createWritable()`. @internal */
  constructor(key: Construct, state: DatagramState, sendGroup: WebTransportSendGroup | null, sendOrder: number) {
    mayConstruct(key);
    super(new OutgoingDatagrams(state));
    this.#state = state;
    this.#sendGroup = sendGroup;
    this.#sendOrder = sendOrder;
    quietWritable(this);
  }

  get sendGroup(): WebTransportSendGroup | null {
    return this.#sendGroup;
  }

  /** Throws InvalidStateError for a group of another session. */
  set sendGroup(value: WebTransportSendGroup | null) {
    const group = toSendGroup(value);
    if (group !== null && sendGroupInternals(group).transport !== this.#state.transport) {
      throw new DOMException("Cannot set sendGroup: it belongs to another session", "InvalidStateError");
    }
    this.#sendGroup = group;
  }

  get sendOrder(): number {
    return this.#sendOrder;
  }

  set sendOrder(value: number) {
    this.#sendOrder = toLongLong(value);
  }
}

interface Outgoing {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly at: number;
  readonly done: Deferred<void>;
}

/** W3C §4.3: `writeDatagrams` and `sendDatagrams`. */
class OutgoingDatagrams implements UnderlyingSink<Uint8Array> {
  readonly #state: DatagramState;
  readonly #queue: Outgoing[] = [];
  readonly #end = (error: unknown): void => {
    for (const { done } of this.#queue.splice(0)) done.resolve();
    this.#controller?.error(error);
  };
  #controller: WritableStreamDefaultController | undefined;
  #isScheduled = false;

  constructor(state: DatagramState) {
    this.#state = state;
  }

  start(controller: WritableStreamDefaultController): void {
    this.#controller = controller;
    this.#state.writables.add(this.#end);
  }

  write(chunk: unknown): Promise<void> {
    const bytes = toBytes(chunk, "The datagram");
    if (bytes.byteLength > this.#state.maxDatagramSize) return Promise.resolve();
    const done = new Deferred<void>();
    this.#queue.push({ bytes, at: performance.now(), done });
    if (this.#queue.length < this.#state.outgoingMaxBuffered) done.resolve();
    this.#schedule();
    return done.promise;
  }

  close(): void {
    this.#state.writables.delete(this.#end);
  }

  abort(): void {
    this.#queue.length = 0;
    this.#state.writables.delete(this.#end);
  }

  /** Once the session stands, in a task of its own: what a script writes in one go is queued before the first is sent. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#state.transport.established.then(
      () => setImmediate(() => void this.#send()),
      () => {},
    );
  }

  async #send(): Promise<void> {
    const { transport } = this.#state;
    for (let next = this.#queue[0]; next !== undefined && !transport.isOver; next = this.#queue[0]) {
      const ttl = (this.#state.outgoingMaxAge ?? Infinity) - (performance.now() - next.at);
      if (ttl < 0) this.#state.expiredOutgoing += 1;
      // What has become too large since, or finds the session gone, is dropped as the network drops it.
      else await transport.session?.datagrams.send(next.bytes, { ttl }).catch(() => {});
      if (this.#queue[0] === next) this.#queue.shift();
      next.done.resolve();
    }
    this.#isScheduled = false;
  }
}

defineInterface(WebTransportDatagramsWritable);
