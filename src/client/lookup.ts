import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";

import { ConnectionError } from "../errors/errors.ts";

import { interleave } from "./address-race.ts";

/** Gives a name's addresses in the order in which they are to be preferred (RFC 6724). Rejects as `dns.lookup` does. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

/** The operating system's resolver, which knows the hosts file, too. */
export async function lookupSystem(hostname: string): Promise<readonly string[]> {
  const addresses = await systemLookup(hostname, { all: true, verbatim: true });
  return addresses.map(({ address }) => address);
}

/** The addresses of a URL's host in the order in which they are tried. Rejects with ConnectionError. */
export async function addressesOf(hostname: string, lookup: Lookup): Promise<readonly string[]> {
  if (isIP(hostname) !== 0) return [hostname];
  try {
    const addresses = await lookup(hostname);
    if (addresses.length > 0) return interleave([...new Set(addresses)]);
    throw new Error("the name has no address");
  } catch (cause) {
    const code = lookupCode(cause);
    const why = code === "ENOTFOUND" ? "no such name is known" : cause instanceof Error ? cause.message : String(cause);
    const fix =
      code === "EAI_AGAIN"
        ? "No name server has answered: check this machine's network"
        : "Check the name's spelling and its DNS records";
    throw new ConnectionError(`Cannot find the address of ${hostname}: ${why}. ${fix}`, {
      code: "ERR_WT_LOOKUP_FAILED",
      handshakeStage: "dns",
      remoteAddress: hostname,
      details: { hostname, lookupCode: code },
      cause,
    });
  }
}

function lookupCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
