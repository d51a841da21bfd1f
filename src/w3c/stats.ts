import type { WebTransportSession } from "../client/index.ts";

import type { WebTransportConnectionStats } from "./stats-types.ts";

/** W3C §6.13. What QUIC's engine does not count is absent. Of a pooled connection only what is no other session's secret. */
export function connectionStats(
  session: WebTransportSession,
  isPooled: boolean,
  expiredOutgoing: number,
): WebTransportConnectionStats {
  const { rtt, minRtt, congestionWindow, ...counts } = session.connection.getStats();
  const pooled = {
    smoothedRtt: rtt,
    minRtt,
    // RFC 9002 §7: a window's worth each round trip.
    estimatedSendRate: rtt > 0 ? Math.round((congestionWindow * 8000) / rtt) : null,
    atSendCapacity: false,
  };
  if (isPooled) return { ...pooled, datagrams: {} };
  const { droppedIncoming, expiredIncoming, expiredOutgoing: expired } = session.datagrams.stats;
  return {
    ...pooled,
    bytesSent: counts.bytesSent,
    packetsSent: counts.packetsSent,
    packetsLost: counts.packetsLost,
    bytesReceived: counts.bytesReceived,
    packetsReceived: counts.packetsReceived,
    datagrams: {
      droppedIncoming,
      expiredIncoming,
      expiredOutgoing: expired + expiredOutgoing,
      lostOutgoing: counts.datagramsDropped,
    },
  };
}
