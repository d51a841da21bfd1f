import type { X509Certificate } from "node:crypto";

import { EngineError } from "../engine.ts";
import type { ServerOptions, TlsIdentity } from "../engine.ts";

import { parseCertificates, parseIdentity } from "./identity.ts";
import type { Identity } from "./identity.ts";

/** Handshakes that are pending before "adaptive" asks for a Retry. */
const adaptiveRetryThreshold = 200;

/** What an endpoint that accepts connections goes by. */
export class ServerSide {
  readonly alpn: readonly string[];
  readonly clientCertificates: "none" | "optional" | "required";
  readonly authorities: readonly X509Certificate[];
  isAccepting = true;
  readonly #maxConnections: number;
  readonly #maxPendingHandshakes: number;
  readonly #retry: "never" | "adaptive" | "always";
  readonly #byName = new Map<string, Identity>();
  #identity: Identity;

  /** Throws {@link EngineError}. */
  constructor(options: ServerOptions) {
    const { clientCertificates = "none", clientCa, retry = "adaptive" } = options;
    if (!["none", "optional", "required"].includes(clientCertificates)) {
      throw new EngineError("invalid-option", `clientCertificates: current value is "${clientCertificates}"`);
    }
    if (!["never", "adaptive", "always"].includes(retry)) {
      throw new EngineError("invalid-option", `retry: current value is "${retry}"`);
    }
    if (clientCertificates !== "none" && clientCa === undefined) {
      const text = "client certificates are asked for, but no authority (clientCa) is given";
      throw new EngineError("invalid-option", text);
    }
    checkSharedKeys(options);
    this.#identity = parseIdentity(options.identity);
    for (const [name, identity] of Object.entries(options.sni ?? {})) {
      this.#byName.set(name.toLowerCase(), parseNamed(name, identity));
    }
    this.alpn = [...options.alpn];
    this.clientCertificates = clientCertificates;
    this.authorities = clientCertificates === "none" ? [] : parseCertificates(clientCa ?? "");
    this.#maxConnections = options.maxConnections ?? 10_000;
    this.#maxPendingHandshakes = options.maxPendingHandshakes ?? 1000;
    this.#retry = retry;
  }

  updateIdentity(identity: TlsIdentity): void {
    this.#identity = parseIdentity(identity);
  }

  identityFor(name: string | undefined): Identity {
    return (name === undefined ? undefined : this.#byName.get(name.toLowerCase())) ?? this.#identity;
  }

  /** Whether a further connection is accepted. */
  admits(connections: number, pendingHandshakes: number): boolean {
    return this.isAccepting && connections < this.#maxConnections && pendingHandshakes < this.#maxPendingHandshakes;
  }

  /** Whether the client has to prove its address first: one more round trip. */
  asksForRetry(pendingHandshakes: number): boolean {
    return this.#retry === "always" || (this.#retry === "adaptive" && pendingHandshakes > adaptiveRetryThreshold);
  }
}

/** Without packets, tokens and TLS there is nothing to use them for; wrong ones are refused as by the native engine. */
function checkSharedKeys({ workerId, resetKey, tokenKey, ticketKey }: ServerOptions): void {
  if (workerId !== undefined && !(Number.isInteger(workerId) && workerId >= 0 && workerId <= 65_535)) {
    throw new EngineError("invalid-option", `workerId must be from 0 to 65535: current value is ${workerId}`);
  }
  for (const [name, key] of Object.entries({ resetKey, tokenKey, ticketKey })) {
    if (key !== undefined && key.length !== 32) {
      throw new EngineError("invalid-option", `${name} must be 32 bytes: current length is ${key.length}`);
    }
  }
}

function parseNamed(name: string, identity: TlsIdentity): Identity {
  try {
    return parseIdentity(identity);
  } catch (error) {
    throw error instanceof EngineError ? new EngineError(error.code, `sni "${name}": ${error.message}`) : error;
  }
}
