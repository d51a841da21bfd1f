/**
 * What stands between a monitor and what it watches.
 *
 * A server fulfils it by `server-target.ts`, which reads the server in this process, a cluster by `cluster-target.ts`: it
 * has the workers load `worker-agent.ts`, whose answers are plain data that the cluster's control channel carries; in the
 * parent `mergeSamples()` (`merge.ts`) makes one sample of the workers', `mergeSessionLists()` one list of their lists. A
 * worker that does not answer in time is an entry without figures. The cluster does not import this layer: it is told by a
 * module's URL what a worker is to load.
 *
 * Conventions: durations in milliseconds, sizes in bytes, times in milliseconds since the epoch. Counts of what has happened
 * only grow as long as their worker lives.
 */
import type { HistogramData } from "../base/histogram.ts";
import type { Logger } from "../config/logger.ts";
import type { ConnectionStats } from "../engine/engine.ts";
import type { HandshakeFailureCause } from "../engine/handshake-failures.ts";
import type { ConnectionEndCause, SessionEndCause } from "../server/accounts/end-causes.ts";
import type { RejectionKind } from "../transport/session/request.ts";
import type { Address, SessionState, SessionStats } from "../transport/types.ts";

/** A server, or the workers of a cluster. */
export interface MonitorTarget {
  /** Takes connections now. */
  readonly isServing: boolean;
  /** Lets its sessions come to an end, and takes no further ones. */
  readonly isDraining: boolean;
  /** It has served at some time. */
  readonly hasServed: boolean;
  /**
   * The process should live on: the target serves, drains, has not begun, or mends itself, as a cluster does that replaces
   * its workers. False: it has ended by itself or was closed, and only a new process will serve again.
   */
  readonly isAlive: boolean;
  /** For alerts. */
  readonly logger: Logger;
  /** Begins to measure what costs something, such as the event loop's delay. Returns what ends it. Calls may overlap. */
  measure(): () => void;
  /**
   * Reads the figures. It looks at many connections in slices, so it does not block the event loop. Rejects only when
   * it cannot tell anything; workers that do not answer are entries without figures.
   */
  sample(): Promise<TargetSample>;
  /** The sessions that are open, as `query` wants them. */
  listSessions(query?: SessionQuery): Promise<SessionList>;
  /** By {@link SessionRow.id}; undefined when it has ended. */
  session(id: string): Promise<SessionDetail | undefined>;
}

/** One reading of the target. */
export interface TargetSample {
  readonly timestamp: number;
  readonly isServing: boolean;
  readonly isDraining: boolean;
  readonly hasServed: boolean;
  /** One for a server; for a cluster one for each worker, those that are missing included. */
  readonly workers: readonly WorkerSample[];
  /** The figures of the workers that have answered, together; undefined when none has. */
  readonly figures: Figures | undefined;
}

export const WorkerState = Object.freeze({
  STARTING: "starting",
  SERVING: "serving",
  DRAINING: "draining",
  /** It has closed, or has not listened yet. */
  IDLE: "idle",
  /** Its event loop has not answered in time. */
  UNRESPONSIVE: "unresponsive",
  /** It has crashed, and no other has taken its place yet. */
  MISSING: "missing",
} as const);
export type WorkerState = (typeof WorkerState)[keyof typeof WorkerState];

export interface WorkerSample {
  /**
   * The slot of a cluster's worker ("0", "1" …), with its UDP port before it where the cluster has several ("4433-0"), and
   * "lost-ID" of one that was given up; "" for what this process serves.
   */
  readonly id: string;
  /**
   * The process: no two of a cluster's have had the same, and counts begin at 0 with each. "" for a worker that has no
   * process now, and for what this process serves.
   */
  readonly instance: string;
  readonly pid: number | undefined;
  readonly state: WorkerState;
  /** How often the slot's process was replaced after a crash. */
  readonly restarts: number;
  /** Undefined of one that did not answer. */
  readonly figures: Figures | undefined;
}

/** Counts by cause. The causes are fixed, so that a peer cannot make their number grow. */
export type CountsBy<Cause extends string> = Readonly<Record<Cause, number>>;

/**
 * The figures of a process, or of several together. What is named `active`, `pending…`, `limit`, and all of `rtt`, `buffers`, `memory` and `certificates` are as of now; the others are counts and
 * only grow.
 */
export interface Figures {
  readonly connections: {
    readonly active: number;
    /** Handshakes that have begun and not ended. */
    readonly pendingHandshakes: number;
    /** `maxConnections`. */
    readonly limit: number;
    /** Handshakes that have completed. */
    readonly accepted: number;
    /** Clients that did not become connections, by cause: refused ones included. */
    readonly handshakeFailures: CountsBy<HandshakeFailureCause>;
    readonly ended: CountsBy<ConnectionEndCause>;
    /** Clients that broke the protocol. */
    readonly protocolErrors: number;
  };
  readonly sessions: {
    readonly active: number;
    /** `maxSessions`. */
    readonly limit: number;
    /** Requests that are not answered yet. */
    readonly pendingRequests: number;
    readonly requested: number;
    readonly accepted: number;
    /** The client had gone before it was answered. */
    readonly abandoned: number;
    readonly refused: CountsBy<RejectionKind>;
    readonly ended: CountsBy<SessionEndCause>;
  };
  readonly streams: {
    readonly active: number;
    /** By this side. */
    readonly opened: number;
    /** Opened by the peer. */
    readonly accepted: number;
    /** Halves that were reset or stopped by the peer. */
    readonly errors: number;
  };
  /** Of streams, without the protocol's own. */
  readonly bytes: { readonly sent: number; readonly received: number };
  readonly datagrams: {
    readonly sent: number;
    readonly received: number;
    readonly dropped: CountsBy<DatagramDropCause>;
  };
  /** Sent and lost: QUIC packets; received: UDP datagrams. */
  readonly transport: {
    readonly packetsSent: number;
    readonly packetsReceived: number;
    readonly packetsLost: number;
    readonly bytesSent: number;
    readonly bytesReceived: number;
  };
  /** Of the connections that are open now, one value each. */
  readonly rtt: HistogramData;
  readonly durations: {
    /** From a client's first packet to its completed handshake. */
    readonly handshake: HistogramData;
    /** From a session's request to its answer. */
    readonly request: HistogramData;
    /** Of sessions that have ended. */
    readonly session: HistogramData;
  };
  readonly buffers: {
    /** Bytes that streams hold unread. */
    readonly used: number;
    /** Bytes that are set aside for connections whose streams are not read. */
    readonly reserved: number;
    /** `maxTotalBufferSize`. */
    readonly limit: number;
    /** Unread bytes of the session that holds most. */
    readonly largestSession: number;
    /** `maxSessionBufferSize`. */
    readonly sessionLimit: number;
  };
  readonly eventLoop: {
    /** How much later than due a timer ran. Empty when it is not measured. */
    readonly delay: HistogramData;
    /** Milliseconds in which the loop worked, and in which it waited. */
    readonly active: number;
    readonly idle: number;
  };
  readonly memory: {
    readonly resident: number;
    readonly heapUsed: number;
    readonly heapTotal: number;
    /** What the heap may grow to (`--max-old-space-size`). */
    readonly heapLimit: number;
    /** Of objects that JavaScript holds outside its heap: buffers. */
    readonly external: number;
    /** Resident memory that is none of JavaScript's: the engine, the runtime itself. */
    readonly native: number;
    /** Of the container, or the machine. */
    readonly limit: number;
  };
  /** Those that are served. */
  readonly certificates: readonly CertificateSample[];
  /** Milliseconds since it began to listen; the longest of several. */
  readonly uptime: number;
}

export const DatagramDropCause = Object.freeze({
  /** The application receives more slowly than they come. */
  INCOMING_OVERFLOW: "incoming_overflow",
  /** Older than `incomingMaxAge` when it was to be received. */
  INCOMING_EXPIRED: "incoming_expired",
  /** The application sends more than the path takes. */
  OUTGOING_OVERFLOW: "outgoing_overflow",
  /** Older than its `ttl` or `outgoingMaxAge` before it could leave. */
  OUTGOING_EXPIRED: "outgoing_expired",
} as const);
export type DatagramDropCause = (typeof DatagramDropCause)[keyof typeof DatagramDropCause];

export interface CertificateSample {
  /** A key of `sni`; "" for the one that everybody else gets. */
  readonly serverName: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

export const SessionSort = Object.freeze({
  AGE: "age",
  PATH: "path",
  ADDRESS: "address",
  RTT: "rtt",
  STREAMS: "streams",
  BYTES_SENT: "bytesSent",
  BYTES_RECEIVED: "bytesReceived",
  BUFFERED: "bufferedBytes",
  STATE: "state",
} as const);
export type SessionSort = (typeof SessionSort)[keyof typeof SessionSort];

export interface SessionQuery {
  /** Rows at most, 1 to 1000. Default 100. */
  readonly limit?: number;
  /** Rows that are left out at the beginning, 0 to 100,000. Default 0. */
  readonly offset?: number;
  /** Default "age". */
  readonly sort?: SessionSort;
  /** Default false. */
  readonly descending?: boolean;
  /** Only sessions whose id, path, address or state contains the text, in whatever case. Default: all. */
  readonly filter?: string;
}

export interface SessionList {
  readonly rows: readonly SessionRow[];
  /** That match the filter, whatever the limit. */
  readonly matching: number;
  readonly total: number;
}

export interface SessionRow {
  /** Unique among the workers: "server-3/0", or "1:server-3/0" of worker 1. */
  readonly id: string;
  readonly worker: string;
  /** Without its query, which may hold credentials. */
  readonly path: string;
  readonly protocol: string;
  readonly remoteAddress: Address;
  readonly state: SessionState;
  readonly age: number;
  /** Of its connection. */
  readonly rtt: number;
  readonly streams: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  readonly datagramsDropped: number;
  readonly bufferedBytes: number;
}

export interface SessionDetail {
  readonly row: SessionRow;
  readonly stats: SessionStats;
  readonly connection: {
    readonly id: string;
    readonly localAddress: Address;
    readonly remoteAddress: Address;
    readonly serverName: string | undefined;
    /** Of WebTransport. */
    readonly draft: string | undefined;
    readonly sessions: number;
    readonly stats: ConnectionStats;
  };
  /** What `session.debugState()` tells: streams, datagrams. JSON-serialisable. */
  readonly debugState: Readonly<Record<string, unknown>>;
  /** What `session.diagnoseIssues()` tells. */
  readonly issues: readonly string[];
}
