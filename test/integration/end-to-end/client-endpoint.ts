/** Client connections that share one socket, each with several sessions, and with a hand on QUIC itself. */
import type { QuicConnection, QuicEndpoint } from "../../../src/engine/engine.ts";
import { nativeEngine } from "../../../src/engine/native/native-engine.ts";
import { controlStreamPreamble } from "../../../src/protocol/options.ts";
import type { WebTransportConnection } from "../../../src/transport/connection/connection.ts";
import { makeConnection } from "../../../src/transport/connection/make-connection.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { certificate } from "./local-server.ts";

export class ClientEndpoint {
  readonly #endpoint: QuicEndpoint;
  readonly #serverPort: number;

  private constructor(endpoint: QuicEndpoint, serverPort: number) {
    this.#endpoint = endpoint;
    this.#serverPort = serverPort;
  }

  static async bind(serverPort: number): Promise<ClientEndpoint> {
    const transport = { preamble: [controlStreamPreamble()] };
    const listener = { connection: refuse, failed: refuse };
    return new ClientEndpoint(
      await nativeEngine().createEndpoint({ host: "127.0.0.1", port: 0, transport }, listener),
      serverPort,
    );
  }

  get connectionCount(): number {
    return this.#endpoint.connectionCount;
  }

  connect(): ClientConnection {
    return new ClientConnection(this.#endpoint, this.#serverPort);
  }

  async close(): Promise<void> {
    await this.#endpoint.close(0x100n, "");
  }
}

export class ClientConnection {
  readonly connection: WebTransportConnection;
  readonly quic: QuicConnection;
  readonly #serverPort: number;

  constructor(endpoint: QuicEndpoint, serverPort: number) {
    this.#serverPort = serverPort;
    let quic: QuicConnection | undefined;
    this.connection = makeConnection({
      role: "client",
      quic: (listener) => {
        quic = endpoint.connect(
          {
            address: { host: "127.0.0.1", port: serverPort },
            serverName: "localhost",
            alpn: ["h3"],
            verification: { kind: "hashes", hashes: [certificate.certificateHash.value] },
          },
          listener,
        );
        return quic;
      },
    });
    this.quic = quic!;
  }

  open(path: string, signal?: AbortSignal): Promise<WebTransportSession> {
    return this.connection.openSession({
      url: `https://127.0.0.1:${this.#serverPort}${path}`,
      ...(signal && { signal }),
    });
  }

  /** Resets the session's CONNECT stream, behind the back of the session. */
  resetRequest(session: WebTransportSession, code: bigint): void {
    this.quic.reset(Number(session.id.split("/")[1]), code);
  }
}

function refuse(): never {
  throw new Error("the client's endpoint only connects");
}
