import { EngineError } from "../engine.ts";
import type { ConnectionStats, DatagramResult, QuicConnection, SocketAddress, StreamDirection } from "../engine.ts";
import type { NativeEndpoint } from "./addon-loader.ts";
import { socketAddress } from "./event-decoder.ts";
import type { StopsInTurn } from "./stops-in-turn.ts";

/** What one connection's figures are read into. */
const figures = new Float64Array(9);

const datagramResults = ["queued", "blocked", "too-large", "unsupported"] as const;

/** One connection: every method is one call of the addon, and asks the endpoint to flush at the end of the microtasks. */
export class NativeConnection implements QuicConnection {
  readonly id: number;
  remoteAddress: SocketAddress;
  /** DATAGRAM frames that did not fit the queue or the path. */
  datagramsDropped = 0;
  readonly #native: NativeEndpoint;
  /** Once it has closed. */
  #lastStats: ConnectionStats | undefined;
  readonly #scheduleFlush: () => void;
  readonly #stops: StopsInTurn;
  readonly #endpointAddress: SocketAddress;

  constructor(
    id: number,
    native: NativeEndpoint,
    endpointAddress: SocketAddress,
    remoteAddress: SocketAddress,
    stops: StopsInTurn,
    scheduleFlush: () => void,
  ) {
    this.id = id;
    this.#native = native;
    this.#endpointAddress = endpointAddress;
    this.remoteAddress = remoteAddress;
    this.#stops = stops;
    this.#scheduleFlush = scheduleFlush;
  }

  /** `closed` has been told. The addon is not called for this id any more: it may give it to another connection. */
  get isClosed(): boolean {
    return this.#lastStats !== undefined;
  }

  /** `closed` is about to be told. The figures stay those of now, or 0 where the addon has freed the connection already. */
  end(): void {
    this.#lastStats ??= this.#readStats();
  }

  get localAddress(): SocketAddress {
    if (this.isClosed) return this.#endpointAddress;
    const ip = this.#native.localIp(this.id);
    return typeof ip === "string" ? socketAddress(ip, this.#endpointAddress.port) : this.#endpointAddress;
  }

  open(direction: StreamDirection): number | undefined {
    if (this.isClosed) return undefined;
    const stream = this.#native.open(this.id, direction === "unidirectional");
    this.#scheduleFlush();
    return stream < 0 ? undefined : stream;
  }

  write(streamId: number, data: Uint8Array, fin: boolean): number {
    if (this.isClosed || (data.length === 0 && !fin)) return 0;
    this.#scheduleFlush();
    return this.#native.write(this.id, streamId, data, fin);
  }

  reset(streamId: number, code: bigint, reliableSize = 0): void {
    if (this.isClosed) return;
    this.#scheduleFlush();
    this.#native.reset(this.id, streamId, code, reliableSize);
  }

  stop(streamId: number, code: bigint): void {
    if (this.isClosed) return;
    this.#scheduleFlush();
    const recordsWait = this.#native.stop(this.id, streamId, code);
    this.#stops.add(this.id, streamId, code, recordsWait);
  }

  grant(streamId: number, bytes: number): void {
    if (this.isClosed) return;
    this.#scheduleFlush();
    this.#native.grant(this.id, streamId, bytes);
  }

  setReceiveWindow(bytes: number): number {
    if (this.isClosed) return 0;
    this.#scheduleFlush();
    return this.#native.setReceiveWindow(this.id, bytes);
  }

  unreadBytes(streamId?: number): number {
    if (this.isClosed) return 0;
    return streamId === undefined ? this.#native.unreadBytes(this.id) : this.#native.unreadBytesOf(this.id, streamId);
  }

  setPriority(streamId: number, session: number, sendGroup: number, sendOrder: number): void {
    if (this.isClosed) return;
    this.#native.setPriority(this.id, streamId, session, sendGroup, sendOrder);
  }

  sendDatagram(header: Uint8Array, payload: Uint8Array): DatagramResult {
    const result = this.#queueDatagram(header, payload);
    if (result !== "queued") this.datagramsDropped += 1;
    return result;
  }

  maxDatagramSize(): number {
    return this.isClosed ? 0 : this.#native.maxDatagramSize(this.id);
  }

  close(code: bigint, reason: string): void {
    if (this.isClosed) return;
    this.#scheduleFlush();
    this.#native.close(this.id, code, reason);
  }

  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
    if (!Number.isInteger(length) || length < 1 || length > 4096) {
      throw new EngineError(
        "invalid-option",
        `Cannot export ${length} bytes of keying material: 1 to 4096 are allowed`,
      );
    }
    if (this.isClosed) {
      throw new EngineError("unavailable", "Cannot export keying material: the connection has ended");
    }
    const material = this.#native.exportKeyingMaterial(this.id, label, context, length);
    if (material === null) {
      throw new EngineError("unavailable", "Cannot export keying material before the handshake has completed");
    }
    return new Uint8Array(material);
  }

  getStats(): ConnectionStats {
    if (this.#lastStats === undefined) return this.#readStats();
    return { ...this.#lastStats, datagramsDropped: this.datagramsDropped };
  }

  #readStats(): ConnectionStats {
    // An object that Node-API makes takes ten times as long, and every connection is read once at its end.
    figures.fill(0);
    this.#native.connectionFigures(this.id, figures);
    return {
      rtt: figures[0] ?? 0,
      minRtt: figures[1] ?? 0,
      congestionWindow: figures[2] ?? 0,
      mtu: figures[3] ?? 0,
      packetsSent: figures[4] ?? 0,
      packetsReceived: figures[5] ?? 0,
      packetsLost: figures[6] ?? 0,
      bytesSent: figures[7] ?? 0,
      bytesReceived: figures[8] ?? 0,
      datagramsDropped: this.datagramsDropped,
    };
  }

  #queueDatagram(header: Uint8Array, payload: Uint8Array): DatagramResult {
    if (this.isClosed) return "unsupported";
    this.#scheduleFlush();
    return datagramResults[this.#native.sendDatagram(this.id, header, payload)] ?? "unsupported";
  }
}
