import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import type { SelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import type {
  ConnectionInfo,
  ConnectOptions,
  EndpointListener,
  EndpointOptions,
  EngineError,
  QuicConnection,
  QuicEndpoint,
  ServerOptions,
  SocketAddress,
  TransportOptions,
} from "../../../src/engine/engine.ts";

import { Recorder } from "./recorder.ts";
import type { EngineFactory, EngineUnderTest } from "./under-test.ts";

export const certificate: SelfSignedCertificate = await generateSelfSignedCertificate();
export const otherCertificate: SelfSignedCertificate = await generateSelfSignedCertificate({ hostname: "other.test" });

/** One end of a connection, and what its listener has heard. */
export interface End {
  readonly quic: QuicConnection;
  readonly info: ConnectionInfo;
  readonly events: Recorder;
  readonly endpoint: QuicEndpoint;
}

export interface Ends {
  readonly client: End;
  readonly server: End;
}

/** An endpoint's listener that keeps the connections it is told of. */
export class Acceptor implements EndpointListener {
  readonly accepted: { readonly quic: QuicConnection; readonly info: ConnectionInfo; readonly events: Recorder }[] = [];
  readonly failures: EngineError[] = [];
  /** Called before a connection is accepted. */
  onConnection: (quic: QuicConnection, info: ConnectionInfo) => void = () => {};
  #waiting: (() => void)[] = [];

  connection(quic: QuicConnection, info: ConnectionInfo): Recorder {
    this.onConnection(quic, info);
    const events = new Recorder();
    this.accepted.push({ quic, info, events });
    for (const resolve of this.#waiting.splice(0)) resolve();
    return events;
  }

  failed(error: EngineError): void {
    this.failures.push(error);
  }

  async connectionNumber(count: number): Promise<{ quic: QuicConnection; info: ConnectionInfo; events: Recorder }> {
    for (;;) {
      const found = this.accepted[count - 1];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }
}

export interface PairOptions {
  readonly server?: Partial<ServerOptions>;
  readonly serverTransport?: TransportOptions;
  readonly clientTransport?: TransportOptions;
  readonly connect?: Partial<ConnectOptions>;
}

/** The endpoints of one test; all are closed behind it. */
export class World {
  readonly under: EngineUnderTest;
  readonly #endpoints: QuicEndpoint[] = [];

  constructor(factory: EngineFactory) {
    this.under = factory();
  }

  async endpoint(
    options: Partial<EndpointOptions> = {},
    listener: EndpointListener = new Acceptor(),
  ): Promise<QuicEndpoint> {
    const endpoint = await this.under.engine.createEndpoint({ host: "127.0.0.1", port: 0, ...options }, listener);
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  async server(
    options: Partial<ServerOptions> = {},
    transport: TransportOptions = {},
    address: Partial<Pick<EndpointOptions, "host" | "port" | "reusePort" | "steering">> = {},
  ): Promise<{ endpoint: QuicEndpoint; acceptor: Acceptor }> {
    const acceptor = new Acceptor();
    const server: ServerOptions = { identity: certificate, alpn: ["test"], ...options };
    return { endpoint: await this.endpoint({ ...address, server, transport }, acceptor), acceptor };
  }

  connect(
    endpoint: QuicEndpoint,
    address: { readonly host: string; readonly port: number },
    options: Partial<ConnectOptions> = {},
    events = new Recorder(),
  ): { quic: QuicConnection; events: Recorder } {
    const quic = endpoint.connect(
      { address, serverName: "localhost", alpn: ["test"], verification: { kind: "insecure" }, ...options },
      events,
    );
    return { quic, events };
  }

  /** A client's and a server's end, both established. */
  async pair(options: PairOptions = {}, via?: (server: SocketAddress) => Promise<SocketAddress>): Promise<Ends> {
    const { endpoint, acceptor } = await this.server(options.server, options.serverTransport);
    const from = await this.endpoint(
      options.clientTransport === undefined ? {} : { transport: options.clientTransport },
    );
    const address = via === undefined ? endpoint.localAddress : await via(endpoint.localAddress);
    const client = this.connect(from, address, options.connect);
    const { info } = await client.events.first("connected");
    const server = await acceptor.connectionNumber(1);
    return { client: { ...client, info, endpoint: from }, server: { ...server, endpoint } };
  }

  async close(): Promise<void> {
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.close(0n, "")));
    await this.under.close();
  }
}

/** Resolves when everything that `from` had sent before has reached `to`, as far as the path keeps the order. */
export async function passed(from: End, to: End): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    const streamId = openStream(from.quic, "unidirectional");
    // FIN alone needs no credit.
    from.quic.write(streamId, new Uint8Array(0), true);
    await to.events.until(() => to.events.hasFin(streamId));
    await from.events.first("finished", (event) => event.streamId === streamId);
  }
}

export function openStream(quic: QuicConnection, direction: "bidirectional" | "unidirectional"): number {
  const streamId = quic.open(direction);
  if (streamId === undefined) throw new Error("The peer allows no stream");
  return streamId;
}

/** Bytes that tell where in a stream they stand. */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 7 + (index >> 8)) & 0xff;
  return bytes;
}

export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
