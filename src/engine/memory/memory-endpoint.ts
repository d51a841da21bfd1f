import { isIP } from "node:net";

import { EngineError } from "../engine.ts";
import type {
  ConnectOptions,
  ConnectionListener,
  EndpointListener,
  EndpointOptions,
  EndpointStats,
  QuicEndpoint,
  SocketAddress,
  TlsIdentity,
} from "../engine.ts";

import {
  closedBy,
  connectionRefused,
  negotiateAlpn,
  noCommonProtocol,
  refuseAsClient,
  refuseAsServer,
} from "./handshake.ts";
import type { ClientHello, Failure } from "./handshake.ts";
import { parseCertificates, parseIdentity } from "./identity.ts";
import type { Identity } from "./identity.ts";
import type { Link } from "./link.ts";
import { MemoryConnection } from "./memory-connection.ts";
import type { ConnectionHost } from "./memory-connection.ts";
import { isWildcard } from "./network.ts";
import type { AddressTable } from "./network.ts";
import { ServerSide } from "./server-side.ts";
import { resolveTransport } from "./transport.ts";
import type { Transport } from "./transport.ts";

/** What the endpoints of one engine share. */
export interface Surroundings {
  readonly link: Link;
  readonly addresses: AddressTable<MemoryEndpoint>;
  nextConnectionId(): number;
}

/** A socket's buffers, as the contract's statistics show them. */
const socketBufferSize = 2 * 1024 * 1024;
const longestTimer = 2 ** 31 - 1;
const hashLength = 32;

/** An endpoint whose packets never leave the process. */
export class MemoryEndpoint implements QuicEndpoint, ConnectionHost {
  readonly localAddress: SocketAddress;
  readonly link: Link;
  readonly #surroundings: Surroundings;
  readonly #listener: EndpointListener;
  readonly #transport: Transport;
  readonly #server: ServerSide | undefined;
  readonly #connections = new Set<MemoryConnection>();
  readonly #pending = new Set<MemoryConnection>();
  readonly #handshakeTimers = new Map<MemoryConnection, () => void>();
  #waiting = new Set<MemoryConnection>();
  #accepted = 0;
  #refused = 0;
  #isOpen = true;
  #closed: Promise<void> | undefined;
  readonly #keepAlive: NodeJS.Timeout;

  /** Throws {@link EngineError}. */
  constructor(surroundings: Surroundings, options: EndpointOptions, listener: EndpointListener) {
    this.#surroundings = surroundings;
    this.link = surroundings.link;
    this.#listener = listener;
    this.#transport = resolveTransport(options.transport);
    this.#server = options.server && new ServerSide(options.server);
    this.localAddress = surroundings.addresses.bind(options.host, options.port, options.reusePort ?? false, this);
    // An open socket keeps the process alive.
    this.#keepAlive = setInterval(() => {}, longestTimer);
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
      this.#send(client, () => {
        this.#surroundings.addresses.find(remote.host, remote.port)?.receiveHello(client, hello);
      });
    });
    return client;
  }

  updateIdentity(identity: TlsIdentity, serverName?: string): void {
    this.#server?.updateIdentity(identity, serverName);
  }

  stopAccepting(): void {
    if (this.#server !== undefined) this.#server.isAccepting = false;
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
      pendingHandshakes: this.#pending.size,
      handshakesAccepted: this.#accepted,
      handshakesRefused: this.#refused,
      receiveBufferSize: socketBufferSize,
      sendBufferSize: socketBufferSize,
    };
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
    if (this.#waiting.size === 0) {
      this.link.clock.transit(0, () => {
        this.#deliver();
      });
    }
    this.#waiting.add(connection);
  }

  drained(connection: MemoryConnection): void {
    this.#forget(connection);
  }

  // The handshake (RFC 8446 §2, RFC 9000 §7): hello, the server's flight, the client's.

  receiveHello(client: MemoryConnection, hello: ClientHello, isValidated = false): void {
    const server = this.#server;
    if (server === undefined || !this.#isOpen || client.isClosed) return;
    const refuse = (failure: Failure): void => {
      this.#refused += 1;
      this.#reply(client, () => {
        client.end(closedBy("peer", failure));
      });
    };
    if (!server.admits(this.#connections.size, this.#pending.size)) {
      refuse({ code: connectionRefused, reason: "" });
      return;
    }
    if (!isValidated && server.asksForRetry(this.#pending.size)) {
      this.#reply(client, () => {
        this.#send(client, () => {
          this.receiveHello(client, hello, true);
        });
      });
      return;
    }
    const alpn = negotiateAlpn(server.alpn, hello.options.alpn);
    if (alpn === undefined) {
      refuse(noCommonProtocol);
      return;
    }
    this.#accepted += 1;
    const local = isWildcard(this.localAddress.host)
      ? { ...client.remoteAddress, port: this.localAddress.port }
      : this.localAddress;
    const connection = this.#add(true, visibleAddress(client), local);
    this.#pending.add(connection);
    const identity = server.identityFor(hello.sni);
    this.link.carry(() => {
      this.#receiveFlight(client, connection, server, { hello, identity, alpn });
    }, connection.floor);
    // Keys exist: what stands in the preamble follows at once.
    connection.meet(client);
  }

  /** At the client. */
  #receiveFlight(
    client: MemoryConnection,
    connection: MemoryConnection,
    server: ServerSide,
    { hello, identity, alpn }: { hello: ClientHello; identity: Identity; alpn: string },
  ): void {
    const abandon = (): void => {
      this.#send(client, () => {
        connection.end(closedBy("peer", { code: 0n, reason: "" }));
      });
    };
    if (client.isClosed) {
      abandon();
      return;
    }
    const distrust = refuseAsClient(identity, hello);
    if (distrust !== undefined) {
      client.end(closedBy("local", distrust));
      abandon();
      return;
    }
    const secret = `${client.id}/${connection.id}`;
    const given = server.clientCertificates === "none" ? undefined : hello.identity;
    this.#send(client, () => {
      this.#receiveFinished(connection, server, { alpn, sni: hello.sni, identity: given, secret });
    });
    client.meetAndEstablish(connection, secret, alpn, identity.der);
  }

  /** At the server. */
  #receiveFinished(
    connection: MemoryConnection,
    server: ServerSide,
    given: { alpn: string; sni: string | undefined; identity: Identity | undefined; secret: string },
  ): void {
    if (connection.isClosed) return;
    this.handshakeOver(connection);
    const failure = refuseAsServer(server, given.identity);
    if (failure !== undefined) {
      connection.violated(failure.code, failure.reason);
      return;
    }
    connection.establish(given.secret, () => {
      const info = connection.info(given.alpn, given.sni, given.identity?.der ?? []);
      connection.listener = this.#listener.connection(connection, info);
    });
  }

  handshakeOver(connection: MemoryConnection): void {
    this.#pending.delete(connection);
    this.#handshakeTimers.get(connection)?.();
    this.#handshakeTimers.delete(connection);
  }

  #send(client: MemoryConnection, arrive: () => void): void {
    this.link.carry(arrive, client.floor);
  }

  #reply(client: MemoryConnection, arrive: () => void): void {
    this.link.carry(
      () => {
        if (!client.isClosed) arrive();
      },
      { last: 0 },
    );
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
    this.#connections.delete(connection);
  }

  #release(): void {
    this.#surroundings.addresses.release(this);
    clearInterval(this.#keepAlive);
    for (const connection of this.#connections) this.#forget(connection);
  }

  // A turn.

  #deliver(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const connection of waiting) this.#deliverTo(connection);
    for (const { listener } of waiting) {
      if (listener !== undefined) {
        guard(() => {
          listener.turnEnded();
        });
      }
    }
  }

  #deliverTo(connection: MemoryConnection): void {
    const { events } = connection;
    connection.events = [];
    for (const event of events) {
      const isAnnounced = connection.listener !== undefined;
      guard(() => {
        event(connection.listener ?? unannounced);
      });
      if (!isAnnounced && connection.listener === undefined) {
        // Nobody will ever listen to this connection.
        connection.close(0n, "");
        return;
      }
    }
  }
}

/** The first event of a server's connection brings its listener; this one is only there until then. */
const nobody = (): void => {};
const unannounced: ConnectionListener = {
  connected: nobody,
  streamOpened: nobody,
  data: nobody,
  reset: nobody,
  stopped: nobody,
  accepted: nobody,
  finished: nobody,
  streamsAvailable: nobody,
  datagram: nobody,
  datagramsWritable: nobody,
  receiveWindowLow: nobody,
  addressChanged: nobody,
  closed: nobody,
  turnEnded: nobody,
};

function helloOf(options: ConnectOptions): ClientHello {
  const { verification, serverName, identity } = options;
  if (verification.kind === "ca") parseCertificates(verification.ca);
  if (verification.kind === "hashes" && verification.hashes.some(({ byteLength }) => byteLength !== hashLength)) {
    throw new EngineError("invalid-option", "a SHA-256 hash has 32 bytes");
  }
  if (isIP(serverName) === 0 && !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?([.][a-z0-9_-]+)*[.]?$/i.test(serverName)) {
    throw new EngineError("invalid-option", `serverName is no host name: current value is "${serverName}"`);
  }
  return {
    options: { ...options, alpn: [...options.alpn] },
    identity: identity && parseIdentity(identity),
    sni: isIP(serverName) === 0 ? serverName : undefined,
  };
}

function addressOf(host: string, port: number): SocketAddress {
  const family = isIP(host);
  if (family !== 4 && family !== 6) {
    throw new EngineError("invalid-option", `host must be an IP address: current value is ${host}`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new EngineError("invalid-option", `port must be 1 to 65535: current value is ${port}`);
  }
  return { host, port, family };
}

/** Where the server sees the client: a socket bound to every address sends from the one that leads to the peer. */
function visibleAddress({ localAddress, remoteAddress }: MemoryConnection): SocketAddress {
  if (!isWildcard(localAddress.host)) return localAddress;
  const { host, family } = remoteAddress;
  return { host, family, port: localAddress.port };
}

/** A listener that throws is a fault of the layer above: the process hears of it as of any uncaught exception. */
function guard(action: () => void): void {
  try {
    action();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
