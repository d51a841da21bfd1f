import type { WebTransportSession } from "../client/index.ts";
import type { SendGroup } from "../client/session-parts.ts";

import type { Transport } from "./transport.ts";
import type { WebTransportSendStreamStats } from "./stats-types.ts";
import { defineInterface, mayConstruct } from "./web-idl.ts";
import type { Construct } from "./web-idl.ts";

/** A stream of the group, as far as its figures go. */
interface Counted {
  getStats(): Promise<WebTransportSendStreamStats>;
}

interface SendGroupInternals {
  readonly transport: Transport;
  groupOf(session: WebTransportSession): SendGroup;
  add(stream: Counted): void;
  remove(stream: Counted): void;
  /** The stream has ended: only its figures are kept. */
  settle(stream: Counted, stats: WebTransportSendStreamStats): void;
}

let internalsOf: (group: WebTransportSendGroup) => SendGroupInternals;

/** W3C WebTransport §8: streams whose send orders are compared with one another; groups share the bandwidth evenly. */
export class WebTransportSendGroup {
  readonly #transport: Transport;
  readonly #streams = new Set<Counted>();
  readonly #ended = { bytesWritten: 0, bytesSent: 0, bytesAcknowledged: 0 };
  #group: SendGroup | undefined;

  /** Made by `createSendGroup()`. @internal */
  constructor(key: Construct, transport: Transport) {
    mayConstruct(key);
    this.#transport = transport;
  }

  /** The sums of all streams that are, or have ended, in the group. */
  async getStats(): Promise<WebTransportSendStreamStats> {
    const streams = await Promise.all([...this.#streams].map((stream) => stream.getStats()));
    const sum = { ...this.#ended };
    for (const stats of streams) add(sum, stats);
    return sum;
  }

  static {
    internalsOf = (group) => ({
      transport: group.#transport,
      groupOf: (session) => (group.#group ??= session.createSendGroup()),
      add: (stream) => void group.#streams.add(stream),
      remove: (stream) => void group.#streams.delete(stream),
      settle: (stream, stats) => {
        if (group.#streams.delete(stream)) add(group.#ended, stats);
      },
    });
  }
}

export function sendGroupInternals(group: WebTransportSendGroup): SendGroupInternals {
  return internalsOf(group);
}

/** A `WebTransportSendGroup?` of a dictionary or an attribute. Throws TypeError. */
export function toSendGroup(value: unknown): WebTransportSendGroup | null {
  if (value === undefined || value === null) return null;
  if (value instanceof WebTransportSendGroup) return value;
  throw new TypeError("sendGroup is no WebTransportSendGroup");
}

function add(sum: WebTransportSendStreamStats, stats: WebTransportSendStreamStats): void {
  sum.bytesWritten += stats.bytesWritten;
  sum.bytesSent += stats.bytesSent;
  sum.bytesAcknowledged += stats.bytesAcknowledged;
}

defineInterface(WebTransportSendGroup);
