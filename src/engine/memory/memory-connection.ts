import { createHash, hkdfSync } from "node:crypto";

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
import { StreamLimits } from "./stream-limits.ts";
import type { Transport } from "./transport.ts";
import { packetOverhead, Wire } from "./wire.ts";

/** Type, length and rounding of a DATAGRAM frame (RFC 9221 §4): what its payload is smaller by. */
const datagramOverhead = 3;
const largestKeyingMaterial = 4096;

export type ConnectionEvent = (listener: ConnectionListener) => void;

/** What a connection needs of its endpoint. */
export interface ConnectionHost {
  readonly link: Link;
  /** Events wait to be delivered. */
  eventsWaiting(connection: MemoryConnection): void;
  handshakeOver(connection: MemoryConnection): void;
  /** A client's handshake has ended without a connection. */
  handshakeFailed(connection: MemoryConnection, info: ConnectionClosed): void;
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
  // Its parts use each other, and those of the peer.
  readonly wire: Wire;
  readonly streams: StreamLimits;
  readonly sending: Sending;
  readonly receiving: Receiving;
  readonly idle: IdleWatch;
  readonly #host: ConnectionHost;
  #peer: MemoryConnection | undefined;
  #phase: Phase = "handshaking";
  #isTold = false;
  #secret = "";
  readonly #began: number;
  #handshakeDuration = 0;
  #datagramsDropped = 0;

  constructor(
    host: ConnectionHost,
    id: number,
    isServer: boolean,
    transport: Transport,
    addresses: { readonly local: SocketAddress; readonly remote: SocketAddress },
  ) {
    this.#host = host;
    this.link = host.link;
    this.#began = host.link.clock.now();
    this.id = id;
    this.isServer = isServer;
    this.transport = transport;
    this.localAddress = addresses.local;
    this.remoteAddress = addresses.remote;
    this.wire = new Wire(this);
    this.sending = new Sending(this);
    this.receiving = new Receiving(this, transport);
    this.streams = new StreamLimits(this);
    this.idle = new IdleWatch(this.link.clock, {
      ping: () => {
        this.wire.tell(() => {});
      },
      expired: () => {
        this.end({ by: "transport", kind: "idle-timeout", code: 0n, reason: "" });
      },
    });
  }

  /** Frames never arrive before the handshake's own: see {@link Link}. */
  get floor(): Lane {
    return this.wire.floor;
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
    return this.#phase === "established" ? this.streams.open(direction) : undefined;
  }

  write(streamId: number, data: Uint8Array, fin: boolean): number {
    if (this.#phase !== "established" || (data.byteLength === 0 && !fin)) return 0;
    return this.sending.write(streamId, data, fin);
  }

  reset(streamId: number, code: bigint, reliableSize = 0): void {
    if (this.#phase !== "established") return;
    this.sending.reset(streamId, code, this.#hasResetStreamAt ? reliableSize : 0);
  }

  stop(streamId: number, code: bigint): void {
    if (this.#phase === "established") this.receiving.stop(streamId, code);
  }

  grant(streamId: number, bytes: number): void {
    if (this.#phase === "established") this.receiving.grant(streamId, bytes);
  }

  setReceiveWindow(bytes: number): number {
    return this.#phase === "established" ? this.receiving.setWindow(bytes) : 0;
  }

  unreadBytes(streamId?: number): number {
    return this.#phase === "established" ? this.receiving.unreadBytes(streamId) : 0;
  }

  setPriority(streamId: number, session: number, sendGroup: number, sendOrder: number): void {
    this.sending.setPriority(streamId, { session, group: sendGroup, order: sendOrder });
  }

  sendDatagram(header: Uint8Array, payload: Uint8Array): DatagramResult {
    const result = this.wire.queueDatagram(header, payload, this.maxDatagramSize());
    if (result !== "queued") this.#datagramsDropped += 1;
    return result;
  }

  maxDatagramSize(): number {
    if (this.#phase !== "established") return 0;
    // An end that accepts none sends none, either.
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
      ...this.wire.counts,
      datagramsDropped: this.#datagramsDropped,
    };
  }

  // The handshake.

  /** The peer's transport parameters have come, and keys: what stands in the preamble can leave. */
  meet(peer: MemoryConnection): void {
    this.#peer = peer;
    const { transport } = peer;
    this.sending.begin(transport);
    this.streams.begin(transport);
  }

  /** The handshake has completed; `secret` is the same at both ends. `tell`: the event of it. */
  establish(secret: string, tell: ConnectionEvent): void {
    this.#host.handshakeOver(this);
    this.#handshakeDuration = this.link.clock.now() - this.#began;
    this.#phase = "established";
    this.#secret = secret;
    this.#isTold = true;
    this.emit(tell);
    this.idle.start(this.transport, this.peer.transport);
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
      handshakeDuration: this.#handshakeDuration,
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

  /** The connection ends here, for whatever reason. */
  end(info: ConnectionClosed): void {
    if (this.#phase === "closed") return;
    if (info.by !== "local") this.receiving.deliverEverything();
    if (this.isServer && this.#phase === "handshaking") this.#host.handshakeFailed(this, info);
    const isTold = this.#isTold;
    if (isTold) {
      this.emit((listener) => {
        listener.closed(info);
      });
    }
    this.#phase = "closed";
    this.wire.clear();
    this.idle.stop();
    this.sending.clear();
    this.receiving.clear();
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
    }, this.wire.control);
  }

  changeAddress(port: number): void {
    const { peer } = this;
    this.wire.tell(() => {
      const remoteAddress = { ...peer.remoteAddress, port };
      peer.remoteAddress = remoteAddress;
      peer.emit((listener) => {
        listener.addressChanged(remoteAddress);
      });
    });
  }

  emit(event: ConnectionEvent): void {
    if (this.#phase === "closed") return;
    this.events.push(event);
    this.#host.eventsWaiting(this);
  }

  get #hasResetStreamAt(): boolean {
    return this.transport.resetStreamAt && this.#peer?.transport.resetStreamAt === true;
  }
}
