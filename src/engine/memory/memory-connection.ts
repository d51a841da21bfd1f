import { createHash, hkdfSync } from "node:crypto";

import { directionOf, isOpenedByServer, ordinalOf, streamIdOf } from "../../base/stream-id.ts";
import { EngineError } from "../engine.ts";
import type {
  ConnectionClosed,
  ConnectionInfo,
  ConnectionListener,
  ConnectionStats,
  DatagramResult,
  QuicConnection,
  SocketAddress,
  StreamDirection,
} from "../engine.ts";

import { IdleWatch } from "./idle-watch.ts";
import type { Lane, Link } from "./link.ts";
import { Receiving } from "./receiving.ts";
import { Sending } from "./sending.ts";
import type { OutgoingFrame } from "./sending.ts";
import type { Transport } from "./transport.ts";

/** Type, length and rounding of a DATAGRAM frame (RFC 9221 §4): what its payload is smaller by. */
const datagramOverhead = 3;
/** IP, UDP and QUIC headers, for the statistics. */
const packetOverhead = 70;
const largestKeyingMaterial = 4096;

export type ConnectionEvent = (listener: ConnectionListener) => void;

/** What a connection needs of its endpoint. */
export interface ConnectionHost {
  readonly link: Link;
  /** Events wait to be delivered. */
  eventsWaiting(connection: MemoryConnection): void;
  handshakeOver(connection: MemoryConnection): void;
  /** Nothing of the connection is left on either side. */
  drained(connection: MemoryConnection): void;
}

type Phase = "handshaking" | "established" | "closed";

/** One end of a connection. */
export class MemoryConnection implements QuicConnection {
  readonly id: number;
  readonly localAddress: SocketAddress;
  readonly isServer: boolean;
  readonly transport: Transport;
  readonly link: Link;
  remoteAddress: SocketAddress;
  listener: ConnectionListener | undefined;
  events: ConnectionEvent[] = [];
  /** Frames never arrive before the handshake's own: see {@link Link}. */
  readonly floor: Lane = { last: 0 };
  readonly #host: ConnectionHost;
  readonly #sending: Sending;
  readonly #receiving: Receiving;
  readonly #idle: IdleWatch;
  readonly #acknowledgements: Lane = { last: 0 };
  readonly #control: Lane = { last: 0 };
  #peer: MemoryConnection | undefined;
  #phase: Phase = "handshaking";
  #isTold = false;
  #secret = "";
  #outgoing: OutgoingFrame[] = [];
  #datagrams: Uint8Array[] = [];
  #datagramBytes = 0;
  #datagramsBlocked = false;
  #flushScheduled = false;
  #preambles = 0;
  readonly #opened: Record<StreamDirection, number> = { bidirectional: 0, unidirectional: 0 };
  readonly #openedByPeer: Record<StreamDirection, number> = { bidirectional: 0, unidirectional: 0 };
  /** Streams that the peer allows, and that it is allowed, since the connection began. */
  readonly #limits: Record<StreamDirection, number> = { bidirectional: 0, unidirectional: 0 };
  readonly #granted: Record<StreamDirection, number>;
  readonly #awaited = new Set<StreamDirection>();
  readonly #counts = { packetsSent: 0, packetsReceived: 0, bytesSent: 0, bytesReceived: 0, datagramsDropped: 0 };

  constructor(
    host: ConnectionHost,
    id: number,
    isServer: boolean,
    transport: Transport,
    addresses: { readonly local: SocketAddress; readonly remote: SocketAddress },
  ) {
    this.#host = host;
    this.link = host.link;
    this.id = id;
    this.isServer = isServer;
    this.transport = transport;
    this.localAddress = addresses.local;
    this.remoteAddress = addresses.remote;
    this.#granted = {
      bidirectional: transport.maxIncomingBidirectionalStreams,
      unidirectional: transport.maxIncomingUnidirectionalStreams,
    };
    const { link } = this;
    this.#sending = new Sending({
      link,
      emit: (event) => {
        this.emit(event);
      },
      post: (frame) => {
        this.#post(frame);
      },
      withdraw: (keep) => {
        this.#outgoing = this.#outgoing.flatMap((frame) => keep(frame) ?? []);
      },
      peerReceiving: () => this.peer.#receiving,
      halfDone: (streamId) => {
        this.#halfDone(streamId);
      },
    });
    this.#receiving = new Receiving(
      {
        link,
        emit: (event) => {
          this.emit(event);
        },
        tell: (arrive) => {
          this.#tell(arrive);
        },
        tellAhead: (arrive) => {
          this.#tellAhead(arrive);
        },
        peerSending: () => {
          const { peer } = this;
          return {
            stopped: (streamId, code) => {
              peer.#ensureOpened(streamId);
              peer.#sending.stopped(streamId, code);
            },
            raiseLimit: (limit) => {
              peer.#sending.raiseLimit(limit);
            },
            raiseStreamLimit: (streamId, limit) => {
              peer.#sending.raiseStreamLimit(streamId, limit);
            },
          };
        },
        ensureOpened: (streamId) => {
          this.#ensureOpened(streamId);
        },
        halfDone: (streamId) => {
          this.#halfDone(streamId);
        },
      },
      transport,
    );
    this.#idle = new IdleWatch(link.clock, {
      ping: () => {
        this.#tell(() => {});
      },
      expired: () => {
        this.end({ by: "transport", kind: "idle-timeout", code: 0n, reason: "" });
      },
    });
  }

  get isEstablished(): boolean {
    return this.#phase === "established";
  }

  get isClosed(): boolean {
    return this.#phase === "closed";
  }

  get peer(): MemoryConnection {
    if (this.#peer === undefined) throw new Error("Invariant broken: the connection has no peer yet");
    return this.#peer;
  }

  // The contract.

  open(direction: StreamDirection): number | undefined {
    if (this.#phase !== "established") return undefined;
    if (this.#opened[direction] >= this.#limits[direction]) {
      this.#awaited.add(direction);
      return undefined;
    }
    return this.#openLocally(direction);
  }

  write(streamId: number, data: Uint8Array, fin: boolean): number {
    if (this.#phase !== "established" || (data.byteLength === 0 && !fin)) return 0;
    return this.#sending.write(streamId, data, fin);
  }

  reset(streamId: number, code: bigint, reliableSize = 0): void {
    if (this.#phase !== "established") return;
    this.#sending.reset(streamId, code, this.#hasResetStreamAt ? reliableSize : 0);
  }

  stop(streamId: number, code: bigint): void {
    if (this.#phase === "established") this.#receiving.stop(streamId, code);
  }

  grant(streamId: number, bytes: number): void {
    if (this.#phase === "established") this.#receiving.grant(streamId, bytes);
  }

  setReceiveWindow(bytes: number): number {
    return this.#phase === "established" ? this.#receiving.setWindow(bytes) : 0;
  }

  unreadBytes(streamId?: number): number {
    return this.#phase === "established" ? this.#receiving.unreadBytes(streamId) : 0;
  }

  setPriority(streamId: number, session: number, sendGroup: number, sendOrder: number): void {
    this.#sending.setPriority(streamId, { session, group: sendGroup, order: sendOrder });
  }

  sendDatagram(header: Uint8Array, payload: Uint8Array): DatagramResult {
    const result = this.#queueDatagram(header, payload);
    if (result !== "queued") this.#counts.datagramsDropped += 1;
    return result;
  }

  maxDatagramSize(): number {
    if (this.#phase !== "established") return 0;
    // Who accepts none sends none, either.
    return this.transport.maxDatagramFrameSize === 0 ? 0 : this.#peersDatagramSize();
  }

  #peersDatagramSize(): number {
    const { maxDatagramFrameSize } = this.peer.transport;
    return Math.max(0, Math.min(this.link.conditions.maxDatagramSize, maxDatagramFrameSize - datagramOverhead));
  }

  close(code: bigint, reason: string): void {
    this.#closeLocally(
      { by: "local", kind: "application", code, reason },
      { by: "peer", kind: "application", code, reason },
    );
  }

  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
    if (!Number.isInteger(length) || length < 1 || length > largestKeyingMaterial) {
      const text = `Cannot export ${length} bytes of keying material: 1 to ${largestKeyingMaterial} are allowed`;
      throw new EngineError("invalid-option", text);
    }
    if (this.#phase === "closed") {
      throw new EngineError("unavailable", "Cannot export keying material: the connection has ended");
    }
    if (this.#secret === "") {
      throw new EngineError("unavailable", "Cannot export keying material before the handshake has completed");
    }
    return new Uint8Array(hkdfSync("sha256", this.#secret, context, label, length));
  }

  getStats(): ConnectionStats {
    const { delay, sendWindow } = this.link.conditions;
    return {
      rtt: 2 * delay,
      minRtt: 2 * delay,
      congestionWindow: sendWindow,
      mtu: this.link.conditions.maxDatagramSize + packetOverhead,
      packetsLost: 0,
      ...this.#counts,
    };
  }

  // The handshake.

  /** The peer's transport parameters have come, and keys: what stands in the preamble can leave. */
  meet(peer: MemoryConnection): void {
    this.#peer = peer;
    const { transport } = peer;
    this.#sending.begin(transport);
    this.#limits.bidirectional = transport.maxIncomingBidirectionalStreams;
    this.#limits.unidirectional = transport.maxIncomingUnidirectionalStreams;
    this.#writePreambles();
  }

  /** The handshake has completed; `secret` is the same at both ends. `tell`: the event of it. */
  establish(secret: string, tell: ConnectionEvent): void {
    this.#host.handshakeOver(this);
    this.#phase = "established";
    this.#secret = secret;
    this.#isTold = true;
    this.emit(tell);
    this.#idle.start(this.transport, this.peer.transport);
    this.#keyLog();
  }

  /** As {@link establish}, of a client, whose peer was not known before. */
  meetAndEstablish(peer: MemoryConnection, secret: string, alpn: string, certificates: readonly Uint8Array[]): void {
    this.meet(peer);
    this.establish(secret, (listener) => {
      // A client does not learn from the server which name it asked for.
      listener.connected(this.info(alpn, undefined, certificates));
    });
  }

  info(alpn: string, serverName: string | undefined, peerCertificates: readonly Uint8Array[]): ConnectionInfo {
    return {
      remoteAddress: this.remoteAddress,
      alpn,
      serverName,
      peerCertificates,
      maxDatagramSize: this.#phase === "established" ? this.#peersDatagramSize() : 0,
      resetStreamAt: this.#hasResetStreamAt,
    };
  }

  /** A client's application knows of its connection from the beginning, a server's only once it is established. */
  listenFromTheStart(listener: ConnectionListener): void {
    this.listener = listener;
    this.#isTold = true;
  }

  #keyLog(): void {
    const { keyLog } = this.transport;
    if (keyLog === undefined) return;
    const random = createHash("sha256").update(this.#secret).digest("hex");
    const line = `EXPORTER_SECRET ${random} ${createHash("sha256").update(random).digest("hex")}`;
    this.emit(() => {
      keyLog(line);
    });
  }

  // The end.

  /** The connection ends here, whoever caused it. */
  end(info: ConnectionClosed): void {
    if (this.#phase === "closed") return;
    if (info.by !== "local") this.#receiving.deliverEverything();
    const isTold = this.#isTold;
    if (isTold) {
      this.emit((listener) => {
        listener.closed(info);
      });
    }
    this.#phase = "closed";
    this.#outgoing = [];
    this.#datagrams = [];
    this.#idle.stop();
    this.#sending.clear();
    this.#receiving.clear();
    const { delay } = this.link.conditions;
    // RFC 9000 §10.2: closing and draining last three times the probe time-out.
    this.link.clock.transit(6 * delay, () => {
      this.#host.drained(this);
    });
  }

  /** Ends the connection here with `local`; the peer learns `remote`. */
  #closeLocally(local: ConnectionClosed, remote: ConnectionClosed): void {
    if (this.#phase === "closed") return;
    const peer = this.#peer;
    this.end(local);
    if (peer === undefined) return;
    // The frame leaves at the end of the turn, as all others do.
    this.link.clock.transit(0, () => {
      this.link.carry(
        () => {
          peer.end(remote);
        },
        { last: 0 },
        this.floor,
      );
    });
  }

  /** This end has found a fault of its peer's. */
  violated(code: bigint, reason: string): void {
    this.#closeLocally(
      { by: "local", kind: "transport", code, reason },
      { by: "peer", kind: "transport", code, reason },
    );
  }

  /** This end is gone without a word; whatever the peer sends next is answered with a stateless reset. */
  forget(): void {
    if (this.#phase === "closed") return;
    const { peer } = this;
    this.end({ by: "transport", kind: "failed", code: 0n, reason: "forgotten" });
    this.link.carry(() => {
      peer.end({ by: "transport", kind: "stateless-reset", code: 0n, reason: "" });
    }, this.#control);
  }

  changeAddress(port: number): void {
    const { peer } = this;
    this.#tell(() => {
      const remoteAddress = { ...peer.remoteAddress, port };
      peer.remoteAddress = remoteAddress;
      peer.emit((listener) => {
        listener.addressChanged(remoteAddress);
      });
    });
  }

  // Streams.

  emit(event: ConnectionEvent): void {
    if (this.#phase === "closed") return;
    this.events.push(event);
    this.#host.eventsWaiting(this);
  }

  #openLocally(direction: StreamDirection): number {
    const streamId = streamIdOf(this.#opened[direction], this.isServer, direction);
    this.#opened[direction] += 1;
    this.#sending.add(streamId);
    if (direction === "bidirectional") this.#receiving.add(streamId);
    return streamId;
  }

  #writePreambles(): void {
    const { preamble } = this.transport;
    while (this.#opened.unidirectional < this.#limits.unidirectional) {
      const bytes = preamble[this.#preambles];
      if (bytes === undefined) return;
      this.#preambles += 1;
      this.#sending.write(this.#openLocally("unidirectional"), bytes, false);
    }
  }

  #ensureOpened(streamId: number): void {
    if (isOpenedByServer(streamId) === this.isServer) return;
    const direction = directionOf(streamId);
    while (this.#openedByPeer[direction] <= ordinalOf(streamId)) {
      const opened = streamIdOf(this.#openedByPeer[direction], !this.isServer, direction);
      this.#openedByPeer[direction] += 1;
      this.#receiving.add(opened);
      if (direction === "bidirectional") this.#sending.add(opened);
      this.emit((listener) => {
        listener.streamOpened(opened);
      });
    }
  }

  /** Once both halves of a peer's stream are over it may open another one. */
  #halfDone(streamId: number): void {
    if (isOpenedByServer(streamId) === this.isServer) return;
    if (this.#sending.has(streamId) || this.#receiving.has(streamId)) return;
    const direction = directionOf(streamId);
    this.#granted[direction] += 1;
    const limit = this.#granted[direction];
    this.#tell(() => {
      this.peer.#allowStreams(direction, limit);
    });
  }

  #allowStreams(direction: StreamDirection, limit: number): void {
    this.#limits[direction] = Math.max(this.#limits[direction], limit);
    if (direction === "unidirectional") this.#writePreambles();
    if (this.#opened[direction] < limit && this.#awaited.delete(direction)) {
      this.emit((listener) => {
        listener.streamsAvailable(direction);
      });
    }
  }

  get #hasResetStreamAt(): boolean {
    return this.transport.resetStreamAt && this.#peer?.transport.resetStreamAt === true;
  }

  // The wire.

  #queueDatagram(header: Uint8Array, payload: Uint8Array): DatagramResult {
    const most = this.maxDatagramSize();
    const size = header.byteLength + payload.byteLength;
    if (most === 0) return "unsupported";
    if (size > most) return "too-large";
    if (this.#datagramBytes > 0 && this.#datagramBytes + size > this.transport.datagramSendBufferSize) {
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

  #post(frame: OutgoingFrame): void {
    if (this.#phase === "closed") return;
    this.#outgoing.push(frame);
    this.#scheduleFlush();
  }

  #tell(arrive: () => void): void {
    this.#post({ lane: this.#control, size: 0, arrive });
  }

  #tellAhead(arrive: () => void): void {
    if (this.#phase === "closed") return;
    this.#outgoing.unshift({ lane: this.#control, size: 0, arrive });
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.link.clock.transit(0, () => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const frames = this.#outgoing;
    const datagrams = this.#datagrams;
    this.#outgoing = [];
    this.#datagrams = [];
    this.#datagramBytes = 0;
    for (const datagram of datagrams) {
      this.#sent(datagram.byteLength);
      this.link.carryDatagram(() => {
        this.peer.#heard(datagram.byteLength);
        this.peer.#tellDatagram(datagram);
      }, this.floor);
    }
    // Behind the datagrams, which wait for nothing.
    for (const frame of frames) this.#carry(frame);
    if (this.#datagramsBlocked) {
      this.#datagramsBlocked = false;
      this.emit((listener) => {
        listener.datagramsWritable();
      });
    }
  }

  #carry(frame: OutgoingFrame): void {
    this.#sent(frame.size);
    const { peer } = this;
    const arrive = (): void => {
      if (peer.#phase === "closed") return;
      peer.#heard(frame.size);
      frame.arrive();
      const acknowledged = (): void => {
        if (this.#phase === "closed") return;
        this.#heard(0);
        frame.acknowledged?.();
      };
      this.link.carry(acknowledged, peer.#acknowledgements, peer.floor);
    };
    this.link.carry(arrive, frame.lane, this.floor);
  }

  #tellDatagram(datagram: Uint8Array): void {
    this.emit((listener) => {
      try {
        listener.datagram(datagram);
      } finally {
        // Valid only during the call: whoever kept it shall notice.
        datagram.fill(0);
      }
    });
  }

  #sent(size: number): void {
    this.#counts.packetsSent += 1;
    this.#counts.bytesSent += size + packetOverhead;
    this.#idle.sent();
  }

  #heard(size: number): void {
    this.#counts.packetsReceived += 1;
    this.#counts.bytesReceived += size + packetOverhead;
    this.#idle.heard();
  }
}
