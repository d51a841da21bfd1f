import type { EndpointStats, PacketCounts, QuicEndpoint } from "../../engine/engine.ts";
import { handshakeFailureCauses, handshakeFailuresOf } from "../../engine/handshake-failures.ts";
import type { HandshakeFailureCause, HandshakeFailures } from "../../engine/handshake-failures.ts";
import { addPackets, noPackets } from "../../engine/packet-counts.ts";

/** What a server's endpoints tell together, those of its earlier lives included where it is a total. */
export interface EndpointSums {
  readonly connections: number;
  readonly pendingHandshakes: number;
  readonly handshakesRefused: number;
  readonly failures: HandshakeFailures;
  /** As of the last survey of the endpoints. */
  readonly packets: PacketCounts;
}

/** Adds up what the endpoints of a server count: each `listen` brings new ones, which begin at 0. */
export class EndpointTotals {
  #current: readonly QuicEndpoint[] = [];
  #refused = 0;
  #failures = handshakeFailuresOf(() => 0);
  #packets = noPackets;

  /** The server listens with these; what others before have counted is kept. */
  began(endpoints: readonly QuicEndpoint[]): void {
    const { handshakesRefused, failures, packets } = this.sums();
    this.#refused = handshakesRefused;
    this.#failures = failures;
    this.#packets = packets;
    this.#current = endpoints;
  }

  sums(): EndpointSums {
    const stats = this.#current.map((endpoint) => endpoint.getStats());
    const sum = (count: (of: EndpointStats) => number): number => stats.reduce((total, of) => total + count(of), 0);
    const failuresOf = (cause: HandshakeFailureCause): number =>
      this.#failures[cause] + sum(({ handshakeFailures }) => handshakeFailures[cause]);
    return {
      connections: sum(({ connections }) => connections),
      pendingHandshakes: sum(({ pendingHandshakes }) => pendingHandshakes),
      handshakesRefused: this.#refused + sum(({ handshakesRefused }) => handshakesRefused),
      failures: handshakeFailuresOf(failuresOf),
      packets: stats.reduce((total, { packets }) => addPackets(total, packets), this.#packets),
    };
  }
}

/** All of them. */
export function failureCount(failures: HandshakeFailures): number {
  return handshakeFailureCauses.reduce((sum, cause) => sum + failures[cause], 0);
}
