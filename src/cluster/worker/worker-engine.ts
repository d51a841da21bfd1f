import { EngineError } from "../../engine/engine.ts";
import type {
  EndpointListener,
  EndpointOptions,
  QuicEndpoint,
  QuicEngine,
  ServerOptions,
  SharedKeys,
} from "../../engine/engine.ts";
import type { EngineLoad, KeyGenerations, Neighbours, StartMessage } from "../workers/messages.ts";
import type { ForwardedPacket } from "./packet-frames.ts";
import type { LoadReports } from "./load-reports.ts";
import type { PacketRelay } from "./packet-relay.ts";

/** An engine whose listening endpoints are those of the worker's slot: on its sockets, with the cluster's keys. */
export class WorkerEngine implements QuicEngine {
  readonly name: string;
  readonly #engine: QuicEngine;
  readonly #start: StartMessage;
  readonly #relay: PacketRelay;
  readonly #loadReports: LoadReports;
  /** By the index of their socket. */
  readonly #endpoints = new Map<number, QuicEndpoint>();
  #neighbours: Neighbours;
  #keys: KeyGenerations;
  #isRetired = false;

  constructor(engine: QuicEngine, start: StartMessage, relay: PacketRelay, loadReports: LoadReports) {
    this.name = `${engine.name}, worker ${start.id}`;
    this.#engine = engine;
    this.#start = start;
    this.#relay = relay;
    this.#loadReports = loadReports;
    this.#neighbours = start.neighbours;
    this.#keys = start.keys;
    relay.setPaths(start.neighbours.relays);
  }

  async createEndpoint(options: EndpointOptions, listener: EndpointListener): Promise<QuicEndpoint> {
    const { server } = options;
    if (server === undefined) return this.#engine.createEndpoint(options, listener);
    const index = this.#start.sockets.findIndex(({ host }) => host === options.host);
    const socket = this.#start.sockets[index];
    if (socket === undefined) {
      throw new EngineError("address-not-available", `the cluster has not bound ${options.host}`);
    }
    const endpoint = await this.#engine.createEndpoint(
      {
        ...options,
        descriptor: socket.descriptor,
        steering: {
          slots: this.#start.slots,
          activeWorkers: this.#neighbours.active,
          shares: this.#neighbours.shares,
          newConnections: this.#start.newConnections,
        },
        server: this.#serverOptions(server),
      },
      {
        connection: (connection, info) => {
          this.#loadReports.connectionCame();
          return listener.connection(connection, info);
        },
        failed: (error) => {
          listener.failed(error);
        },
        foreignPacket: (worker, packet, remoteAddress, localHost) =>
          this.#relay.forward(worker, { endpoint: index, packet, remoteAddress, localHost }),
      },
    );
    this.#endpoints.set(index, endpoint);
    // The server that closes would refuse clients that another worker is to take.
    const stopAccepting = endpoint.stopAccepting.bind(endpoint);
    endpoint.stopAccepting = (given) => {
      stopAccepting(this.#isRetired ? { silently: true } : given);
    };
    // What was told while the endpoint was made.
    endpoint.setActiveWorkers(this.#neighbours.active, this.#neighbours.shares);
    return endpoint;
  }

  /** From another worker. */
  receive({ endpoint, packet, remoteAddress, localHost }: ForwardedPacket): void {
    this.#endpoints.get(endpoint)?.receive(packet, remoteAddress, localHost);
  }

  get load(): EngineLoad {
    let [connections, accepted] = [0, 0];
    for (const endpoint of this.#endpoints.values()) {
      const stats = endpoint.getStats();
      connections += stats.connections;
      accepted += stats.handshakesAccepted;
    }
    return { connections, accepted };
  }

  setNeighbours(neighbours: Neighbours): void {
    this.#neighbours = neighbours;
    this.#relay.setPaths(neighbours.relays);
    const { active, shares } = neighbours;
    for (const endpoint of this.#endpoints.values()) endpoint.setActiveWorkers(active, shares);
  }

  updateKeys(keys: Required<SharedKeys>): void {
    this.#keys = { current: keys, previous: this.#keys.current };
    for (const endpoint of this.#endpoints.values()) endpoint.updateKeys(keys);
  }

  /** New connections are another worker's from now on. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    for (const endpoint of this.#endpoints.values()) endpoint.stopAccepting({ silently: true });
  }

  #serverOptions(server: ServerOptions): ServerOptions {
    const { current, previous } = this.#keys;
    return {
      ...server,
      workerId: this.#start.slot,
      ...current,
      ...(previous === undefined ? {} : { previousKeys: previous }),
    };
  }
}
