import type { ConnectionClosed, ConnectOptions, EndpointOptions, QuicEngine } from "../../../src/engine/engine.ts";
import { controlStreamPreamble } from "../../../src/protocol/options.ts";
import { WebTransportConnection } from "../../../src/transport/connection/connection.ts";
import type { IncomingSession } from "../../../src/transport/session/request.ts";

import { Link } from "../transport/linked-quic.ts";
import type { LinkedQuic } from "../transport/linked-quic.ts";

/** What becomes of a connection: a server of the same process, an end, or silence. */
export type Outcome = "server" | "never" | ConnectionClosed;

/** An engine whose connections lead to a server in the same process, or end as told. */
export class FakeEngine implements QuicEngine {
  readonly name = "fake";
  endpoint: EndpointOptions | undefined;
  connected: ConnectOptions | undefined;
  /** The addresses, in the order of the attempts. */
  readonly addresses: string[] = [];
  /** The servers' ends, for what no well-behaved server sends. */
  readonly servers: LinkedQuic[] = [];
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
    return {
      localAddress: { host: "127.0.0.1", port: 1, family: 4 },
      connectionCount: 0,
      connect: (connectOptions, listener) => {
        this.connected = connectOptions;
        this.addresses.push(connectOptions.address.host);
        const outcome = this.#outcome(connectOptions.address.host, this.addresses.length);
        const link = new Link();
        link.client.listener = listener;
        if (outcome === "never") return link.client;
        if (outcome !== "server") link.client.end(outcome);
        else {
          const server = new WebTransportConnection({
            role: "server",
            quic: link.server,
            info: link.server.info(),
            owner: { answerRequest: this.#onSession },
          });
          link.server.listener = server.listener;
          this.servers.push(link.server);
          link.client.events.push(() => {
            listener.connected(link.client.info());
          });
          for (const end of [link.client, link.server]) {
            const [preamble] =
              end === link.client
                ? (this.endpoint?.transport?.preamble ?? [])
                : [controlStreamPreamble({ role: "server" })];
            const streamId = end.open("unidirectional");
            if (streamId !== undefined && preamble !== undefined) end.write(streamId, preamble, false);
          }
        }
        const pump = (): void => {
          link.turn();
          if (link.client.closedBy === undefined || link.client.events.length > 0) setImmediate(pump);
        };
        setImmediate(pump);
        return link.client;
      },
      updateIdentity: () => {},
      stopAccepting: () => {},
      ref: () => {},
      unref: () => {},
      getStats: () => {
        throw new Error("not faked");
      },
      close: async () => {
        this.openEndpoints -= 1;
        this.closedEndpoints += 1;
      },
    };
  };
}

export const closed = (fields: Partial<ConnectionClosed>): ConnectionClosed => ({
  by: "local",
  kind: "transport",
  code: 0n,
  reason: "",
  ...fields,
});
