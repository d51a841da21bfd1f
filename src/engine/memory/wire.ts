import type { ConnectionListener, DatagramResult } from "../engine.ts";

import type { IdleWatch } from "./idle-watch.ts";
import type { Lane, Link } from "./link.ts";
import type { OutgoingFrame } from "./sending.ts";
import type { Transport } from "./transport.ts";

/** IP, UDP and QUIC headers, for the statistics. */
export const packetOverhead = 70;

/** What {@link Wire} needs of its connection. */
export interface WireHost {
  readonly link: Link;
  readonly isClosed: boolean;
  readonly transport: Pick<Transport, "datagramSendBufferSize">;
  readonly idle: Pick<IdleWatch, "sent" | "heard">;
  emit(event: (listener: ConnectionListener) => void): void;
  readonly peer: { readonly wire: Wire };
}

/** What a connection sends: frames and datagrams leave at the end of the turn, each in a packet of its own. */
export class Wire {
  /** Frames never arrive before the handshake's own: see {@link Link}. */
  readonly floor: Lane = { last: 0 };
  /** Of frames that belong to no stream. */
  readonly control: Lane = { last: 0 };
  readonly counts = { packetsSent: 0, packetsReceived: 0, bytesSent: 0, bytesReceived: 0 };
  readonly #host: WireHost;
  readonly #acknowledgements: Lane = { last: 0 };
  #frames: OutgoingFrame[] = [];
  #datagrams: Uint8Array[] = [];
  #datagramBytes = 0;
  #datagramsBlocked = false;
  #flushScheduled = false;

  constructor(host: WireHost) {
    this.#host = host;
  }

  post(frame: OutgoingFrame): void {
    if (this.#host.isClosed) return;
    this.#frames.push(frame);
    this.#scheduleFlush();
  }

  /** A frame that needs no acknowledgement of its own: `arrive` happens at the peer. */
  tell(arrive: () => void): void {
    this.post({ lane: this.control, size: 0, arrive });
  }

  /** As {@link tell}, before all that leaves at the end of the turn. */
  tellAhead(arrive: () => void): void {
    if (this.#host.isClosed) return;
    this.#frames.unshift({ lane: this.control, size: 0, arrive });
    this.#scheduleFlush();
  }

  /** Takes back or changes frames that have not left. */
  withdraw(keep: (frame: OutgoingFrame) => OutgoingFrame | undefined): void {
    this.#frames = this.#frames.flatMap((frame) => keep(frame) ?? []);
  }

  /** `most`: bytes of the largest datagram. */
  queueDatagram(header: Uint8Array, payload: Uint8Array, most: number): DatagramResult {
    const size = header.byteLength + payload.byteLength;
    if (most === 0) return "unsupported";
    if (size > most) return "too-large";
    if (this.#datagramBytes > 0 && this.#datagramBytes + size > this.#host.transport.datagramSendBufferSize) {
      this.#datagramsBlocked = true;
      return "blocked";
    }
    const datagram = new Uint8Array(size);
    datagram.set(header);
    datagram.set(payload, header.byteLength);
    this.#datagrams.push(datagram);
    this.#datagramBytes += size;
    this.#scheduleFlush();
    return "queued";
  }

  clear(): void {
    this.#frames = [];
    this.#datagrams = [];
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#host.link.clock.transit(0, () => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const frames = this.#frames;
    const datagrams = this.#datagrams;
    this.#frames = [];
    this.#datagrams = [];
    this.#datagramBytes = 0;
    for (const datagram of datagrams) {
      this.#sent(datagram.byteLength);
      this.#host.link.carryDatagram(() => {
        this.#host.peer.wire.#receiveDatagram(datagram);
      }, this.floor);
    }
    // Behind the datagrams, which wait for nothing.
    for (const frame of frames) this.#carry(frame);
    if (this.#datagramsBlocked) {
      this.#datagramsBlocked = false;
      this.#host.emit((listener) => {
        listener.datagramsWritable();
      });
    }
  }

  #carry(frame: OutgoingFrame): void {
    this.#sent(frame.size);
    const { link } = this.#host;
    const peer = this.#host.peer.wire;
    const arrive = (): void => {
      if (peer.#host.isClosed) return;
      peer.#heard(frame.size);
      frame.arrive();
      const acknowledged = (): void => {
        if (this.#host.isClosed) return;
        this.#heard(0);
        frame.acknowledged?.();
      };
      link.carry(acknowledged, peer.#acknowledgements, peer.floor);
    };
    link.carry(arrive, frame.lane, this.floor);
  }

  #receiveDatagram(datagram: Uint8Array): void {
    this.#heard(datagram.byteLength);
    this.#host.emit((listener) => {
      try {
        listener.datagram(datagram);
      } finally {
        // Valid only during the call: a listener that kept it shall notice.
        datagram.fill(0);
      }
    });
  }

  #sent(size: number): void {
    this.counts.packetsSent += 1;
    this.counts.bytesSent += size + packetOverhead;
    this.#host.idle.sent();
  }

  #heard(size: number): void {
    this.counts.packetsReceived += 1;
    this.counts.bytesReceived += size + packetOverhead;
    this.#host.idle.heard();
  }
}
