/** Figures of several workers as one: counts and sizes are added, and what cannot be added is the worst of them. */
import { addHistograms, emptyHistogram } from "../base/histogram.ts";

import type { CertificateSample, Figures, SessionList, TargetSample, WorkerSample } from "./target.ts";
import { rowOrder } from "./session-query.ts";
import type { CompleteSessionQuery } from "./session-query.ts";

/** The sample of a cluster: `workers` are those of all its slots that should have one. */
export function mergeSamples(
  workers: readonly WorkerSample[],
  state: Pick<TargetSample, "timestamp" | "isServing" | "isDraining" | "hasServed">,
): TargetSample {
  const [first, ...others] = workers.flatMap(({ figures }) => (figures === undefined ? [] : [figures]));
  return { ...state, workers, figures: first && others.reduce(addFigures, first) };
}

/** Rows of all workers in the order of `query`; each worker was asked with `offset` 0 and `limit` + `offset` of it. */
export function mergeSessionLists(
  lists: readonly SessionList[],
  { limit, offset, order }: CompleteSessionQuery,
): SessionList {
  const rows = lists.flatMap((list) => list.rows).sort(rowOrder(order));
  return {
    rows: rows.slice(offset, offset + limit),
    matching: lists.reduce((sum, { matching }) => sum + matching, 0),
    total: lists.reduce((sum, { total }) => sum + total, 0),
  };
}

/** Of a worker in several samples: its `id` changes when the cluster gets a further port, or loses one. */
export function processKey({ id, instance }: WorkerSample): string {
  return instance === "" ? `worker ${id}` : `process ${instance}`;
}

export function addFigures(left: Figures, right: Figures): Figures {
  return {
    connections: {
      ...addAll(left.connections, right.connections, [
        "active",
        "pendingHandshakes",
        "limit",
        "accepted",
        "protocolErrors",
      ]),
      handshakeFailures: addCounts(left.connections.handshakeFailures, right.connections.handshakeFailures),
      ended: addCounts(left.connections.ended, right.connections.ended),
    },
    sessions: {
      ...addAll(left.sessions, right.sessions, [
        "active",
        "limit",
        "pendingRequests",
        "requested",
        "accepted",
        "abandoned",
      ]),
      refused: addCounts(left.sessions.refused, right.sessions.refused),
      ended: addCounts(left.sessions.ended, right.sessions.ended),
    },
    streams: addCounts(left.streams, right.streams),
    bytes: addCounts(left.bytes, right.bytes),
    datagrams: {
      ...addAll(left.datagrams, right.datagrams, ["sent", "received"]),
      dropped: addCounts(left.datagrams.dropped, right.datagrams.dropped),
    },
    transport: addCounts(left.transport, right.transport),
    rtt: addHistograms(left.rtt, right.rtt),
    durations: {
      handshake: addHistograms(left.durations.handshake, right.durations.handshake),
      request: addHistograms(left.durations.request, right.durations.request),
      session: addHistograms(left.durations.session, right.durations.session),
    },
    buffers: {
      ...addAll(left.buffers, right.buffers, ["used", "reserved", "limit"]),
      largestSession: Math.max(left.buffers.largestSession, right.buffers.largestSession),
      sessionLimit: Math.max(left.buffers.sessionLimit, right.buffers.sessionLimit),
    },
    eventLoop: {
      ...addAll(left.eventLoop, right.eventLoop, ["active", "idle"]),
      delay: addHistograms(left.eventLoop.delay, right.eventLoop.delay),
    },
    memory: {
      ...addAll(left.memory, right.memory, ["resident", "heapUsed", "heapTotal", "heapLimit", "external", "native"]),
      // They share the machine.
      limit: Math.max(left.memory.limit, right.memory.limit),
    },
    certificates: earliest([...left.certificates, ...right.certificates]),
    uptime: Math.max(left.uptime, right.uptime),
  };
}

/** Only what has happened, nothing of now: what is left of a worker that is gone. */
export function countsOf(figures: Figures): Figures {
  const { connections, sessions, streams, buffers, memory } = figures;
  return {
    ...figures,
    connections: { ...connections, active: 0, pendingHandshakes: 0, limit: 0 },
    sessions: { ...sessions, active: 0, limit: 0, pendingRequests: 0 },
    streams: { ...streams, active: 0 },
    rtt: emptyHistogram(figures.rtt.bounds),
    buffers: zeros(buffers),
    memory: zeros(memory),
    certificates: [],
    uptime: 0,
  };
}

/** Of several workers' certificates of one name, the one that ends first. */
function earliest(certificates: readonly CertificateSample[]): readonly CertificateSample[] {
  const byName = new Map<string, CertificateSample>();
  for (const certificate of certificates) {
    const known = byName.get(certificate.serverName);
    if (known === undefined || certificate.notAfter < known.notAfter) byName.set(certificate.serverName, certificate);
  }
  return [...byName.values()];
}

function addAll<Name extends string>(
  left: Readonly<Record<Name, number>>,
  right: Readonly<Record<Name, number>>,
  names: readonly Name[],
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, left[name] + right[name]])) as Record<Name, number>;
}

/** A cause that only one of them knows is one of another version's worker. */
function addCounts<Counts extends Readonly<Record<string, number>>>(left: Counts, right: Counts): Counts {
  const sum: Record<string, number> = { ...left };
  for (const [name, count] of Object.entries(right)) sum[name] = (sum[name] ?? 0) + count;
  return sum as Counts;
}

function zeros<Counts extends object>(counts: Counts): Counts {
  return Object.fromEntries(Object.keys(counts).map((name) => [name, 0])) as Counts;
}
