import type {
  ConnectionListener,
  QuicConnection,
  StreamDirection,
  TransportOptions,
} from "../../../src/engine/engine.ts";
import { MemoryConnection } from "../../../src/engine/memory/memory-connection.ts";
import { memoryEngine } from "../../../src/engine/memory/memory-engine.ts";
import type { MemoryEngine } from "../../../src/engine/memory/memory-engine.ts";
import { VirtualClock } from "../../../src/engine/memory/virtual-clock.ts";
import { controlStreamPreamble } from "../../../src/protocol/options.ts";
import type { WebTransportConnection } from "../../../src/transport/connection/connection.ts";
import { makeConnection } from "../../../src/transport/connection/make-connection.ts";
import { connectionSettings } from "../../../src/transport/connection/settings.ts";
import type { ConnectionSettings, ConnectionSettingsInit } from "../../../src/transport/connection/settings.ts";
import type { AcceptOptions, IncomingSession } from "../../../src/transport/session/request.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { certificate } from "../../conformance/engine/world.ts";

export interface PairOptions {
  readonly client?: ConnectionSettingsInit;
  readonly server?: ConnectionSettingsInit;
  readonly onSession?: (request: IncomingSession) => void | Promise<void>;
}

type Side = "client" | "server";
type Sides<T> = Readonly<Record<Side, T>>;

/** A client's and a server's connection over the memory engine, where nothing travels and no time passes by itself. */
export class Pair {
  readonly time: VirtualClock;
  readonly engine: MemoryEngine;
  readonly client: WebTransportConnection;
  readonly server: WebTransportConnection;
  /** What the connections stand on: for what no well-behaved session does. */
  readonly quic: Sides<MemoryConnection>;
  readonly accepted: WebTransportSession[];

  private constructor(
    engine: MemoryEngine,
    connections: Sides<WebTransportConnection>,
    quic: Sides<MemoryConnection>,
    accepted: WebTransportSession[],
  ) {
    this.engine = engine;
    this.time = engine.clock;
    this.client = connections.client;
    this.server = connections.server;
    this.quic = quic;
    this.accepted = accepted;
  }

  static async create(options: PairOptions = {}): Promise<Pair> {
    const clock = new VirtualClock({ automatic: false });
    const engine = memoryEngine({ clock });
    const common = { now: clock.now, setTimer: clock.setTimer };
    const settings = {
      client: connectionSettings({ ...common, ...options.client }),
      server: connectionSettings({ ...common, ...options.server }),
    };
    const accepted: WebTransportSession[] = [];
    const answerRequest =
      options.onSession ??
      (async (request): Promise<void> => {
        accepted.push(await request.accept());
      });
    const made: { quic: QuicConnection; connection: WebTransportConnection }[] = [];
    const address = { host: "127.0.0.1", port: 0 };
    const endpoint = await engine.createEndpoint(
      { ...address, server: { identity: certificate, alpn: ["h3"] }, transport: transportOf("server", settings) },
      {
        connection: (quic, info) => {
          const owner = { answerRequest };
          const connection = makeConnection({
            settings: settings.server,
            role: "server",
            quic,
            info,
            owner,
          });
          made.push({ quic, connection });
          return connection.listener;
        },
        failed: fail,
      },
    );
    const clients = await engine.createEndpoint(
      { ...address, transport: transportOf("client", settings) },
      { connection: fail, failed: fail },
    );
    const connect = (listener: ConnectionListener): QuicConnection =>
      clients.connect(
        {
          address: endpoint.localAddress,
          serverName: "localhost",
          alpn: ["h3"],
          verification: { kind: "insecure" },
        },
        listener,
      );
    let quic: QuicConnection | undefined;
    const client = makeConnection({
      settings: settings.client,
      role: "client",
      quic: (listener) => (quic = connect(listener)),
    });
    await clock.settle();
    const [server] = made;
    if (server === undefined) throw new Error("The server was not connected to");
    for (const each of [endpoint, clients]) each.unref();
    return new Pair(
      engine,
      { client, server: server.connection },
      { client: inMemory(quic), server: inMemory(server.quic) },
      accepted,
    );
  }

  /** Accepts as `onSession` would by default. */
  accept(request: IncomingSession, options: AcceptOptions = {}): Promise<WebTransportSession> {
    return request.accept(options);
  }

  settle(): Promise<void> {
    return this.time.settle();
  }

  /** Waits for a promise while everything arrives. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    await this.settle();
    return promise;
  }

  /** A session of both sides. */
  async session(): Promise<{ client: WebTransportSession; server: WebTransportSession }> {
    const client = await this.wait(this.client.openSession({ url: "https://localhost:4433/test?x=1" }));
    const server = this.accepted.at(-1);
    if (server === undefined) throw new Error("The server has accepted no session");
    return { client, server };
  }

  /** Both ends lose the connection, as after an idle time-out. */
  lose(): void {
    const lost = { by: "transport", kind: "idle-timeout", code: 0n, reason: "" } as const;
    this.quic.server.end(lost);
    this.quic.client.end(lost);
  }

  /** Lets the client open no stream of a kind beyond those that {@link StreamLimit.allow} allows. */
  limit(direction: StreamDirection): StreamLimit {
    return new StreamLimit(this.quic.client, this.client.listener, direction);
  }

  /** QUIC takes no datagram of this side until the returned function is called. */
  blockDatagrams(side: Side): () => void {
    const quic = this.quic[side];
    quic.sendDatagram = (): "blocked" => "blocked";
    return () => {
      Reflect.deleteProperty(quic, "sendDatagram");
      this[side].listener.datagramsWritable();
    };
  }
}

/** The peer's limit on streams of a kind. */
export class StreamLimit {
  /** So many more can be opened. */
  left = 0;
  readonly #listener: ConnectionListener;
  readonly #direction: StreamDirection;

  constructor(quic: MemoryConnection, listener: ConnectionListener, direction: StreamDirection) {
    this.#listener = listener;
    this.#direction = direction;
    const open = quic.open.bind(quic);
    quic.open = (wanted): number | undefined => {
      if (wanted !== direction) return open(wanted);
      if (this.left === 0) return undefined;
      this.left -= 1;
      return open(wanted);
    };
  }

  allow(streams: number): void {
    this.left += streams;
    this.#listener.streamsAvailable(this.#direction);
  }
}

function transportOf(role: Side, settings: Sides<ConnectionSettings>): TransportOptions {
  const { core, streamBufferSize, receiveWindow } = settings[role];
  return {
    preamble: [controlStreamPreamble(core)],
    initialCredit: streamBufferSize,
    streamReceiveWindow: 200_000,
    receiveWindow,
    maxIncomingBidirectionalStreams: 100,
    maxIncomingUnidirectionalStreams: 100,
    resetStreamAt: false,
    // Timers of the connections are all that the clock has.
    maxIdleTimeout: 0,
    keepAliveInterval: 0,
  };
}

function inMemory(quic: QuicConnection | undefined): MemoryConnection {
  if (quic instanceof MemoryConnection) return quic;
  throw new Error("The connection was not made");
}

function fail(): never {
  throw new Error("The endpoint has failed, or was connected to");
}
