/**
 * What serves connections: the protocol core and the transport, the larger half of a server's code. Read by `import()` when a
 * server begins to listen: the parent of a cluster's workers, a command and a test of routes do without it.
 */
export { rehearseOnce } from "../protocol/rehearsal.ts";
export { makeConnection } from "../transport/connection/make-connection.ts";
