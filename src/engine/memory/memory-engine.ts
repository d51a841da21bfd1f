import { EngineError } from "../engine.ts";
import type { QuicConnection, QuicEndpoint, QuicEngine } from "../engine.ts";

import { Link } from "./link.ts";
import type { LinkConditions } from "./link.ts";
import { MemoryConnection } from "./memory-connection.ts";
import { MemoryEndpoint } from "./memory-endpoint.ts";
import { AddressTable } from "./network.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Options of a memory engine. */
export interface MemoryEngineOptions {
  /** Default: a clock that lets everything that travels arrive by itself. */
  readonly clock?: VirtualClock;
  /** Everything that looks random follows from it. Default 1. */
  readonly seed?: number;
  /** Default: no delay, no loss. */
  readonly conditions?: LinkConditions;
  /** Addresses that endpoints can be bound to beside those of loopback and the wildcards. */
  readonly hosts?: readonly string[];
}

/**
 * A QUIC engine without packets, sockets and cryptography: every endpoint that it makes stands in one network, and they
 * reach each other by address. It keeps the contract of {@link QuicEngine} in virtual time. Stream data is never lost:
 * a lost frame arrives later. Datagrams are. Certificates are parsed and verified, but nothing is encrypted, and no
 * server's certificate is trusted by the system's authorities.
 */
export interface MemoryEngine extends QuicEngine {
  readonly clock: VirtualClock;
  /** For what is sent from now on. Throws RangeError for a value out of its range. */
  setConditions(conditions: LinkConditions): void;
  /** Nothing that is sent from now on arrives, until {@link restore}. */
  cut(): void;
  /** What was sent in the meantime arrives now; datagrams are lost. */
  restore(): void;
  /** The endpoint breaks: its connections end, and its listener hears of the failure. @internal */
  breakEndpoint(endpoint: QuicEndpoint, reason: string): void;
  /** This end of a connection finds a fault of its peer's, and closes with this transport error (RFC 9000 §20.1). @internal */
  breakConnection(connection: QuicConnection, code: bigint, reason: string): void;
  /** This end of a connection is forgotten: the other one learns by a stateless reset (RFC 9000 §10.3). @internal */
  forgetConnection(connection: QuicConnection): void;
  /** The peer sees this end of a connection at another port from now on (RFC 9000 §9). @internal */
  changeAddress(connection: QuicConnection, port: number): void;
}

/**
 * An engine without packets: all endpoints on it meet in memory, in virtual time. Throws EngineError ("invalid-option") for
 * wrong options, RangeError for conditions out of their range.
 */
export function memoryEngine(options: MemoryEngineOptions = {}): MemoryEngine {
  checkMemoryOptions(options);
  const clock = options.clock ?? new VirtualClock();
  const link = new Link(clock, options.seed ?? 1, options.conditions ?? {});
  const addresses = new AddressTable<MemoryEndpoint>(options.hosts ?? []);
  let connections = 0;
  const nextConnectionId = (): number => {
    connections += 1;
    return connections;
  };
  return {
    name: "memory",
    clock,
    createEndpoint(endpointOptions, listener) {
      // A promise even for faults of the options.
      return new Promise((resolve) => {
        resolve(new MemoryEndpoint({ link, addresses, nextConnectionId }, endpointOptions, listener));
      });
    },
    setConditions(conditions) {
      link.change(conditions);
    },
    cut() {
      link.cut();
    },
    restore() {
      link.restore();
    },
    breakEndpoint(endpoint, reason) {
      if (!(endpoint instanceof MemoryEndpoint)) throw foreign();
      endpoint.fail(reason);
    },
    breakConnection(connection, code, reason) {
      ownConnection(connection).violated(code, reason);
    },
    forgetConnection(connection) {
      ownConnection(connection).forget();
    },
    changeAddress(connection, port) {
      ownConnection(connection).changeAddress(port);
    },
  };
}

function ownConnection(connection: QuicConnection): MemoryConnection {
  if (connection instanceof MemoryConnection) return connection;
  throw foreign();
}

function foreign(): EngineError {
  return invalidOption("it belongs to another engine");
}

const checks: Readonly<
  Record<keyof MemoryEngineOptions, readonly [isRight: (value: unknown) => boolean, reason: string]>
> = {
  clock: [(value) => value instanceof VirtualClock, "must be a VirtualClock"],
  seed: [(value) => Number.isFinite(value), "must be a finite number"],
  conditions: [(value) => typeof value === "object" && value !== null, "must be an object"],
  hosts: [
    (value) => Array.isArray(value) && value.every((host) => typeof host === "string"),
    "must be an array of addresses",
  ],
};

function checkMemoryOptions(given: unknown): void {
  if (typeof given !== "object" || given === null) throw invalidOption("the options must be an object");
  for (const [name, value] of Object.entries(given) as readonly [string, unknown][]) {
    const check = Object.hasOwn(checks, name) ? checks[name as keyof MemoryEngineOptions] : undefined;
    if (check === undefined) throw invalidOption(`${name} is not an option of memoryEngine`);
    const [isRight, reason] = check;
    if (value !== undefined && !isRight(value)) {
      throw invalidOption(`${name} ${reason}`);
    }
  }
}

function invalidOption(text: string): EngineError {
  return new EngineError("invalid-option", text);
}
