import type { rehearseOnce } from "../protocol/rehearsal.ts";
import type { WebTransportConnection } from "../transport/connection/connection.ts";

/** What serves connections: the protocol core and the transport, the larger half of a server's code. */
export interface Core {
  readonly WebTransportConnection: typeof WebTransportConnection;
  readonly rehearseOnce: typeof rehearseOnce;
}

/**
 * Read when a server begins to listen, not when it is imported: the parent of a cluster's workers, a command and a test of
 * routes do without it.
 */
export async function loadCore(): Promise<Core> {
  const [connections, rehearsals] = await Promise.all([
    import("../transport/connection/connection.ts"),
    import("../protocol/rehearsal.ts"),
  ]);
  return {
    WebTransportConnection: connections.WebTransportConnection,
    rehearseOnce: rehearsals.rehearseOnce,
  };
}
