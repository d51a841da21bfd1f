import type { rehearseOnce } from "../protocol/rehearsal.ts";
import type { makeConnection } from "../transport/connection/make-connection.ts";

/** What serves connections: the protocol core and the transport, the larger half of a server's code. */
export interface Core {
  readonly makeConnection: typeof makeConnection;
  readonly rehearseOnce: typeof rehearseOnce;
}

/**
 * Read when a server begins to listen, not when it is imported: the parent of a cluster's workers, a command and a test of
 * routes do without it.
 */
export async function loadCore(): Promise<Core> {
  const [connections, rehearsals] = await Promise.all([
    import("../transport/connection/make-connection.ts"),
    import("../protocol/rehearsal.ts"),
  ]);
  return { makeConnection: connections.makeConnection, rehearseOnce: rehearsals.rehearseOnce };
}
