import { EngineError } from "../../engine/engine.ts";

/**
 * The addresses that a host stands for: itself, or everything that its name resolves to, IPv4 first. "localhost" is both
 * loopback addresses, because browsers differ in which of them they try.
 */
export async function bindAddresses(host: string): Promise<readonly string[]> {
  if (process.getBuiltinModule("node:net").isIP(host) !== 0) return [host];
  if (host === "localhost") return ["127.0.0.1", "::1"];
  const { lookup } = await import("node:dns/promises");
  try {
    const found = await lookup(host, { all: true });
    return [...new Set(found.sort((a, b) => a.family - b.family).map(({ address }) => address))];
  } catch (error) {
    throw new EngineError("lookup-failed", `${host} does not resolve`, { cause: error });
  }
}
