import { EngineError } from "../../engine/engine.ts";
import type { SocketGroup, SocketGroupOptions } from "../../engine/native/socket-group.ts";

/** Attempts to find a port that is free on every address, when the caller leaves the choice. */
const portAttempts = 10;

/** The sockets of one address. */
export interface BoundGroup {
  /** As it was asked for; the group's own address may be written in another way. */
  readonly host: string;
  readonly group: SocketGroup;
}

/** A group of sockets for each address of a host, all on the same port. Rejects with EngineError. */
export async function bindGroups(
  hosts: readonly string[],
  options: Omit<SocketGroupOptions, "host">,
): Promise<readonly BoundGroup[]> {
  // The addon is loaded with the first cluster that needs it.
  const { bindSocketGroup } = await import("../../engine/native/socket-group.ts");
  for (let attempt = 1; ; attempt += 1) {
    try {
      return bindAll(bindSocketGroup, hosts, options);
    } catch (error) {
      // The free port of the first address was taken on another: try a further one.
      const wasRandom = options.port === 0 && error instanceof EngineError && error.code === "address-in-use";
      if (!wasRandom || attempt === portAttempts) throw error;
    }
  }
}

function bindAll(
  bindSocketGroup: (options: SocketGroupOptions) => SocketGroup,
  hosts: readonly string[],
  options: Omit<SocketGroupOptions, "host">,
): readonly BoundGroup[] {
  const bound: BoundGroup[] = [];
  for (const host of hosts) {
    try {
      const port = bound[0]?.group.localAddress.port ?? options.port;
      bound.push({ host, group: bindSocketGroup({ ...options, host, port }) });
    } catch (error) {
      // A machine without IPv6 still has the first address.
      const isMissing = error instanceof EngineError && error.code === "address-not-available";
      if (isMissing && bound.length > 0) continue;
      for (const { group } of bound) group.close();
      throw error;
    }
  }
  return bound;
}
