import { serverDefaults } from "../constants/defaults.ts";

/** Every default of a cluster once, with its reason. Durations in milliseconds, sizes in bytes. */
export const clusterDefaults = Object.freeze({
  /** A large application loads in seconds; nobody waits longer for one that hangs. */
  startTimeout: 30_000,
  /** Most sessions of a page end within a minute; those that do not are told to go elsewhere. */
  drainTimeout: 60_000,
  closeTimeout: serverDefaults.closeTimeout,
  /** A session may deliver what was finished for 5 s more, and then the app's hooks run. */
  exitTimeout: 10_000,
  /** Clients whose packets nobody acknowledges begin to give up. */
  hangTimeout: 10_000,
  restartDelay: 250,
  maxRestartDelay: 30_000,
  /** With the delays above: about four seconds of trying. */
  maxCrashes: 5,
  /** What fails by its start alone fails within seconds. */
  stableAge: 10_000,
  /** An event loop that is only busy answers within tens of milliseconds. */
  statsTimeout: 1000,
  /** A TLS ticket is good for 6 to 12 hours: none outlives its key, which is kept for one interval more. */
  keyRotationInterval: 12 * 3_600_000,
  /** Seconds of heavy traffic on the bus. */
  busQueueSize: 16 * 1024 * 1024,
  /** Milliseconds between two heartbeats. */
  heartbeatInterval: 1000,
  /** Milliseconds between a worker's new connection and its report of how many it has. */
  loadReportDelay: 50,
  /** Milliseconds of new connections after which the shares of the workers are looked at again. */
  balanceInterval: 100,
  /** Bytes of packets that wait for another worker: what a socket's receive buffer holds. */
  relayQueueSize: 2 * 1024 * 1024,
});
