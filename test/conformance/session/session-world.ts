import type { QuicConnection, QuicEndpoint, TransportOptions } from "../../../src/engine/engine.ts";
import { controlStreamPreamble } from "../../../src/protocol/options.ts";
import type { WebTransportConnection } from "../../../src/transport/connection/connection.ts";
import { makeConnection } from "../../../src/transport/connection/make-connection.ts";
import type { OpenSessionOptions } from "../../../src/transport/connection/connection.ts";
import type { ConnectionOwner, RefusedRequest } from "../../../src/transport/connection/owner.ts";
import { connectionSettings } from "../../../src/transport/connection/settings.ts";
import type { ConnectionSettingsInit } from "../../../src/transport/connection/settings.ts";
import type { IncomingSession } from "../../../src/transport/session/request.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import type { EngineFactory, EngineUnderTest, Path } from "../engine/under-test.ts";
import { certificate, pattern } from "../engine/world.ts";

export interface WorldOptions {
  readonly client?: ConnectionSettingsInit;
  readonly server?: ConnectionSettingsInit;
  readonly clientTransport?: TransportOptions;
  readonly serverTransport?: TransportOptions;
  /** Bytes of all streams together that the server's end takes before they are read; fewer where the engine is slow. */
  readonly serverWindow?: number;
  /** Default: every request is accepted. */
  readonly onSession?: (request: IncomingSession) => void | Promise<void>;
  readonly onRefused?: (refused: RefusedRequest) => void;
  /** Of the server's connection. */
  readonly owner?: Partial<ConnectionOwner>;
}

/** One end of a connection, with what is under it: for what no well-behaved session does. */
export interface ConnectionEnd {
  readonly connection: WebTransportConnection;
  readonly quic: QuicConnection;
}

type ConnectionCounts = WebTransportConnection["counts"];

/** A server and a client that are connected, and their sessions. */
export class SessionWorld {
  readonly under: EngineUnderTest;
  readonly client: ConnectionEnd;
  readonly server: ConnectionEnd;
  readonly path: Path;
  readonly #endpoints: readonly QuicEndpoint[];
  readonly #accepted: WebTransportSession[];

  private constructor(
    under: EngineUnderTest,
    ends: { readonly client: ConnectionEnd; readonly server: ConnectionEnd },
    path: Path,
    endpoints: readonly QuicEndpoint[],
    accepted: WebTransportSession[],
  ) {
    this.under = under;
    this.client = ends.client;
    this.server = ends.server;
    this.path = path;
    this.#endpoints = endpoints;
    this.#accepted = accepted;
  }

  static async create(factory: EngineFactory, options: WorldOptions = {}): Promise<SessionWorld> {
    const under = factory();
    const windows = { streamReceiveWindow: 1_048_576 * under.scale, receiveWindow: 8_388_608 * under.scale };
    const serverWindows =
      options.serverWindow === undefined ? windows : { ...windows, receiveWindow: options.serverWindow * under.scale };
    const live = {
      ...under.time,
      maxStreamBufferSize: windows.streamReceiveWindow,
      receiveWindow: windows.receiveWindow,
      outgoingHighWaterMark: 65_536 * under.scale,
    };
    const accepted: WebTransportSession[] = [];
    const answerRequest = async (request: IncomingSession): Promise<void> => {
      if (options.onSession !== undefined) await options.onSession(request);
      else accepted.push(await request.accept());
    };
    let acceptServer: (end: ConnectionEnd) => void = () => {};
    const server = new Promise<ConnectionEnd>((resolve) => {
      acceptServer = resolve;
    });
    const serverEndpoint = await under.engine.createEndpoint(
      {
        host: "127.0.0.1",
        port: 0,
        server: { identity: certificate, alpn: ["h3"] },
        transport: {
          ...serverWindows,
          preamble: [controlStreamPreamble()],
          ...options.serverTransport,
        },
      },
      {
        connection: (quic, info) => {
          const connection = makeConnection({
            settings: connectionSettings({ ...live, receiveWindow: serverWindows.receiveWindow, ...options.server }),
            role: "server",
            quic,
            info,
            owner: {
              answerRequest,
              ...(options.onRefused && { requestRefused: options.onRefused }),
              ...options.owner,
            },
          });
          acceptServer({ connection, quic });
          return connection.listener;
        },
        failed: () => {},
      },
    );
    const clientEndpoint = await under.engine.createEndpoint(
      {
        host: "127.0.0.1",
        port: 0,
        transport: { ...windows, preamble: [controlStreamPreamble()], ...options.clientTransport },
      },
      {
        connection: () => {
          throw new Error("A client was connected to");
        },
        failed: () => {},
      },
    );
    const path = await under.path(serverEndpoint.localAddress);
    const address = { address: path.address, serverName: "localhost", alpn: ["h3"] };
    const quics: QuicConnection[] = [];
    const connection = makeConnection({
      settings: connectionSettings({ ...live, ...options.client }),
      role: "client",
      quic: (listener) => {
        const quic = clientEndpoint.connect({ ...address, verification: { kind: "insecure" } }, listener);
        quics.push(quic);
        return quic;
      },
    });
    const [quic] = quics;
    if (quic === undefined) throw new Error("The connection was not made");
    const ends = { client: { connection, quic }, server: await server };
    return new SessionWorld(under, ends, path, [serverEndpoint, clientEndpoint], accepted);
  }

  /** Bytes that tell where they stand; `length` where the engine is quick, fewer where it is not. */
  bytes(length: number): Uint8Array {
    return pattern(Math.floor(length * this.under.scale));
  }

  open(options: Partial<OpenSessionOptions> = {}): Promise<WebTransportSession> {
    return this.client.connection.openSession({ url: "https://localhost/test?x=1", ...options });
  }

  /** Both ends of a new session. */
  async session(): Promise<{ client: WebTransportSession; server: WebTransportSession }> {
    const before = this.#accepted.length;
    const client = await this.open();
    const server = this.#accepted[before];
    if (server === undefined) throw new Error("The server has accepted no session");
    return { client, server };
  }

  /** Resolves when what both ends have sent so far has arrived, as far as the path keeps the order. */
  async passed(): Promise<void> {
    const { client } = await this.session();
    const stream = await client.createUnidirectionalStream();
    await stream.writeAll("passed");
    await stream.writeClosed;
    await client.close({ abort: true });
  }

  /** Lets time pass until the promise settles: where time is virtual, by itself it stands still. */
  async elapsing<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    await this.under.elapse(milliseconds);
    return promise;
  }

  /** Ends everything and gives what is left of it: nothing but zeros. */
  async close(): Promise<{ readonly client: ConnectionCounts; readonly server: ConnectionCounts }> {
    await Promise.all([
      this.client.connection.close({ abort: true }),
      Promise.all(this.#endpoints.map((endpoint) => endpoint.close(0x100n, ""))),
    ]);
    await this.under.close();
    return { client: this.client.connection.counts, server: this.server.connection.counts };
  }
}
