import { isIP } from "node:net";

import { EngineError } from "../engine.ts";
import type { ConnectOptions, SocketAddress } from "../engine.ts";

import type { ClientHello } from "./handshake.ts";
import { parseCertificates, parseIdentity } from "./identity.ts";

const hashLength = 32;

/** What a client sends first. Throws {@link EngineError}. */
export function helloOf(options: ConnectOptions): ClientHello {
  const { verification, serverName, identity } = options;
  if (verification.kind === "ca") parseCertificates(verification.ca);
  if (verification.kind === "hashes" && verification.hashes.some(({ byteLength }) => byteLength !== hashLength)) {
    throw new EngineError("invalid-option", "a SHA-256 hash has 32 bytes");
  }
  if (isIP(serverName) === 0 && !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?([.][a-z0-9_-]+)*[.]?$/i.test(serverName)) {
    throw new EngineError("invalid-option", `serverName is no host name: current value is "${serverName}"`);
  }
  return {
    options: { ...options, alpn: [...options.alpn] },
    identity: identity && parseIdentity(identity),
    sni: isIP(serverName) === 0 ? serverName : undefined,
  };
}

/** Throws {@link EngineError}. */
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
