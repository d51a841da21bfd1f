import type {
  ConnectionClosed,
  ConnectOptions,
  EndpointOptions,
  QuicConnection,
  QuicEngine,
} from "../../../src/engine/engine.ts";
import { MemoryConnection } from "../../../src/engine/memory/memory-connection.ts";
import { memoryEngine } from "../../../src/engine/memory/memory-engine.ts";
import { controlStreamPreamble } from "../../../src/protocol/options.ts";
import { makeConnection } from "../../../src/transport/connection/make-connection.ts";
import type { IncomingSession } from "../../../src/transport/session/request.ts";

import { certificate } from "../../conformance/engine/world.ts";

/** What becomes of a connection: a server of the same process, an end, or silence. */
export type Outcome = "server" | "never" | ConnectionClosed;

/** The memory engine, but whatever their address, its connections lead to one server, or end as told. */
export class FakeEngine implements QuicEngine {
  readonly name = "fake";
  endpoint: EndpointOptions | undefined;
  connected: ConnectOptions | undefined;
  /** The addresses, in the order of the attempts. */
  readonly addresses: string[] = [];
  /** The servers' ends, for what no well-behaved server sends. */
  readonly servers: QuicConnection[] = [];
  openEndpoints = 0;
  closedEndpoints = 0;
  readonly #outcome: (address: string, attempt: number) => Outcome;
  readonly #onSession: (request: IncomingSession) => void | Promise<void>;

  constructor(
    outcome: Outcome | ((address: string, attempt: number) => Outcome) = "server",
    onSession: (request: IncomingSession) => void | Promise<void> = async (request) => {
      await request.accept();
    },
  ) {
    this.#outcome = typeof outcome === "function" ? outcome : () => outcome;
    this.#onSession = onSession;
  }

  createEndpoint: QuicEngine["createEndpoint"] = async (options) => {
    this.endpoint = options;
    this.openEndpoints += 1;
    const engine = memoryEngine();
    const address = { host: "127.0.0.1", port: 0 };
    const server = await engine.createEndpoint(
      {
        ...address,
        server: { identity: certificate, alpn: ["h3"] },
        transport: { preamble: [controlStreamPreamble()] },
      },
      {
        connection: (quic, info) => {
          this.servers.push(quic);
          const owner = { answerRequest: this.#onSession };
          return makeConnection({ role: "server", quic, info, owner }).listener;
        },
        failed: fail,
      },
    );
    const { transport = {} } = options;
    const client = await engine.createEndpoint({ ...address, transport }, { connection: fail, failed: fail });
    server.unref();
    return {
      localAddress: client.localAddress,
      connectionCount: 0,
      connect: (connectOptions, listener) => {
        this.connected = connectOptions;
        this.addresses.push(connectOptions.address.host);
        const outcome = this.#outcome(connectOptions.address.host, this.addresses.length);
        const quic = client.connect(
          {
            ...connectOptions,
            address: outcome === "server" ? server.localAddress : nowhere,
            verification: { kind: "insecure" },
          },
          listener,
        );
        if (typeof outcome !== "string" && quic instanceof MemoryConnection) quic.end(outcome);
        return quic;
      },
      updateIdentity: () => {},
      updateKeys: () => {},
      setActiveWorkers: () => {},
      receive: () => {},
      stopAccepting: () => {},
      ref: () => {},
      unref: () => {},
      getStats: () => client.getStats(),
      survey: (first, roundTrips) => client.survey(first, roundTrips),
      close: async (code, reason) => {
        this.openEndpoints -= 1;
        this.closedEndpoints += 1;
        await Promise.all([client.close(code, reason), server.close(code, reason)]);
      },
    };
  };
}

/** Where nobody listens. */
const nowhere = { host: "127.0.0.1", port: 9 };

function fail(): never {
  throw new Error("The endpoint has failed, or was connected to");
}

export const closed = (fields: Partial<ConnectionClosed>): ConnectionClosed => ({
  by: "local",
  kind: "transport",
  code: 0n,
  reason: "",
  ...fields,
});
