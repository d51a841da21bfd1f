/** What a monitor knows at one time: the figures, and what has happened in a window before. */
import { quantile, subtractHistograms } from "../base/histogram.ts";
import type { HistogramData } from "../base/histogram.ts";
import { processKey } from "./merge.ts";
import { refusalCauses } from "../engine/handshake-failures.ts";

import type { Figures, TargetSample, WorkerState } from "./target.ts";

export interface MonitorMetrics {
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly isServing: boolean;
  readonly isDraining: boolean;
  /** It has served at some time: one that has not is starting, or waits to be started. */
  readonly hasServed: boolean;
  /** Of all workers; counts never fall while the monitor lives, whatever becomes of the workers. */
  readonly figures: Figures;
  readonly window: WindowMetrics;
  /** One for a server. */
  readonly workers: readonly WorkerMetrics[];
}

/** What has happened since a sample before. Rates are per second, shares 0 to 1 or undefined when nothing has happened. */
export interface WindowMetrics {
  /** Milliseconds; 0 for the first sample, whose rates are 0. */
  readonly duration: number;
  readonly rates: {
    readonly connections: number;
    readonly requests: number;
    readonly sessions: number;
    readonly streamsOpened: number;
    readonly streamsAccepted: number;
    readonly bytesSent: number;
    readonly bytesReceived: number;
    readonly datagramsSent: number;
    readonly datagramsReceived: number;
    readonly packetsSent: number;
    readonly packetsReceived: number;
  };
  /** Connections that wanted to be set up: accepted, failed, and refused for a limit. */
  readonly attempts: number;
  /** Accepted of the attempts. */
  readonly successRate: number | undefined;
  /** Failed handshakes of the attempts. */
  readonly handshakeFailures: number | undefined;
  /** Connections and session requests that were refused because a limit was reached. */
  readonly limitRefusals: number;
  /** Refused session requests of all. */
  readonly refusedRequests: number | undefined;
  /** Of the packets that were sent. */
  readonly packetLoss: number | undefined;
  readonly packets: number;
  /** Of the datagrams that came or were to leave. */
  readonly datagramDrops: number | undefined;
  readonly datagrams: number;
  /** Of the event loop's time, the share in which it worked. */
  readonly utilization: number | undefined;
  /** Milliseconds; all undefined when there was none. */
  readonly eventLoopDelay: Percentiles;
  readonly handshake: Percentiles;
  readonly request: Percentiles;
  readonly session: Percentiles;
  /** Of the connections that are open now. */
  readonly rtt: Percentiles;
}

export interface Percentiles {
  readonly p50: number | undefined;
  readonly p90: number | undefined;
  readonly p99: number | undefined;
}

/** A worker in a line. */
export interface WorkerMetrics {
  readonly id: string;
  readonly pid: number | undefined;
  readonly state: WorkerState;
  readonly restarts: number;
  /** The following are undefined of one that has not answered. */
  readonly connections: number | undefined;
  readonly sessions: number | undefined;
  /** Bytes. */
  readonly residentMemory: number | undefined;
  readonly heapUsed: number | undefined;
  readonly heapLimit: number | undefined;
  /** Milliseconds, since the sample before. */
  readonly eventLoopDelay: Percentiles;
  readonly utilization: number | undefined;
}

/** `since`: figures of the same monitor at the window's beginning; undefined for a first sample. */
export function windowOf(now: Figures, since: Figures | undefined, duration: number): WindowMetrics {
  const before = since ?? now;
  const perSecond = (count: (figures: Figures) => number): number =>
    duration > 0 ? ((count(now) - count(before)) * 1000) / duration : 0;
  const risen = (count: (figures: Figures) => number): number => count(now) - count(before);
  const failures = risen(({ connections }) => countedFailures(connections.handshakeFailures));
  const refusals = risen(({ connections }) => refusedConnections(connections.handshakeFailures));
  const accepted = risen(({ connections }) => connections.accepted);
  const attempts = accepted + failures;
  const requests = risen(({ sessions }) => sessions.requested);
  const packets = risen(({ transport }) => transport.packetsSent);
  const datagrams = risen(({ datagrams: { sent, received, dropped } }) => sent + received + outgoingDrops(dropped));
  return {
    duration,
    rates: {
      connections: perSecond(({ connections }) => connections.accepted),
      requests: perSecond(({ sessions }) => sessions.requested),
      sessions: perSecond(({ sessions }) => sessions.accepted),
      streamsOpened: perSecond(({ streams }) => streams.opened),
      streamsAccepted: perSecond(({ streams }) => streams.accepted),
      bytesSent: perSecond(({ bytes }) => bytes.sent),
      bytesReceived: perSecond(({ bytes }) => bytes.received),
      datagramsSent: perSecond(({ datagrams: { sent } }) => sent),
      datagramsReceived: perSecond(({ datagrams: { received } }) => received),
      packetsSent: perSecond(({ transport }) => transport.packetsSent),
      packetsReceived: perSecond(({ transport }) => transport.packetsReceived),
    },
    attempts,
    successRate: share(accepted, attempts),
    handshakeFailures: share(failures - refusals, attempts),
    limitRefusals: risen(limitRefusals),
    refusedRequests: share(
      risen(({ sessions }) => total(sessions.refused)),
      requests,
    ),
    packetLoss: share(
      risen(({ transport }) => transport.packetsLost),
      packets,
    ),
    packets,
    datagramDrops: share(
      risen(({ datagrams: { dropped } }) => total(dropped)),
      datagrams,
    ),
    datagrams,
    utilization: utilizationSince(now, before),
    eventLoopDelay: percentiles(subtractHistograms(now.eventLoop.delay, before.eventLoop.delay)),
    handshake: percentiles(subtractHistograms(now.durations.handshake, before.durations.handshake)),
    request: percentiles(subtractHistograms(now.durations.request, before.durations.request)),
    session: percentiles(subtractHistograms(now.durations.session, before.durations.session)),
    rtt: percentiles(now.rtt),
  };
}

/** `earlier`: the sample before, if there was one. */
export function workerMetrics(sample: TargetSample, earlier: TargetSample | undefined): readonly WorkerMetrics[] {
  return sample.workers.map((worker) => {
    const { id, pid, state, restarts, figures } = worker;
    const key = processKey(worker);
    const before = earlier?.workers.find((other) => processKey(other) === key)?.figures;
    const delay = figures?.eventLoop.delay;
    return {
      id,
      pid,
      state,
      restarts,
      connections: figures?.connections.active,
      sessions: figures?.sessions.active,
      residentMemory: figures?.memory.resident,
      heapUsed: figures?.memory.heapUsed,
      heapLimit: figures?.memory.heapLimit,
      eventLoopDelay:
        delay === undefined
          ? { p50: undefined, p90: undefined, p99: undefined }
          : percentiles(before === undefined ? delay : subtractHistograms(delay, before.eventLoop.delay)),
      utilization: figures === undefined ? undefined : utilizationSince(figures, before),
    };
  });
}

export function percentiles(histogram: HistogramData): Percentiles {
  return { p50: quantile(histogram, 0.5), p90: quantile(histogram, 0.9), p99: quantile(histogram, 0.99) };
}

/** The sum of all causes. */
export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** A client that is told to try another version tries again, and one that a closing server refuses goes to another. */
function countedFailures(failures: Figures["connections"]["handshakeFailures"]): number {
  return total(failures) - failures.version - failures.closing;
}

function refusedConnections(failures: Figures["connections"]["handshakeFailures"]): number {
  return refusalCauses.reduce((sum, cause) => sum + (cause === "closing" ? 0 : failures[cause]), 0);
}

/** A closing server refuses clients, too, but that is no limit. */
function limitRefusals({ connections, sessions }: Figures): number {
  const { max_sessions, max_sessions_per_connection, max_sessions_per_address } = sessions.refused;
  const { max_connections, max_pending_handshakes, max_connections_per_address } = connections.handshakeFailures;
  const ofConnections = max_connections + max_pending_handshakes + max_connections_per_address;
  return ofConnections + max_sessions + max_sessions_per_connection + max_sessions_per_address;
}

/** Incoming ones that were dropped had been counted as received. */
function outgoingDrops({ outgoing_overflow, outgoing_expired }: Figures["datagrams"]["dropped"]): number {
  return outgoing_overflow + outgoing_expired;
}

function utilizationSince(now: Figures, before: Figures | undefined): number | undefined {
  const active = now.eventLoop.active - (before?.eventLoop.active ?? 0);
  const idle = now.eventLoop.idle - (before?.eventLoop.idle ?? 0);
  return share(active, active + idle);
}

function share(part: number, whole: number): number | undefined {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : undefined;
}
