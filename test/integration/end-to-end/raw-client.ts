/** A QUIC client that obeys nothing above QUIC: what it writes is what the server gets. */
import type {
  ConnectionClosed,
  ConnectionListener,
  QuicConnection,
  QuicEndpoint,
  StreamDirection,
} from "../../../src/engine/engine.ts";
import { nativeEngine } from "../../../src/engine/native/native-engine.ts";

import { certificate } from "./local-server.ts";

export class RawClient {
  readonly connection: QuicConnection;
  readonly closed: Promise<ConnectionClosed>;
  readonly #endpoint: QuicEndpoint;

  private constructor(endpoint: QuicEndpoint, connection: QuicConnection, closed: Promise<ConnectionClosed>) {
    this.#endpoint = endpoint;
    this.connection = connection;
    this.closed = closed;
  }

  /** Resolves when the handshake has completed. `heard`: what else the test hears of. */
  static async connect(port: number, heard: Partial<ConnectionListener> = {}): Promise<RawClient> {
    const endpoint = await nativeEngine().createEndpoint(
      { host: "127.0.0.1", port: 0 },
      { connection: () => ({ ...silent }), failed: () => {} },
    );
    return await new Promise((resolve, reject) => {
      let settleClosed: (info: ConnectionClosed) => void = () => {};
      const closed = new Promise<ConnectionClosed>((settle) => {
        settleClosed = settle;
      });
      const connection = endpoint.connect(
        {
          address: { host: "127.0.0.1", port },
          serverName: "localhost",
          alpn: ["h3"],
          verification: { kind: "hashes", hashes: [certificate.certificateHash.value] },
        },
        {
          ...silent,
          ...heard,
          connected: () => {
            resolve(new RawClient(endpoint, connection, closed));
          },
          closed: (info) => {
            settleClosed(info);
            reject(new Error(`The handshake failed: ${info.reason}`));
          },
        },
      );
    });
  }

  /** Opens a stream and writes; undefined when the server's limit is reached. */
  send(direction: StreamDirection, bytes: Uint8Array | readonly number[], fin = false): number | undefined {
    const stream = this.connection.open(direction);
    if (stream !== undefined) this.connection.write(stream, Uint8Array.from(bytes), fin);
    return stream;
  }

  async close(): Promise<void> {
    await this.#endpoint.close(0x100n, "");
  }
}

/** Takes everything and answers nothing. */
const silent: ConnectionListener = {
  connected: () => {},
  streamOpened: () => {},
  data: () => {},
  reset: () => {},
  stopped: () => {},
  accepted: () => {},
  finished: () => {},
  streamsAvailable: () => {},
  datagram: () => {},
  datagramsWritable: () => {},
  receiveWindowLow: () => {},
  addressChanged: () => {},
  closed: () => {},
  turnEnded: () => {},
};
