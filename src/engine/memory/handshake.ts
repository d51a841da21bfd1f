import type { ConnectOptions, ConnectionClosed } from "../engine.ts";

import type { Identity } from "./identity.ts";
import { refuseChain, refuseServer } from "./identity.ts";
import type { ServerSide } from "./server-side.ts";

/** What a client sends first. */
export interface ClientHello {
  readonly options: ConnectOptions;
  /** Of the client, when it has one. */
  readonly identity: Identity | undefined;
  /** TLS sends names only, no addresses (RFC 6066 §3). */
  readonly sni: string | undefined;
}

/** RFC 9000 §20.1. */
export const connectionRefused = 0x02n;
/** RFC 9001 §4.8: a TLS alert as a QUIC error. */
const cryptoError = 0x100n;
/** RFC 8446 §6.2. */
const noApplicationProtocol = 120;
const certificateRequired = 116;

/** The ALPN protocol that both speak, by the server's preference; undefined when there is none. */
export function negotiateAlpn(server: readonly string[], client: readonly string[]): string | undefined {
  return server.find((protocol) => client.includes(protocol));
}

export const noCommonProtocol = fault(noApplicationProtocol, "peer doesn't support any known protocol");

/** How the connection ends at a client that does not trust the server. */
export function refuseAsClient(identity: Identity, { options, sni }: ClientHello): Failure | undefined {
  const refusal = refuseServer(identity.chain, options.verification, sni ?? options.serverName);
  return refusal && fault(refusal.alert, refusal.reason);
}

/** How it ends at a server that does not accept the client's certificate, or its absence. */
export function refuseAsServer(server: ServerSide, identity: Identity | undefined): Failure | undefined {
  if (server.clientCertificates === "none") return undefined;
  if (identity === undefined) {
    return server.clientCertificates === "required"
      ? fault(certificateRequired, "peer sent no certificates")
      : undefined;
  }
  const refusal = refuseChain(identity.chain, server.authorities, "client");
  return refusal && fault(refusal.alert, refusal.reason);
}

export interface Failure {
  readonly code: bigint;
  readonly reason: string;
}

export function closedBy(by: "local" | "peer", { code, reason }: Failure): ConnectionClosed {
  return { by, kind: "transport", code, reason };
}

function fault(alert: number, reason: string): Failure {
  return { code: cryptoError + BigInt(alert), reason };
}
