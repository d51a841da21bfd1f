import type { DatagramState } from "./datagram-state.ts";
import { WebTransportDatagramsWritable } from "./datagrams-writable.ts";
import { sendGroupInternals, toSendGroup } from "./send-group.ts";
import { invalidState } from "./transport.ts";
import type { WebTransportSendOptions } from "./types.ts";
import { construct, defineInterface, mayConstruct, toDictionary, toLongLong, toUnsignedLong } from "./web-idl.ts";
import type { Construct } from "./web-idl.ts";

/** W3C WebTransport §5. `writable` and the high-water marks are of older drafts, which browsers and TypeScript still have. */
export class WebTransportDatagramDuplexStream {
  readonly #state: DatagramState;
  readonly #readable: ReadableStream<Uint8Array>;
  #writable: WebTransportDatagramsWritable | undefined;

  /** Made by the session. @internal */
  constructor(key: Construct, state: DatagramState, readable: ReadableStream<Uint8Array>) {
    mayConstruct(key);
    this.#state = state;
    this.#readable = readable;
  }

  get readable(): ReadableStream<Uint8Array> {
    return this.#readable;
  }

  /** One writable that is made on first use; `createWritable()` gives others. */
  get writable(): WebTransportDatagramsWritable {
    this.#writable ??= new WebTransportDatagramsWritable(construct, this.#state, null, 0);
    return this.#writable;
  }

  /** Throws TypeError for a group of another session, InvalidStateError when the session has ended. */
  createWritable(options: WebTransportSendOptions = {}): WebTransportDatagramsWritable {
    const { sendGroup, sendOrder } = toDictionary(options, "options");
    const group = toSendGroup(sendGroup);
    const order = sendOrder === undefined ? 0 : toLongLong(sendOrder);
    if (group !== null && sendGroupInternals(group).transport !== this.#state.transport) {
      throw new TypeError("Cannot create a writable: sendGroup belongs to another session");
    }
    if (this.#state.transport.isOver) throw invalidState("create a writable");
    return new WebTransportDatagramsWritable(construct, this.#state, group, order);
  }

  /** Bytes. */
  get maxDatagramSize(): number {
    return this.#state.maxDatagramSize;
  }

  /** Milliseconds; null, which 0 stands for, too: no limit. Throws RangeError for less than 0. */
  get incomingMaxAge(): number | null {
    return this.#state.incomingMaxAge;
  }
  set incomingMaxAge(value: number | null) {
    this.#state.incomingMaxAge = toMaxAge(value, "incomingMaxAge");
  }

  /** As {@link incomingMaxAge}, for what waits to be sent. */
  get outgoingMaxAge(): number | null {
    return this.#state.outgoingMaxAge;
  }
  set outgoingMaxAge(value: number | null) {
    this.#state.outgoingMaxAge = toMaxAge(value, "outgoingMaxAge");
  }

  /** Datagrams that may wait to be read, at least 1; past it, and past 1 MiB of them, the oldest is dropped. */
  get incomingMaxBufferedDatagrams(): number {
    return this.#state.incomingMaxBuffered;
  }
  set incomingMaxBufferedDatagrams(value: number) {
    this.#state.incomingMaxBuffered = Math.max(1, toUnsignedLong(value));
  }

  /** Datagrams that may wait to be sent, at least 1; from it on a write waits. */
  get outgoingMaxBufferedDatagrams(): number {
    return this.#state.outgoingMaxBuffered;
  }
  set outgoingMaxBufferedDatagrams(value: number) {
    this.#state.outgoingMaxBuffered = Math.max(1, toUnsignedLong(value));
  }

  /** The older name of {@link incomingMaxBufferedDatagrams}. Throws RangeError for less than 0. */
  get incomingHighWaterMark(): number {
    return this.#state.incomingMaxBuffered;
  }
  set incomingHighWaterMark(value: number) {
    this.#state.incomingMaxBuffered = toHighWaterMark(value, "incomingHighWaterMark");
  }

  /** The older name of {@link outgoingMaxBufferedDatagrams}. Throws RangeError for less than 0. */
  get outgoingHighWaterMark(): number {
    return this.#state.outgoingMaxBuffered;
  }
  set outgoingHighWaterMark(value: number) {
    this.#state.outgoingMaxBuffered = toHighWaterMark(value, "outgoingHighWaterMark");
  }
}

function toMaxAge(value: unknown, name: string): number | null {
  if (value === null || value === undefined) return null;
  const milliseconds = Number(value);
  if (!(milliseconds >= 0)) throw new RangeError(`Cannot set ${name} to ${milliseconds}: 0 or more is allowed`);
  return milliseconds === 0 ? null : milliseconds;
}

function toHighWaterMark(value: unknown, name: string): number {
  const datagrams = Number(value);
  if (!(datagrams >= 0)) throw new RangeError(`Cannot set ${name} to ${datagrams}: 0 or more is allowed`);
  return Math.max(1, datagrams);
}

defineInterface(WebTransportDatagramDuplexStream);
