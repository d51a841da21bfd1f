import { EngineError } from "../engine.ts";
import type {
  ConnectionClosed,
  ConnectionInfo,
  ConnectionListener,
  ConnectOptions,
  EndpointListener,
  EndpointOptions,
  EndpointStats,
  QuicConnection,
  QuicEndpoint,
  SharedKeys,
  SocketAddress,
  TlsIdentity,
} from "../engine.ts";
import { handshakeFailuresOf } from "../handshake-failures.ts";
import { withEngineErrors } from "./addon-loader.ts";
import type { Addon, NativeConnectOptions, NativeEndpoint } from "./addon-loader.ts";
import { decodeEvents, socketAddress } from "./event-decoder.ts";
import type { EventTarget } from "./event-decoder.ts";
import { NativeConnection } from "./native-connection.ts";
import { StopsInTurn } from "./stops-in-turn.ts";

/** Holds the records of nearly every turn; a larger batch gets a buffer of its own for once. */
const scratchLength = 256 * 1024;

interface Entry {
  readonly connection: NativeConnection;
  readonly listener: ConnectionListener;
  /** Has had events in this turn. */
  touched: boolean;
}

/** Feeds the addon's events to the listeners, and the calls that they make back to the addon. */
export class NativeQuicEndpoint implements QuicEndpoint {
  readonly localAddress: SocketAddress;
  readonly #native: NativeEndpoint;
  readonly #listener: EndpointListener;
  readonly #keyLog: ((line: string) => void) | undefined;
  readonly #entries = new Map<number, Entry>();
  readonly #scratch = new Uint8Array(scratchLength);
  readonly #stops = new StopsInTurn();
  #touched: Entry[] = [];
  #flushScheduled = false;
  #closed: PromiseWithResolvers | undefined;
  #ended = false;

  constructor(addon: Addon, waker: "uv" | "poll", options: EndpointOptions, listener: EndpointListener) {
    const { keyLog, ...transport } = options.transport ?? {};
    this.#listener = listener;
    this.#keyLog = keyLog;
    this.#native = withEngineErrors(
      () =>
        new addon.NativeEndpoint(
          {
            host: options.host,
            port: options.port,
            reusePort: options.reusePort ?? false,
            waker,
            ...(options.descriptor === undefined ? {} : { descriptor: options.descriptor }),
            ...(options.steering === undefined
              ? {}
              : { steering: { ...options.steering, foreignPackets: listener.foreignPacket !== undefined } }),
            ...(options.server === undefined ? {} : { server: options.server }),
            transport,
            keyLog: keyLog !== undefined,
          },
          () => {
            this.#deliver();
          },
        ),
    );
    const { host, port } = this.#native.localAddress();
    this.localAddress = socketAddress(host, port);
  }

  get connectionCount(): number {
    return this.#native.stats().connections;
  }

  connect(options: ConnectOptions, listener: ConnectionListener): QuicConnection {
    if (this.#closed !== undefined) throw new EngineError("unavailable", "the endpoint has closed");
    const { address, verification, identity, serverName, alpn } = options;
    const native: NativeConnectOptions = {
      host: address.host,
      port: address.port,
      serverName,
      alpn,
      verification: verification.kind,
      ...(verification.kind === "ca" ? { ca: verification.ca } : {}),
      ...(verification.kind === "hashes" ? { hashes: verification.hashes } : {}),
      ...(identity === undefined ? {} : { identity }),
    };
    const id = withEngineErrors(() => this.#native.connect(native));
    this.#scheduleFlush();
    const connection = this.#connection(id, socketAddress(address.host, address.port));
    this.#add(connection, listener);
    return connection;
  }

  updateIdentity(identity: TlsIdentity, serverName?: string): void {
    withEngineErrors(() => {
      this.#native.updateIdentity(identity, serverName);
    });
  }

  updateKeys(keys: SharedKeys): void {
    withEngineErrors(() => {
      this.#native.updateKeys(keys);
    });
  }

  setActiveWorkers(workerIds: readonly number[], shares?: readonly number[]): void {
    withEngineErrors(() => {
      this.#native.setActiveWorkers([...workerIds], shares?.slice());
    });
  }

  receive(packet: Uint8Array, remoteAddress: SocketAddress, localHost?: string): void {
    withEngineErrors(() => {
      this.#native.receive(packet, remoteAddress.host, remoteAddress.port, localHost);
    });
    this.#scheduleFlush();
  }

  stopAccepting(options: { readonly silently?: boolean } = {}): void {
    this.#native.stopAccepting(options.silently ?? false);
  }

  ref(): void {
    this.#native.setReferenced(true);
  }

  unref(): void {
    this.#native.setReferenced(false);
  }

  getStats(): EndpointStats {
    const stats = this.#native.stats();
    // socket(7): Linux doubles what it grants, for its own bookkeeping, and tells the doubled value.
    const factor = process.platform === "linux" ? 2 : 1;
    const { receiveBufferSize, sendBufferSize } = stats;
    const { packetsSent, packetsReceived, packetsLost, bytesSent, bytesReceived } = stats;
    return {
      connections: stats.connections,
      pendingHandshakes: stats.pendingHandshakes,
      handshakesAccepted: stats.handshakesAccepted,
      handshakesRefused: stats.handshakesRefused,
      handshakeFailures: handshakeFailuresOf((_cause, index) => stats.handshakeFailures[index] ?? 0),
      packets: { packetsSent, packetsReceived, packetsLost, bytesSent, bytesReceived },
      receiveBufferSize: receiveBufferSize / factor,
      sendBufferSize: sendBufferSize / factor,
    };
  }

  survey(first: number, roundTrips: Float64Array): number {
    return this.#native.survey(first, roundTrips);
  }

  close(code: bigint, reason: string): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = promiseWithResolvers();
      this.#native.closeAll(code, reason);
      this.#scheduleFlush();
      this.#checkEnd();
    }
    return this.#closed.promise;
  }

  #connection(id: number, remoteAddress: SocketAddress): NativeConnection {
    return new NativeConnection(id, this.#native, this.localAddress, remoteAddress, this.#stops, () => {
      this.#scheduleFlush();
    });
  }

  #add(connection: NativeConnection, listener: ConnectionListener): Entry {
    const entry: Entry = { connection, listener, touched: false };
    this.#entries.set(connection.id, entry);
    return entry;
  }

  /** Called by the addon when a turn has events, and once more when the endpoint has ended. */
  #deliver(): void {
    let bytes = this.#scratch;
    let length = this.#native.takeEvents(bytes);
    if (length < 0) {
      bytes = new Uint8Array(-length);
      length = this.#native.takeEvents(bytes);
    }
    this.#stops.begin();
    decodeEvents(bytes, length, this.#takeLarge, this.#events);
    this.#stops.end();
    this.#endTurn();
    if (this.#keyLog !== undefined) this.#deliverKeyLog(this.#keyLog);
    // The call that tells of the end has no events.
    if (length === 0) this.#checkEnd();
  }

  readonly #takeLarge = (index: number): ArrayBuffer => this.#native.takeLarge(index);

  readonly #events: EventTarget = {
    reached: (id) => {
      const entry = this.#entries.get(id);
      if (entry === undefined) return undefined;
      this.#touch(entry);
      return entry.listener;
    },
    accepted: (id, info) => {
      this.#accept(id, info);
    },
    addressChanged: (id, address) => {
      const entry = this.#entries.get(id);
      if (entry === undefined) return;
      entry.connection.remoteAddress = address;
      this.#touch(entry);
      entry.listener.addressChanged(address);
    },
    closed: (id, info) => {
      this.#close(id, info);
    },
    foreignPacket: (workerId, packet, remote, localHost) => {
      if (this.#listener.foreignPacket?.(workerId, packet, remote, localHost) !== true) {
        this.receive(packet, remote, localHost);
      }
    },
    stopCode: (id, streamId) => this.#stops.codeOf(id, streamId),
    threw: report,
  };

  #accept(id: number, info: ConnectionInfo): void {
    const connection = this.#connection(id, info.remoteAddress);
    try {
      this.#touch(this.#add(connection, this.#listener.connection(connection, info)));
    } catch (error) {
      // Nobody will ever listen to this connection.
      this.#native.close(id, 0n, "");
      connection.end();
      throw error;
    }
  }

  #close(id: number, info: ConnectionClosed): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    entry.connection.end();
    this.#touch(entry);
    entry.listener.closed(info);
  }

  #touch(entry: Entry): void {
    if (entry.touched) return;
    entry.touched = true;
    this.#touched.push(entry);
  }

  #endTurn(): void {
    const touched = this.#touched;
    this.#touched = [];
    for (const entry of touched) {
      entry.touched = false;
      this.#guard(() => {
        entry.listener.turnEnded();
      });
    }
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      report(error);
    }
  }

  #deliverKeyLog(keyLog: (line: string) => void): void {
    for (const line of this.#native.takeKeyLog()) {
      this.#guard(() => {
        keyLog(line);
      });
    }
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    if (this.#native.flush()) this.#checkEnd();
  };

  /** The addon closes the endpoint itself, when the last frame is sent, or when it has failed. */
  #checkEnd(): void {
    if (this.#ended || !this.#native.isClosed()) return;
    this.#ended = true;
    const failure = this.#native.failure();
    const info = { by: "transport", kind: "failed", code: 0n, reason: failure ?? "the endpoint has closed" } as const;
    for (const id of [...this.#entries.keys()]) {
      this.#guard(() => {
        this.#close(id, info);
      });
    }
    this.#endTurn();
    this.#closed ??= promiseWithResolvers();
    this.#closed.resolve();
    if (failure !== null) {
      this.#guard(() => {
        this.#listener.failed(new EngineError("internal", `The QUIC engine failed: ${failure}`));
      });
    }
  }
}

/** A listener that throws is a fault of the layer above: the process hears of it as of any uncaught exception. */
function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function promiseWithResolvers(): PromiseWithResolvers {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
