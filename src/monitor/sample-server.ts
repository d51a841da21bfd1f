import { Histogram } from "../base/histogram.ts";
import type { HistogramData } from "../base/histogram.ts";
import { exchangeBounds } from "../server/accounts/durations.ts";
import type { QuicEndpoint } from "../engine/engine.ts";
import { inspectServer } from "../server/server.ts";
import type { ServerInspection, WebTransportServer } from "../server/server.ts";
import { bufferedBytesOf } from "../transport/session/session.ts";

import { memoryFigures } from "./process-figures.ts";
import type { EventLoopMeter } from "./process-figures.ts";
import { inSlices, Slices } from "./slices.ts";
import type { Figures } from "./target.ts";

/** Slots of an endpoint that are looked at between two looks at the clock: some 0.1 ms. */
const surveyed = 256;

/** Of all servers: nothing else runs between a survey and the end of its reading. */
const roundTrips = new Float64Array(surveyed);

/** Figures of a server, without the process's own. */
type ServerFigures = Omit<Figures, "eventLoop" | "memory">;

/**
 * Reads the figures of a server and its process. Looks at each connection and session, in slices that do not block the event
 * loop. `meter`: the process's.
 */
export async function sampleServer(server: WebTransportServer, meter: EventLoopMeter): Promise<Figures> {
  const ofProcess = { eventLoop: meter.figures, memory: memoryFigures() };
  return { ...(await serverFigures(server)), ...ofProcess };
}

/** A server's figures, with nothing in the process's own. */
export async function sampleWithoutProcess(server: WebTransportServer, meter: EventLoopMeter): Promise<Figures> {
  return { ...(await serverFigures(server)), eventLoop: noEventLoop(meter.figures), memory: noMemory };
}

async function serverFigures(server: WebTransportServer): Promise<ServerFigures> {
  const inspection = inspectServer(server);
  const { account, totals, budget, endpoints } = inspection;
  const rtt = await readRoundTrips(endpoints?.all ?? []);
  const largestSession = await largestBuffer(inspection);
  // Read behind the walks, and all at once: a session that has ended meanwhile is not counted as open.
  const stats = server.getServerStats();
  const { counters, traffic } = account;
  const { maxConnections, maxSessions, maxSessionBufferSize } = server.config.values;
  return {
    connections: {
      active: stats.connections,
      pendingHandshakes: stats.pendingHandshakes,
      limit: maxConnections,
      accepted: stats.connectionsAccepted,
      handshakeFailures: stats.connectionRejections,
      ended: counters.connectionEnds,
      protocolErrors: stats.protocolErrors,
    },
    sessions: {
      active: stats.sessions,
      limit: maxSessions,
      pendingRequests: stats.requests,
      requested: stats.sessionsRequested,
      accepted: stats.sessionsAccepted,
      abandoned: stats.sessionsAbandoned,
      refused: stats.refusals,
      ended: counters.sessionEnds,
    },
    streams: {
      active: stats.streams,
      opened: traffic.streamsOpened,
      accepted: traffic.streamsAccepted,
      errors: traffic.streamErrors,
    },
    bytes: { sent: traffic.bytesSent, received: traffic.bytesReceived },
    datagrams: {
      sent: traffic.datagramsSent,
      received: traffic.datagramsReceived,
      dropped: {
        incoming_overflow: traffic.datagramsDroppedIncoming,
        incoming_expired: traffic.datagramsExpiredIncoming,
        outgoing_overflow: traffic.datagramsDroppedOutgoing,
        outgoing_expired: traffic.datagramsExpiredOutgoing,
      },
    },
    transport: totals.sums().packets,
    rtt,
    durations: account.durations.data,
    buffers: {
      used: budget.used,
      reserved: budget.reserved,
      limit: budget.limit,
      largestSession,
      sessionLimit: maxSessionBufferSize,
    },
    certificates: (endpoints?.certificates ?? []).map(({ serverName, notBefore, notAfter }) => ({
      serverName,
      notBefore,
      notAfter,
    })),
    uptime: stats.uptime,
  };
}

/** Of the connections that are open; their packets are counted on the way. */
async function readRoundTrips(endpoints: readonly QuicEndpoint[]): Promise<HistogramData> {
  const rtt = new Histogram(exchangeBounds);
  const slices = new Slices();
  for (const endpoint of endpoints) {
    for (let first = 0, slots = 1; first < slots; first += surveyed) {
      if (slices.isOver) await slices.next();
      slots = endpoint.survey(first, roundTrips);
      // A slot without a connection has no number, and is not recorded.
      for (const value of roundTrips) rtt.record(value);
    }
  }
  return rtt.data;
}

/** Unread bytes of the session that holds most. */
async function largestBuffer({ account: { sessions }, budget }: ServerInspection): Promise<number> {
  let largest = 0;
  // Mostly nobody holds any.
  if (budget.used === 0) return largest;
  await inSlices(sessions.shown.values(), sessions.count, (session) => {
    largest = Math.max(largest, bufferedBytesOf(session));
  });
  return largest;
}

const noMemory: Figures["memory"] = Object.freeze({
  resident: 0,
  heapUsed: 0,
  heapTotal: 0,
  heapLimit: 0,
  external: 0,
  native: 0,
  limit: 0,
});

function noEventLoop({ delay }: Figures["eventLoop"]): Figures["eventLoop"] {
  return { delay: { ...delay, counts: delay.counts.map(() => 0), count: 0, sum: 0 }, active: 0, idle: 0 };
}
