import type { X509Certificate } from "node:crypto";

import { serverDefaults } from "../../constants/defaults.ts";
import { EngineError } from "../engine.ts";
import type { ServerOptions, SharedKeys, TlsIdentity } from "../engine.ts";
import type { HandshakeFailureCause } from "../handshake-failures.ts";

import { parseCertificates, parseIdentity } from "./identity.ts";
import type { Identity } from "./identity.ts";
import { SharedKeyNames } from "./shared-keys.ts";

/** Handshakes that are pending before "adaptive" asks for a Retry. */
const adaptiveRetryThreshold = 200;

/** What an endpoint has, in numbers. */
export interface Load {
  readonly connections: number;
  readonly pendingHandshakes: number;
  /** Connections of the client's address; 0 without a limit. */
  readonly ofAddress: number;
}

/** What an endpoint that accepts connections goes by. */
export class ServerSide {
  readonly alpn: readonly string[];
  readonly clientCertificates: "none" | "optional" | "required";
  readonly authorities: readonly X509Certificate[];
  isAccepting = true;
  /** New connections are neither accepted nor refused. */
  isSilent = false;
  readonly maxConnectionsPerAddress: number | undefined;
  readonly #maxConnections: number;
  readonly #maxPendingHandshakes: number;
  readonly #retry: "never" | "adaptive" | "always";
  readonly #byName = new Map<string, Identity>();
  readonly #keys: SharedKeyNames;
  #identity: Identity;

  /** Throws {@link EngineError}. */
  constructor(options: ServerOptions) {
    const { clientCertificates = "none", clientCa, retry = serverDefaults.retry } = options;
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
    this.#keys = new SharedKeyNames(options);
    this.#identity = parseIdentity(options.identity);
    for (const [name, identity] of Object.entries(options.sni ?? {})) {
      this.#byName.set(name.toLowerCase(), parseNamed(name, identity));
    }
    this.alpn = [...options.alpn];
    this.clientCertificates = clientCertificates;
    this.authorities = clientCertificates === "none" ? [] : parseCertificates(clientCa ?? "");
    this.#maxConnections = options.maxConnections ?? serverDefaults.maxConnections;
    this.maxConnectionsPerAddress = options.maxConnectionsPerAddress;
    this.#maxPendingHandshakes = options.maxPendingHandshakes ?? serverDefaults.maxPendingHandshakes;
    this.#retry = retry;
  }

  updateKeys(keys: SharedKeys): void {
    this.#keys.checkUpdate(keys);
  }

  updateIdentity(identity: TlsIdentity, serverName?: string): void {
    if (serverName === undefined) this.#identity = parseIdentity(identity);
    else this.#byName.set(serverName.toLowerCase(), parseNamed(serverName, identity));
  }

  identityFor(serverName: string | undefined): Identity {
    if (serverName === undefined) return this.#identity;
    const name = serverName.toLowerCase();
    // RFC 9525 §6.3: the asterisk is the whole leftmost label, and stands for one.
    const wildcard = `*${name.slice(name.indexOf("."))}`;
    return this.#byName.get(name) ?? this.#byName.get(wildcard) ?? this.#identity;
  }

  /** Why no further connection is accepted, if none is. */
  refusal({ connections, pendingHandshakes, ofAddress }: Load): HandshakeFailureCause | undefined {
    if (!this.isAccepting) return "closing";
    if (connections >= this.#maxConnections) return "max_connections";
    if (pendingHandshakes >= this.#maxPendingHandshakes) return "max_pending_handshakes";
    return ofAddress < (this.maxConnectionsPerAddress ?? Infinity) ? undefined : "max_connections_per_address";
  }

  /** Whether the client has to prove its address first: one more round trip. */
  asksForRetry({ pendingHandshakes, ofAddress }: Load): boolean {
    if (this.#retry !== "adaptive") return this.#retry === "always";
    return pendingHandshakes > adaptiveRetryThreshold || ofAddress >= (this.maxConnectionsPerAddress ?? Infinity) / 2;
  }
}

function parseNamed(name: string, identity: TlsIdentity): Identity {
  try {
    return parseIdentity(identity);
  } catch (error) {
    throw error instanceof EngineError ? new EngineError(error.code, `sni "${name}": ${error.message}`) : error;
  }
}
