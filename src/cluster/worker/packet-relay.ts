import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";

import { clusterDefaults } from "../defaults.ts";
import type { ForwardingStats } from "../stats/cluster-stats.ts";
import { encodeFrame, FrameReader } from "./packet-frames.ts";
import type { ForwardedPacket } from "./packet-frames.ts";

/** Milliseconds until a worker whose socket could not be reached is tried again. */
const retryDelay = 100;

/** The way to one other worker. */
interface Path {
  readonly path: string;
  socket: Socket | undefined;
  failedAt: number;
  isCorked: boolean;
}

/** Hands packets to the workers that they belong to, and takes this worker's from the others: over local sockets. */
export class PacketRelay {
  readonly #paths = new Map<number, Path>();
  readonly #incoming = new Set<Socket>();
  readonly #server: Server;
  readonly #ownPath: string;
  #sent = 0;
  #received = 0;
  #dropped = 0;

  private constructor(server: Server, ownPath: string) {
    this.#server = server;
    this.#ownPath = ownPath;
  }

  /** Listens at `ownPath`; every packet that comes there is told. Rejects as `listen` of node:net. */
  static async open(ownPath: string, onPacket: (packet: ForwardedPacket) => void): Promise<PacketRelay> {
    const server = createServer();
    const relay = new PacketRelay(server, ownPath);
    server.on("connection", (socket) => {
      relay.#accept(socket, onPacket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(ownPath, resolve);
    });
    server.unref();
    return relay;
  }

  get stats(): ForwardingStats {
    return { packetsSent: this.#sent, packetsReceived: this.#received, packetsDropped: this.#dropped };
  }

  /** The other workers, by slot. */
  setPaths(paths: readonly (readonly [slot: number, path: string])[]): void {
    const known = new Map(paths);
    for (const [slot, { path, socket }] of this.#paths) {
      if (known.get(slot) === path) continue;
      socket?.destroy();
      this.#paths.delete(slot);
    }
    for (const [slot, path] of known) {
      if (path === this.#ownPath || this.#paths.has(slot)) continue;
      this.#paths.set(slot, { path, socket: undefined, failedAt: -Infinity, isCorked: false });
    }
  }

  /** Returns false when nobody is in this slot. What a slow worker does not take is dropped, as a full socket does. */
  forward(slot: number, packet: ForwardedPacket): boolean {
    const path = this.#paths.get(slot);
    if (path === undefined) return false;
    const socket = this.#socketTo(path);
    if (socket === undefined || socket.writableLength > clusterDefaults.relayQueueSize) {
      this.#dropped += 1;
      return true;
    }
    // The packets of one turn leave together.
    if (!path.isCorked) {
      path.isCorked = true;
      socket.cork();
      process.nextTick(() => {
        path.isCorked = false;
        socket.uncork();
      });
    }
    this.#sent += 1;
    socket.write(encodeFrame(packet));
    return true;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#incoming) socket.destroy();
    for (const { socket } of this.#paths.values()) socket?.destroy();
    this.#paths.clear();
  }

  #socketTo(path: Path): Socket | undefined {
    if (path.socket !== undefined) return path.socket;
    if (performance.now() - path.failedAt < retryDelay) return undefined;
    const socket = connect(path.path);
    path.socket = socket;
    path.isCorked = false;
    socket.unref();
    // What is lost with it is sent again by QUIC.
    socket.on("error", () => {
      path.failedAt = performance.now();
    });
    socket.on("close", () => {
      if (path.socket === socket) path.socket = undefined;
    });
    return socket;
  }

  #accept(socket: Socket, onPacket: (packet: ForwardedPacket) => void): void {
    this.#incoming.add(socket);
    socket.unref();
    const reader = new FrameReader((packet) => {
      this.#received += 1;
      onPacket(packet);
    });
    socket.on("data", (chunk) => {
      if (!reader.push(chunk)) socket.destroy();
    });
    socket.on("error", () => {
      // The other worker has ended.
    });
    socket.on("close", () => {
      this.#incoming.delete(socket);
    });
  }
}
