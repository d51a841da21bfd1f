import { addressGroup } from "../../base/address-group.ts";
import type { ConnectionInfo, ConnectionListener, SocketAddress } from "../engine.ts";
import type { HandshakeFailureCause } from "../handshake-failures.ts";

import {
  closedBy,
  connectionRefused,
  negotiateAlpn,
  noCommonProtocol,
  refuseAsClient,
  refuseAsServer,
} from "./handshake.ts";
import type { ClientHello, Failure } from "./handshake.ts";
import { HandshakeFailureCounts } from "./handshake-failures.ts";
import type { Identity } from "./identity.ts";
import type { Link } from "./link.ts";
import type { MemoryConnection } from "./memory-connection.ts";
import { isWildcard } from "./network.ts";
import type { ServerSide } from "./server-side.ts";

/** What {@link ServerHandshakes} needs of its endpoint. */
export interface HandshakeHost {
  readonly link: Link;
  readonly localAddress: SocketAddress;
  readonly isOpen: boolean;
  readonly connectionCount: number;
  addConnection(remote: SocketAddress, local: SocketAddress): MemoryConnection;
  handshakeOver(connection: MemoryConnection): void;
  announce(connection: MemoryConnection, info: ConnectionInfo): ConnectionListener;
}

/** The handshakes of a server (RFC 8446 §2, RFC 9000 §7): the client's hello, the server's flight, the client's. */
export class ServerHandshakes {
  readonly #host: HandshakeHost;
  readonly #server: ServerSide;
  readonly failures = new HandshakeFailureCounts();
  readonly #pending = new Set<MemoryConnection>();
  /** What clients' connections are counted by, where addresses are limited. */
  readonly #groups = new Map<MemoryConnection, string>();
  #accepted = 0;

  constructor(host: HandshakeHost, server: ServerSide) {
    this.#host = host;
    this.#server = server;
  }

  get pending(): number {
    return this.#pending.size;
  }
  get accepted(): number {
    return this.#accepted;
  }

  /** The handshake has ended, one way or the other. */
  over(connection: MemoryConnection): void {
    this.#pending.delete(connection);
  }

  /** The connection has ended. */
  forget(connection: MemoryConnection): void {
    this.#groups.delete(connection);
  }

  receiveHello(client: MemoryConnection, hello: ClientHello, isValidated = false): void {
    const server = this.#server;
    if (!this.#host.isOpen || client.isClosed || server.isSilent) return;
    const refuse = (cause: HandshakeFailureCause, failure: Failure): void => {
      this.failures.count(cause);
      this.#reply(client, () => {
        client.end(closedBy("peer", failure));
      });
    };
    const address =
      server.maxConnectionsPerAddress === undefined ? undefined : addressGroup(visibleAddress(client).host);
    const load = {
      connections: this.#host.connectionCount,
      pendingHandshakes: this.#pending.size,
      ofAddress: [...this.#groups.values()].filter((group) => group === address).length,
    };
    const refusal = server.refusal(load);
    if (refusal !== undefined) {
      refuse(refusal, { code: connectionRefused, reason: "" });
      return;
    }
    if (!isValidated && server.asksForRetry(load)) {
      this.#reply(client, () => {
        this.#send(client, () => {
          this.receiveHello(client, hello, true);
        });
      });
      return;
    }
    const alpn = negotiateAlpn(server.alpn, hello.options.alpn);
    if (alpn === undefined) {
      refuse("application_protocol", noCommonProtocol);
      return;
    }
    this.#accepted += 1;
    const local = isWildcard(this.#host.localAddress.host)
      ? { ...client.remoteAddress, port: this.#host.localAddress.port }
      : this.#host.localAddress;
    const connection = this.#host.addConnection(visibleAddress(client), local);
    this.#pending.add(connection);
    if (address !== undefined) this.#groups.set(connection, address);
    const identity = server.identityFor(hello.sni);
    this.#host.link.carry(() => {
      this.#receiveFlight(client, connection, { hello, identity, alpn });
    }, connection.floor);
    // Keys exist: what stands in the preamble follows at once.
    connection.meet(client);
  }

  /** At the client. */
  #receiveFlight(
    client: MemoryConnection,
    connection: MemoryConnection,
    { hello, identity, alpn }: { hello: ClientHello; identity: Identity; alpn: string },
  ): void {
    const abandon = (failure: Failure): void => {
      this.#send(client, () => {
        connection.end(closedBy("peer", failure));
      });
    };
    if (client.isClosed) {
      abandon({ code: 0n, reason: "" });
      return;
    }
    const distrust = refuseAsClient(identity, hello);
    if (distrust !== undefined) {
      client.end(closedBy("local", distrust));
      abandon(distrust);
      return;
    }
    const secret = `${client.id}/${connection.id}`;
    const given = this.#server.clientCertificates === "none" ? undefined : hello.identity;
    this.#send(client, () => {
      this.#receiveFinished(connection, { alpn, sni: hello.sni, identity: given, secret });
    });
    client.meetAndEstablish(connection, secret, alpn, identity.der);
  }

  /** At the server. */
  #receiveFinished(
    connection: MemoryConnection,
    given: { alpn: string; sni: string | undefined; identity: Identity | undefined; secret: string },
  ): void {
    if (connection.isClosed) return;
    this.#host.handshakeOver(connection);
    const failure = refuseAsServer(this.#server, given.identity);
    if (failure !== undefined) {
      connection.violated(failure.code, failure.reason);
      return;
    }
    connection.establish(given.secret, () => {
      const info = connection.info(given.alpn, given.sni, given.identity?.der ?? []);
      connection.listener = this.#host.announce(connection, info);
    });
  }

  #send(client: MemoryConnection, arrive: () => void): void {
    this.#host.link.carry(arrive, client.floor);
  }

  #reply(client: MemoryConnection, arrive: () => void): void {
    this.#host.link.carry(
      () => {
        if (!client.isClosed) arrive();
      },
      { last: 0 },
    );
  }
}

/** Where the server sees the client: a socket bound to every address sends from the one that leads to the peer. */
function visibleAddress({ localAddress, remoteAddress }: MemoryConnection): SocketAddress {
  if (!isWildcard(localAddress.host)) return localAddress;
  const { host, family } = remoteAddress;
  return { host, family, port: localAddress.port };
}
