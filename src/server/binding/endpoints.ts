import type { X509Certificate } from "node:crypto";

import { EngineError } from "../../engine/engine.ts";
import type {
  EndpointListener,
  EndpointOptions,
  QuicEndpoint,
  QuicEngine,
  SocketAddress,
  TlsIdentity,
} from "../../engine/engine.ts";
import { invariant } from "../../base/invariant.ts";
import { certificateIssues, certificatesOf } from "../../certificates/certificate-issues.ts";

import { explainListenError } from "./bind-errors.ts";

/** Attempts to find a port that is free on every address, when the caller leaves the choice. */
const portAttempts = 10;

/** Of a certificate that is served. Times in milliseconds since the epoch. */
export interface ServedCertificate {
  /** A key of `sni`; "" for the certificate that everybody else gets. */
  readonly serverName: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** One QUIC endpoint per address of the host, all on the same port. */
export class Endpoints {
  readonly all: readonly QuicEndpoint[];
  /** PEM of the chains that are served, by server name; undefined: for everybody else. */
  readonly #chains: Map<string | undefined, string>;
  /** Of the chains' leaves: to read a certificate costs far more than to look here. */
  readonly #served = new Map<string, ServedCertificate & { readonly chain: string }>();

  private constructor(all: readonly QuicEndpoint[], { server }: Omit<EndpointOptions, "host">) {
    this.all = all;
    this.#chains = new Map([
      [undefined, server?.identity.cert ?? ""],
      ...Object.entries(server?.sni ?? {}).map(([name, { cert }]): [string, string] => [name.toLowerCase(), cert]),
    ]);
  }

  static async bind(
    engine: QuicEngine,
    hosts: readonly string[],
    options: Omit<EndpointOptions, "host">,
    listener: EndpointListener,
  ): Promise<Endpoints> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return new Endpoints(await bindAll(engine, hosts, options, listener), options);
      } catch (error) {
        // The free port of the first address was taken on another: try a further one.
        const wasRandom = options.port === 0 && error instanceof EngineError && error.code === "address-in-use";
        if (!wasRandom || attempt === portAttempts) throw error;
      }
    }
  }

  get localAddress(): SocketAddress {
    const [first] = this.all;
    invariant(first !== undefined, "an endpoint was bound");
    return first.localAddress;
  }

  /** New handshakes get this certificate, on every address or (it throws CertificateError) on none. Returns it. */
  updateIdentity(identity: TlsIdentity, serverName?: string): X509Certificate {
    try {
      for (const endpoint of this.all) endpoint.updateIdentity(identity, serverName);
      const [leaf] = certificatesOf(identity.cert);
      this.#chains.set(serverName?.toLowerCase(), identity.cert);
      invariant(leaf !== undefined, "the engine has refused a text without a certificate");
      return leaf;
    } catch (error) {
      const { host, port } = this.localAddress;
      throw explainListenError(error, host, port);
    }
  }

  /** What is wrong, or soon will be, with the certificates that are served: a sentence each. `now`: as of `Date.now()`. */
  certificateIssues(now?: number): string[] {
    return [...this.#chains].flatMap(([name, chain]) => {
      const issues = certificateIssues(chain, now);
      return name === undefined ? issues : issues.map((issue) => `sni "${name}": ${issue}`);
    });
  }

  /** The certificates that are served and can be read. */
  get certificates(): readonly ServedCertificate[] {
    return [...this.#chains].flatMap(([name = "", chain]) => {
      const known = this.#served.get(name);
      if (known?.chain === chain) return [known];
      const leaf = leafOf(chain);
      if (leaf === undefined) return [];
      const times = { notBefore: Date.parse(leaf.validFrom), notAfter: Date.parse(leaf.validTo) };
      const served = { serverName: name, ...times, chain };
      this.#served.set(name, served);
      return [served];
    });
  }

  /** Resolves when every close frame has reached its socket. */
  async close(code: bigint, reason: string): Promise<void> {
    await Promise.all(this.all.map((endpoint) => endpoint.close(code, reason)));
  }
}

function leafOf(chain: string): X509Certificate | undefined {
  try {
    return certificatesOf(chain)[0];
  } catch {
    return undefined;
  }
}

async function bindAll(
  engine: QuicEngine,
  hosts: readonly string[],
  options: Omit<EndpointOptions, "host">,
  listener: EndpointListener,
): Promise<readonly QuicEndpoint[]> {
  const bound: QuicEndpoint[] = [];
  for (const host of hosts) {
    try {
      const port = bound[0]?.localAddress.port ?? options.port;
      bound.push(await engine.createEndpoint({ ...options, host, port }, listener));
    } catch (error) {
      // A machine without IPv6 still has the first address.
      const isMissing = error instanceof EngineError && error.code === "address-not-available";
      if (isMissing && bound.length > 0) continue;
      await Promise.all(bound.map((endpoint) => endpoint.close(0n, "")));
      throw error;
    }
  }
  return bound;
}
