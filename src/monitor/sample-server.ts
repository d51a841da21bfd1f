import { Histogram } from "../base/histogram.ts";
import { exchangeBounds } from "../server/accounts/durations.ts";
import { inspectServer } from "../server/server.ts";
import type { ServerInspection, WebTransportServer } from "../server/server.ts";

import { memoryFigures } from "./process-figures.ts";
import type { EventLoopMeter } from "./process-figures.ts";
import { inSlices } from "./slices.ts";
import type { Figures } from "./target.ts";

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
  const { account, budget, endpoints } = inspection;
  const walked = await walk(inspection);
  // Read behind the walk, and all at once: a session that has ended meanwhile is not counted as open.
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
    transport: account.packets.counts,
    rtt: walked.rtt.data,
    durations: account.durations.data,
    buffers: {
      used: budget.used,
      reserved: budget.reserved,
      limit: budget.limit,
      largestSession: walked.largestSession,
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

/** What only the connections and sessions themselves know. */
async function walk({ account }: ServerInspection): Promise<{ rtt: Histogram; largestSession: number }> {
  const rtt = new Histogram(exchangeBounds);
  const { connections, sessions, packets } = account;
  await inSlices(connections.shown.values(), connections.count, (connection) => {
    // One that has just closed has counted its packets already, and has no round trips any more.
    if (connection.state === "closed") return;
    const stats = connection.getStats();
    packets.seen(connection, stats);
    rtt.record(stats.rtt);
  });
  let largestSession = 0;
  await inSlices(sessions.shown.values(), sessions.count, (session) => {
    largestSession = Math.max(largestSession, session.getStats().bufferedBytes);
  });
  return { rtt, largestSession };
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
