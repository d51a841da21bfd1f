import { isIP } from "node:net";

import { EngineError } from "../engine.ts";
import type { SocketAddress } from "../engine.ts";

/** Ports that are given out when the caller leaves the choice (RFC 6335 §6). */
const firstFreePort = 49_152;
const lastPort = 65_535;

/** Which endpoint is bound to which address. */
export class AddressTable<E> {
  readonly #hosts: ReadonlySet<string>;
  readonly #bindings: { readonly address: SocketAddress; readonly reusePort: boolean; readonly endpoint: E }[] = [];
  #nextPort = firstFreePort;
  #turn = 0;

  /** `hosts`: addresses of this machine beside loopback. */
  constructor(hosts: readonly string[]) {
    this.#hosts = new Set(hosts);
  }

  /** Throws {@link EngineError}. */
  bind(host: string, port: number, reusePort: boolean, endpoint: E): SocketAddress {
    const family = isIP(host);
    if (family !== 4 && family !== 6) {
      throw new EngineError("invalid-option", `host must be an IP address: current value is ${host}`);
    }
    if (!Number.isInteger(port) || port < 0 || port > lastPort) {
      throw new EngineError("invalid-option", `port must be 0 to ${lastPort}: current value is ${port}`);
    }
    if (!isWildcard(host) && !isLoopback(host) && !this.#hosts.has(host)) {
      throw new EngineError("address-not-available", `${host} is no address of this machine`);
    }
    const address = { host, port: port === 0 ? this.#freePort(host) : port, family } as const;
    const others = this.#bindings.filter((binding) => overlap(binding.address, address));
    if (others.some((binding) => !binding.reusePort || !reusePort)) {
      throw new EngineError("address-in-use", `${host}:${address.port} is in use`);
    }
    this.#bindings.push({ address, reusePort, endpoint });
    return address;
  }

  release(endpoint: E): void {
    const index = this.#bindings.findIndex((binding) => binding.endpoint === endpoint);
    if (index >= 0) this.#bindings.splice(index, 1);
  }

  /** The endpoint that gets what is sent to this address; endpoints that share a port take turns. */
  find(host: string, port: number): E | undefined {
    const target: SocketAddress = { host, port, family: isIP(host) === 6 ? 6 : 4 };
    const matching = this.#bindings.filter(({ address }) => overlap(address, target));
    this.#turn += 1;
    return matching[this.#turn % Math.max(1, matching.length)]?.endpoint;
  }

  #freePort(host: string): number {
    for (let attempt = firstFreePort; attempt <= lastPort; attempt += 1) {
      const port = this.#nextPort;
      this.#nextPort = port === lastPort ? firstFreePort : port + 1;
      const candidate: SocketAddress = { host, port, family: isIP(host) === 6 ? 6 : 4 };
      if (!this.#bindings.some(({ address }) => overlap(address, candidate))) return port;
    }
    throw new EngineError("address-in-use", "every port is in use");
  }
}

/** Whether a packet to one of the two could be for the other. */
function overlap(a: SocketAddress, b: SocketAddress): boolean {
  if (a.port !== b.port) return false;
  // "::" is dual stack.
  if (a.host === "::" || b.host === "::") return true;
  return a.family === b.family && (a.host === b.host || isWildcard(a.host) || isWildcard(b.host));
}

export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function isLoopback(host: string): boolean {
  return host === "::1" || host.startsWith("127.");
}

/** Throws {@link EngineError} for what is no address. */
export function addressOf(host: string, port: number): SocketAddress {
  const family = isIP(host);
  if (family !== 4 && family !== 6) {
    throw new EngineError("invalid-option", `host must be an IP address: current value is ${host}`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new EngineError("invalid-option", `port must be 1 to 65535: current value is ${port}`);
  }
  return { host, port, family };
}
