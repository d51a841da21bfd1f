/**
 * What the sessions of a server have carried together, those that have ended included. It is counted where it happens, so
 * that reading it costs the same for any number of sessions. The counts only grow.
 */
export class Traffic {
  /** By this side. */
  streamsOpened = 0;
  /** Opened by the peers. */
  streamsAccepted = 0;
  streamErrors = 0;
  /** Of streams. */
  bytesSent = 0;
  bytesReceived = 0;
  datagramsSent = 0;
  datagramsReceived = 0;
  datagramsDroppedIncoming = 0;
  datagramsExpiredIncoming = 0;
  datagramsDroppedOutgoing = 0;
  datagramsExpiredOutgoing = 0;
}
