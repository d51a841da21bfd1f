/** The statistics of W3C WebTransport. Durations in milliseconds, sizes in bytes; what is not known is absent. */

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

export interface WebTransportDatagramStats {
  droppedIncoming?: number;
  expiredIncoming?: number;
  expiredOutgoing?: number;
  lostOutgoing?: number;
}

export interface WebTransportSendStreamStats {
  bytesWritten: number;
  bytesSent: number;
  bytesAcknowledged: number;
}

export interface WebTransportReceiveStreamStats {
  bytesReceived: number;
  bytesRead: number;
}
