import { isIP } from "node:net";

import { EngineError } from "../engine.ts";
import type { ConnectOptions } from "../engine.ts";

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
