import { EngineError } from "../engine.ts";
import type {
  ConnectionClosed,
  ConnectionInfo,
  ConnectionListener,
  ConnectOptions,
  EndpointListener,
  EndpointOptions,
  EndpointStats,
  PacketCounts,
  QuicEndpoint,
  SharedKeys,
  SocketAddress,
  TlsIdentity,
} from "../engine.ts";
import { handshakeFailuresOf } from "../handshake-failures.ts";

import { helloOf } from "./connect-options.ts";
import { causeOf } from "./handshake-failures.ts";
import type { ClientHello } from "./handshake.ts";
import type { Link } from "./link.ts";
import { MemoryConnection } from "./memory-connection.ts";
import type { ConnectionHost } from "./memory-connection.ts";
import { addressOf } from "./network.ts";
import type { AddressTable } from "./network.ts";
import { ServerHandshakes } from "./server-handshakes.ts";
import type { HandshakeHost } from "./server-handshakes.ts";
import { ServerSide } from "./server-side.ts";
import { checkShares, checkSteering, checkWorkers, invalid } from "./shared-keys.ts";
import { resolveTransport } from "./transport.ts";
import type { Transport } from "./transport.ts";
import { guard, Turns } from "./turns.ts";
import { addPackets, noPackets } from "../packet-counts.ts";

/** What the endpoints of one engine share. */
export interface Surroundings {
  readonly link: Link;
  readonly addresses: AddressTable<MemoryEndpoint>;
  nextConnectionId(): number;
}

/** A socket's buffers, as the contract's statistics show them. */
const socketBufferSize = 2 * 1024 * 1024;
const longestTimer = 2 ** 31 - 1;

/** An endpoint whose packets never leave the process. */
export class MemoryEndpoint implements QuicEndpoint, ConnectionHost, HandshakeHost {
  readonly localAddress: SocketAddress;
  readonly link: Link;
  readonly #surroundings: Surroundings;
  readonly #listener: EndpointListener;
  readonly #transport: Transport;
  readonly #slots: number | undefined;
  readonly #server: ServerSide | undefined;
  readonly #handshakes: ServerHandshakes | undefined;
  readonly #turns: Turns;
  readonly #connections = new Set<MemoryConnection>();
  /** Of connections that have ended. */
  #endedPackets = noPackets;
  readonly #handshakeTimers = new Map<MemoryConnection, () => void>();
  #isOpen = true;
  #closed: Promise<void> | undefined;
  readonly #keepAlive: NodeJS.Timeout;

  /** Throws {@link EngineError}. */
  constructor(surroundings: Surroundings, options: EndpointOptions, listener: EndpointListener) {
    this.#surroundings = surroundings;
    this.link = surroundings.link;
    this.#listener = listener;
    checkSteering(options);
    this.#slots = options.steering?.slots;
    this.#transport = resolveTransport(options.transport);
    this.#server = options.server && new ServerSide(options.server);
    this.#handshakes = this.#server && new ServerHandshakes(this, this.#server);
    this.#turns = new Turns(this.link.clock);
    this.localAddress = surroundings.addresses.bind(options.host, options.port, options.reusePort ?? false, this);
    // An open socket keeps the process alive.
    this.#keepAlive = setInterval(() => {}, longestTimer);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  connect(options: ConnectOptions, listener: ConnectionListener): MemoryConnection {
    if (!this.#isOpen) throw new EngineError("unavailable", "the endpoint has closed");
    const hello = helloOf(options);
    const remote = addressOf(options.address.host, options.address.port);
    const client = this.#add(false, remote, this.localAddress);
    client.listenFromTheStart(listener);
    this.link.clock.transit(0, () => {
      this.link.carry(() => {
        this.#surroundings.addresses.find(remote.host, remote.port)?.receiveHello(client, hello);
      }, client.floor);
    });
    return client;
  }

  updateIdentity(identity: TlsIdentity, serverName?: string): void {
    this.#server?.updateIdentity(identity, serverName);
  }

  updateKeys(keys: SharedKeys): void {
    if (this.#server === undefined) throw invalid("this endpoint is not a server");
    this.#server.updateKeys(keys);
  }

  setActiveWorkers(workerIds: readonly number[], shares?: readonly number[]): void {
    if (this.#slots === undefined) throw invalid('this endpoint has no option "steering"');
    checkWorkers("workerIds", workerIds, this.#slots);
    checkShares("shares", shares, workerIds.length);
  }

  /** There are no packets. */
  receive(): void {}

  stopAccepting({ silently = false }: { readonly silently?: boolean } = {}): void {
    if (this.#server === undefined) return;
    // A refusal that has begun is not taken back.
    this.#server.isSilent = silently && this.#server.isAccepting;
    this.#server.isAccepting = this.#server.isSilent;
  }

  ref(): void {
    if (this.#isOpen) this.#keepAlive.ref();
  }

  unref(): void {
    this.#keepAlive.unref();
  }

  getStats(): EndpointStats {
    return {
      connections: this.#connections.size,
      pendingHandshakes: this.#handshakes?.pending ?? 0,
      handshakesAccepted: this.#handshakes?.accepted ?? 0,
      handshakesRefused: this.#handshakes?.failures.refused ?? 0,
      handshakeFailures: this.#handshakes?.failures.all ?? handshakeFailuresOf(() => 0),
      packets: this.#packets,
      receiveBufferSize: socketBufferSize,
      sendBufferSize: socketBufferSize,
    };
  }

  /** The order of the connections stands for their slots. */
  survey(first: number, roundTrips: Float64Array): number {
    roundTrips.fill(NaN);
    let slot = 0;
    for (const connection of this.#connections) {
      const index = slot - first;
      if (connection.isEstablished && index >= 0 && index < roundTrips.length) {
        roundTrips[index] = connection.getStats().rtt;
      }
      slot += 1;
    }
    return slot;
  }

  close(code: bigint, reason: string): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#isOpen = false;
      for (const connection of this.#connections) connection.close(code, reason);
      // Behind the close frames, which leave at the end of this turn.
      this.link.clock.transit(0, () => {
        this.#release();
        // Behind the `closed` events.
        this.link.clock.transit(0, resolve);
      });
    });
    return this.#closed;
  }

  /** As if engine or socket had broken. */
  fail(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#closed ??= Promise.resolve();
    for (const connection of this.#connections) {
      connection.end({ by: "transport", kind: "failed", code: 0n, reason });
    }
    this.#release();
    this.link.clock.transit(0, () => {
      guard(() => {
        this.#listener.failed(new EngineError("internal", `The QUIC engine failed: ${reason}`));
      });
    });
  }

  // What connections tell.

  eventsWaiting(connection: MemoryConnection): void {
    this.#turns.eventsWaiting(connection);
  }

  drained(connection: MemoryConnection): void {
    this.#forget(connection);
  }

  handshakeOver(connection: MemoryConnection): void {
    this.#handshakes?.over(connection);
    this.#handshakeTimers.get(connection)?.();
    this.#handshakeTimers.delete(connection);
  }

  handshakeFailed(connection: MemoryConnection, info: ConnectionClosed): void {
    this.handshakeOver(connection);
    this.#handshakes?.failures.count(causeOf(info));
  }

  // A server's handshakes.

  receiveHello(client: MemoryConnection, hello: ClientHello): void {
    this.#handshakes?.receiveHello(client, hello);
  }

  addConnection(remote: SocketAddress, local: SocketAddress): MemoryConnection {
    return this.#add(true, remote, local);
  }

  announce(connection: MemoryConnection, info: ConnectionInfo): ConnectionListener {
    return this.#listener.connection(connection, info);
  }

  #add(isServer: boolean, remote: SocketAddress, local: SocketAddress): MemoryConnection {
    const id = this.#surroundings.nextConnectionId();
    const connection = new MemoryConnection(this, id, isServer, this.#transport, { local, remote });
    this.#connections.add(connection);
    const expired = (): void => {
      this.#handshakeTimers.delete(connection);
      connection.end({ by: "transport", kind: "handshake-timeout", code: 0n, reason: "" });
    };
    this.#handshakeTimers.set(connection, this.link.clock.setTimer(this.#transport.handshakeTimeout, expired));
    return connection;
  }

  #forget(connection: MemoryConnection): void {
    this.handshakeOver(connection);
    this.#handshakes?.forget(connection);
    if (this.#connections.delete(connection)) {
      this.#endedPackets = addPackets(this.#endedPackets, connection.getStats());
    }
  }

  get #packets(): PacketCounts {
    let packets = this.#endedPackets;
    for (const connection of this.#connections) packets = addPackets(packets, connection.getStats());
    return packets;
  }

  #release(): void {
    this.#surroundings.addresses.release(this);
    clearInterval(this.#keepAlive);
    for (const connection of this.#connections) this.#forget(connection);
  }
}
