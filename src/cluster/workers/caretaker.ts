import type { EndpointListener, QuicEndpoint, SharedKeys } from "../../engine/engine.ts";
import type { BoundGroup } from "./bind-groups.ts";
import type { KeyGenerations } from "./messages.ts";

export interface CaretakerOptions {
  readonly slot: number;
  readonly slots: number;
  readonly sockets: readonly BoundGroup[];
  /** Slots that take new connections; the caretaker's is none of them. */
  readonly active: readonly number[];
  readonly keys: KeyGenerations;
}

/**
 * Reads a slot whose process has crashed until the next one does: it tells the clients of the connections that were lost by
 * stateless resets, instead of letting them wait. New connections must be steered elsewhere meanwhile.
 */
export class Caretaker {
  readonly #endpoints: readonly QuicEndpoint[];
  #isClosed = false;

  private constructor(endpoints: readonly QuicEndpoint[]) {
    this.#endpoints = endpoints;
  }

  /** Rejects with EngineError. */
  static async open({ slot, slots, sockets, active, keys }: CaretakerOptions): Promise<Caretaker> {
    const { generateCertificate, nativeEngine } = await import("../../engine/native/native-engine.ts");
    // Nobody ever sees it: every handshake is ignored.
    const identity = generateCertificate(["localhost"], 1);
    const { current, previous } = keys;
    const engine = nativeEngine();
    const opening = sockets.map(({ host, group }) =>
      engine.createEndpoint(
        {
          host,
          port: group.localAddress.port,
          descriptor: group.descriptors[slot] ?? -1,
          steering: { slots, activeWorkers: active },
          server: {
            identity,
            alpn: [],
            workerId: slot,
            ...current,
            ...(previous === undefined ? {} : { previousKeys: previous }),
          },
        },
        ignoresConnections,
      ),
    );
    const results = await Promise.allSettled(opening);
    const endpoints = results.filter((result) => result.status === "fulfilled").map(({ value }) => value);
    const caretaker = new Caretaker(endpoints);
    for (const endpoint of endpoints) {
      endpoint.stopAccepting({ silently: true });
      endpoint.unref();
    }
    const failure = results.find((result) => result.status === "rejected");
    if (failure === undefined) return caretaker;
    await caretaker.close();
    throw failure.reason;
  }

  updateKeys(keys: Required<SharedKeys>): void {
    if (this.#isClosed) return;
    for (const endpoint of this.#endpoints) endpoint.updateKeys(keys);
  }

  /** Resolves when it reads no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.close(0n, "")));
  }
}

const ignoresConnections: EndpointListener = {
  connection: () => {
    throw new Error("a caretaker has accepted a connection");
  },
  failed: () => {
    // The slot's packets wait for the next process, as they would without a caretaker.
  },
};
