import type { LookupAddress } from "node:dns";

import { ConnectionError } from "../errors/errors.ts";

import { interleave } from "./address-race.ts";

/** What {@link Lookup} is asked for: every address, in the resolver's order. */
export interface LookupQuestion {
  readonly all: true;
  readonly family: 0;
  readonly hints: 0;
  readonly verbatim: true;
}

/** One address, or those that there are, the preferred ones first (RFC 6724). */
export type LookupAnswer = OneAddress | readonly OneAddress[];

type OneAddress = string | Pick<LookupAddress, "address">;

/**
 * Finds a name's addresses: of the shape of `dns.lookup`, as `net.connect` and undici take it. Its answer is all
 * addresses, or a single one. In place of the callback it may return a promise of them.
 */
export type Lookup = (
  hostname: string,
  question: LookupQuestion,
  callback: (error: Error | null, answer?: LookupAnswer, family?: number) => void,
) => unknown;

/** The addresses of a URL's host in the order in which they are tried. Rejects with ConnectionError. */
export async function addressesOf(hostname: string, lookup: Lookup): Promise<readonly string[]> {
  const { isIP } = process.getBuiltinModule("node:net");
  if (isIP(hostname) !== 0) return [hostname];
  try {
    const answer = (await ask(lookup, hostname)) ?? [];
    const items = isList(answer) ? answer : [answer];
    const addresses = items.map((item) => (typeof item === "string" ? item : item.address));
    const wrong = addresses.find((address) => isIP(address) === 0);
    if (wrong !== undefined) throw new Error(`lookup has answered "${wrong}", which is not an IP address`);
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

function ask(lookup: Lookup, hostname: string): Promise<LookupAnswer | undefined> {
  return new Promise((resolve, reject) => {
    const question: LookupQuestion = { all: true, family: 0, hints: 0, verbatim: true };
    const result = lookup(hostname, question, (error, answer) => {
      // Node's own callbacks have null here or nothing at all.
      if (error instanceof Error) reject(error);
      else resolve(answer);
    });
    if (!isPromise(result)) return;
    result.then((answer) => {
      // An async function that answers through the callback fulfills its promise with nothing.
      if (answer !== undefined) resolve(answer);
    }, reject);
  });
}

function isList(answer: LookupAnswer): answer is readonly OneAddress[] {
  return Array.isArray(answer);
}

function isPromise(value: unknown): value is Promise<LookupAnswer | undefined> {
  return typeof value === "object" && value !== null && "then" in value;
}

function lookupCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
