import type {
  ConnectionClosed,
  ConnectionInfo,
  ConnectionListener,
  ConnectionStats,
  DatagramResult,
  QuicConnection,
  SocketAddress,
  StreamDirection,
} from "../../../src/engine/engine.ts";

/** What an end of the link has sent on a stream, and what its peer was given of it. */
interface Flow {
  chunks: Uint8Array[];
  /** Bytes in `chunks`. */
  queued: number;
  /** Of these, bytes that `write` has returned or `accepted` has told. */
  accepted: number;
  credit: number;
  fin: boolean;
  /** Bytes written since the beginning. */
  written: number;
  /** Bytes handed to the peer since the beginning. */
  moved: number;
  finSent: boolean;
  ended: boolean;
}

/** Bytes of a stream that are taken before the reader has granted credit for them. */
const windowSize = 200_000;

/** One end of a QUIC connection without packets: events wait until the test says {@link Link.turn}. */
export class LinkedQuic implements QuicConnection {
  readonly id: number;
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress;
  peer!: LinkedQuic;
  listener!: ConnectionListener;
  events: (() => void)[] = [];
  closedBy: ConnectionClosed | undefined;
  limits: Record<StreamDirection, number> = { bidirectional: 100, unidirectional: 100 };
  datagramResult: DatagramResult | undefined;
  datagramsSent = 0;
  /** Announced by both ends of a link. */
  resetStreamAt = false;
  readonly flows = new Map<number, Flow>();
  readonly #isClient: boolean;
  #next: Record<StreamDirection, number>;
  #blocked = new Set<StreamDirection>();

  constructor(isClient: boolean) {
    this.#isClient = isClient;
    this.id = isClient ? 1 : 2;
    this.localAddress = { host: "127.0.0.1", port: isClient ? 50_000 : 4433, family: 4 };
    this.remoteAddress = { host: "127.0.0.1", port: isClient ? 4433 : 50_000, family: 4 };
    this.#next = { bidirectional: isClient ? 0 : 1, unidirectional: isClient ? 2 : 3 };
  }

  open(direction: StreamDirection): number | undefined {
    if (this.closedBy !== undefined) return undefined;
    if (this.limits[direction] <= 0) {
      this.#blocked.add(direction);
      return undefined;
    }
    this.limits[direction] -= 1;
    const id = this.#next[direction];
    this.#next[direction] += 4;
    this.flows.set(id, newFlow());
    if (direction === "bidirectional") this.peer.flows.set(id, newFlow());
    return id;
  }

  allow(direction: StreamDirection, streams: number): void {
    this.limits[direction] += streams;
    if (this.#blocked.delete(direction)) this.events.push(() => this.listener.streamsAvailable(direction));
  }

  write(streamId: number, data: Uint8Array, fin: boolean): number {
    const flow = this.flows.get(streamId);
    if (flow === undefined || flow.ended || flow.fin || this.closedBy !== undefined) return data.byteLength;
    this.#announce(streamId);
    if (data.byteLength > 0) flow.chunks.push(data.slice());
    flow.queued += data.byteLength;
    flow.written += data.byteLength;
    flow.fin ||= fin;
    const before = flow.accepted;
    flow.accepted = Math.min(flow.queued, Math.max(before, windowSize));
    const accepted = flow.accepted - before;
    this.#move(streamId);
    return accepted;
  }

  reset(streamId: number, code: bigint, reliableSize = 0): void {
    const flow = this.flows.get(streamId);
    if (flow === undefined || flow.ended || this.closedBy !== undefined) return;
    this.#announce(streamId);
    const finalSize = flow.written;
    const reliable = this.resetStreamAt ? Math.min(reliableSize, finalSize) : 0;
    if (this.resetStreamAt) this.#deliver(streamId, flow, reliable);
    flow.ended = true;
    flow.chunks = [];
    // Also for a stream that is not read any more: its final size is of interest.
    this.peer.events.push(() => {
      this.peer.listener.reset(streamId, code, finalSize, reliable);
    });
    this.events.push(() => this.listener.finished(streamId));
  }

  /** Streams that are not read any more, and the codes with which they were stopped. */
  readonly #unread = new Map<number, bigint>();
  /** Bytes of the peer have arrived. */
  take(streamId: number, bytes: Uint8Array<ArrayBuffer>, fin: boolean, finalSize: number): void {
    const code = this.#unread.get(streamId);
    if (code === undefined) this.listener.data(streamId, bytes, fin);
    else if (fin) this.listener.reset(streamId, code, finalSize, 0);
  }

  stop(streamId: number, code: bigint): void {
    if (this.closedBy !== undefined) return;
    this.#unread.set(streamId, code);
    this.peer.events.push(() => {
      const flow = this.peer.flows.get(streamId);
      if (flow === undefined || flow.ended || flow.finSent) return;
      flow.ended = true;
      flow.chunks = [];
      const finalSize = flow.written;
      this.events.push(() => {
        this.listener.reset(streamId, code, finalSize, 0);
      });
      this.peer.listener.stopped(streamId, code);
      this.peer.events.push(() => this.peer.listener.finished(streamId));
    });
  }

  grant(streamId: number, bytes: number): void {
    const flow = this.peer.flows.get(streamId);
    if (flow === undefined) return;
    flow.credit += bytes;
    this.peer.#move(streamId);
  }

  /** There is no window of the connection. */
  setReceiveWindow(bytes: number): number {
    return bytes;
  }

  unreadBytes(streamId?: number): number {
    const { flows } = this.peer;
    const unread = streamId === undefined ? [...flows.values()] : [flows.get(streamId)];
    return unread.reduce((sum, flow) => sum + (flow?.queued ?? 0), 0);
  }

  setPriority(_streamId: number, _session: number, _sendGroup: number, _sendOrder: number): void {}

  sendDatagram(header: Uint8Array, payload: Uint8Array): DatagramResult {
    const size = header.byteLength + payload.byteLength;
    if (size > 1200) return "too-large";
    if (this.datagramResult !== undefined) return this.datagramResult;
    this.datagramsSent += 1;
    const bytes = Uint8Array.from([...header, ...payload]);
    this.peer.events.push(() => this.peer.listener.datagram(bytes));
    return "queued";
  }

  maxDatagramSize(): number {
    return 1200;
  }

  close(code: bigint, reason: string): void {
    this.end({ by: "local", kind: "application", code, reason });
    this.peer.end({ by: "peer", kind: "application", code, reason });
  }

  end(info: ConnectionClosed): void {
    if (this.closedBy !== undefined) return;
    this.closedBy = info;
    this.events.push(() => this.listener.closed(info));
  }

  exportKeyingMaterial(_label: string, context: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    bytes.set(context.subarray(0, length));
    return bytes;
  }

  getStats(): ConnectionStats {
    return {
      rtt: 1,
      minRtt: 1,
      congestionWindow: 1,
      mtu: 1200,
      packetsSent: 0,
      packetsReceived: 0,
      packetsLost: 0,
      bytesSent: 0,
      bytesReceived: 0,
      datagramsDropped: 0,
    };
  }

  info(): ConnectionInfo {
    return {
      remoteAddress: this.remoteAddress,
      alpn: "h3",
      serverName: "localhost",
      peerCertificates: [],
      maxDatagramSize: 1200,
      resetStreamAt: this.resetStreamAt,
    };
  }

  /** Hands on the beginning of a stream, whatever the reader's credit. */
  #deliver(streamId: number, flow: Flow, end: number): void {
    while (flow.moved < end && flow.chunks[0] !== undefined) {
      const part = Uint8Array.from(flow.chunks[0].subarray(0, end - flow.moved));
      flow.chunks.shift();
      flow.moved += part.byteLength;
      this.peer.events.push(() => this.peer.take(streamId, part, false, flow.written));
    }
  }

  readonly #announced = new Set<number>();
  #announce(streamId: number): void {
    const mine = (streamId & 1) === (this.#isClient ? 0 : 1);
    if (!mine || this.#announced.has(streamId)) return;
    this.#announced.add(streamId);
    this.peer.events.push(() => this.peer.listener.streamOpened(streamId));
  }

  /** Hands on what the reader's credit allows. */
  #move(streamId: number): void {
    const flow = this.flows.get(streamId);
    if (flow === undefined || flow.ended || this.peer.closedBy !== undefined) return;
    let moved = 0;
    while (flow.chunks[0] !== undefined && flow.credit > 0) {
      const chunk = flow.chunks[0];
      const part = Uint8Array.from(chunk.subarray(0, flow.credit));
      if (part.byteLength === chunk.byteLength) flow.chunks.shift();
      else flow.chunks[0] = chunk.subarray(part.byteLength);
      flow.credit -= part.byteLength;
      flow.queued -= part.byteLength;
      flow.moved += part.byteLength;
      moved += part.byteLength;
      const last = flow.fin && flow.chunks.length === 0;
      if (last) flow.finSent = true;
      this.peer.events.push(() => this.peer.take(streamId, part, last, flow.written));
    }
    flow.accepted -= moved;
    const accepted = Math.min(flow.queued, windowSize) - flow.accepted;
    if (accepted > 0) {
      flow.accepted += accepted;
      this.events.push(() => this.listener.accepted(streamId, accepted));
    }
    if (flow.fin && flow.chunks.length === 0 && !flow.finSent) {
      flow.finSent = true;
      this.peer.events.push(() => this.peer.take(streamId, new Uint8Array(0), true, flow.written));
    }
    if (flow.finSent) {
      flow.ended = true;
      this.events.push(() => this.listener.finished(streamId));
    }
  }
}

function newFlow(): Flow {
  return {
    chunks: [],
    queued: 0,
    accepted: 0,
    credit: 65_536,
    fin: false,
    finSent: false,
    written: 0,
    moved: 0,
    ended: false,
  };
}

/** A client's and a server's end, linked. */
export class Link {
  readonly client = new LinkedQuic(true);
  readonly server = new LinkedQuic(false);

  constructor() {
    this.client.peer = this.server;
    this.server.peer = this.client;
  }

  /** Delivers what waits at both ends, once; false when nothing did. */
  turn(): boolean {
    let any = false;
    for (const end of [this.client, this.server]) {
      const events = end.events;
      end.events = [];
      for (const event of events) event();
      if (events.length > 0) {
        any = true;
        end.listener.turnEnded();
      }
    }
    return any;
  }

  /** Turns until nothing happens any more, neither on the link nor in the microtasks. */
  async settle(): Promise<void> {
    for (let idle = 0; idle < 2;) {
      const any = this.turn();
      await new Promise(setImmediate);
      idle = any ? 0 : idle + 1;
    }
  }
}
