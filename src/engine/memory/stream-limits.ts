import { directionOf, isOpenedByServer, ordinalOf, streamIdOf } from "../../base/stream-id.ts";
import type { ConnectionListener, StreamDirection } from "../engine.ts";

import type { Receiving } from "./receiving.ts";
import type { Sending } from "./sending.ts";
import type { Transport } from "./transport.ts";

/** What {@link StreamLimits} needs of its connection. */
export interface StreamLimitsHost {
  readonly isServer: boolean;
  readonly transport: Transport;
  readonly sending: Sending;
  readonly receiving: Receiving;
  emit(event: (listener: ConnectionListener) => void): void;
  readonly wire: {
    /** `arrive` happens at the peer. */
    tell(arrive: () => void): void;
  };
  readonly peer: { readonly streams: StreamLimits };
}

/** Which streams there are, and how many there may be (RFC 9000 §4.6). */
export class StreamLimits {
  readonly #host: StreamLimitsHost;
  readonly #opened: Record<StreamDirection, number> = { bidirectional: 0, unidirectional: 0 };
  readonly #openedByPeer: Record<StreamDirection, number> = { bidirectional: 0, unidirectional: 0 };
  /** Streams that the peer allows, and that it is allowed, since the connection began. */
  readonly #limits: Record<StreamDirection, number> = { bidirectional: 0, unidirectional: 0 };
  readonly #granted: Record<StreamDirection, number>;
  readonly #awaited = new Set<StreamDirection>();
  #preambles = 0;

  constructor(host: StreamLimitsHost) {
    this.#host = host;
    this.#granted = {
      bidirectional: host.transport.maxIncomingBidirectionalStreams,
      unidirectional: host.transport.maxIncomingUnidirectionalStreams,
    };
  }

  /** The peer's transport parameters are known: what stands in the preamble can leave. */
  begin(peer: Transport): void {
    this.#limits.bidirectional = peer.maxIncomingBidirectionalStreams;
    this.#limits.unidirectional = peer.maxIncomingUnidirectionalStreams;
    this.#writePreambles();
  }

  /** A new stream's id; undefined while the limit is reached. */
  open(direction: StreamDirection): number | undefined {
    if (this.#opened[direction] < this.#limits[direction]) return this.#openLocally(direction);
    this.#awaited.add(direction);
    return undefined;
  }

  /** Makes a stream of the peer known, and all of its kind before it (RFC 9000 §2.1). */
  ensureOpened(streamId: number): void {
    const { isServer, sending, receiving } = this.#host;
    if (isOpenedByServer(streamId) === isServer) return;
    const direction = directionOf(streamId);
    while (this.#openedByPeer[direction] <= ordinalOf(streamId)) {
      const opened = streamIdOf(this.#openedByPeer[direction], !isServer, direction);
      this.#openedByPeer[direction] += 1;
      receiving.add(opened);
      if (direction === "bidirectional") sending.add(opened);
      this.#host.emit((listener) => {
        listener.streamOpened(opened);
      });
    }
  }

  /** Once both halves of a peer's stream are over it may open another one. */
  halfDone(streamId: number): void {
    const { isServer, sending, receiving } = this.#host;
    if (isOpenedByServer(streamId) === isServer) return;
    if (sending.has(streamId) || receiving.has(streamId)) return;
    const direction = directionOf(streamId);
    this.#granted[direction] += 1;
    const limit = this.#granted[direction];
    this.#host.wire.tell(() => {
      this.#host.peer.streams.#allow(direction, limit);
    });
  }

  #allow(direction: StreamDirection, limit: number): void {
    this.#limits[direction] = Math.max(this.#limits[direction], limit);
    if (direction === "unidirectional") this.#writePreambles();
    if (this.#opened[direction] < limit && this.#awaited.delete(direction)) {
      this.#host.emit((listener) => {
        listener.streamsAvailable(direction);
      });
    }
  }

  #openLocally(direction: StreamDirection): number {
    const streamId = streamIdOf(this.#opened[direction], this.#host.isServer, direction);
    this.#opened[direction] += 1;
    this.#host.sending.add(streamId);
    if (direction === "bidirectional") this.#host.receiving.add(streamId);
    return streamId;
  }

  #writePreambles(): void {
    const { preamble } = this.#host.transport;
    while (this.#opened.unidirectional < this.#limits.unidirectional) {
      const bytes = preamble[this.#preambles];
      if (bytes === undefined) return;
      this.#preambles += 1;
      this.#host.sending.write(this.#openLocally("unidirectional"), bytes, false);
    }
  }
}
