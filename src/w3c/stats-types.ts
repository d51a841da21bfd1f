/** The statistics of W3C WebTransport. Durations in milliseconds, sizes in bytes; what is not known is absent. */

/** W3C WebTransport: what `getStats()` of the session gives. */
export interface WebTransportConnectionStats {
  bytesSent?: number;
  packetsSent?: number;
  packetsLost?: number;
  bytesReceived?: number;
  packetsReceived?: number;
  smoothedRtt?: number;
  minRtt?: number;
  datagrams: WebTransportDatagramStats;
  /** Bits per second; null: not known. */
  estimatedSendRate: number | null;
  atSendCapacity: boolean;
}

/** W3C WebTransport: counts of datagrams. */
export interface WebTransportDatagramStats {
  droppedIncoming?: number;
  expiredIncoming?: number;
  expiredOutgoing?: number;
  lostOutgoing?: number;
}

/** W3C WebTransport: what `getStats()` of a send stream gives, in bytes. */
export interface WebTransportSendStreamStats {
  bytesWritten: number;
  bytesSent: number;
  bytesAcknowledged: number;
}

/** W3C WebTransport: what `getStats()` of a receive stream gives, in bytes. */
export interface WebTransportReceiveStreamStats {
  bytesReceived: number;
  bytesRead: number;
}
