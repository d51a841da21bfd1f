/** ALPN protocol of HTTP/3 (RFC 9114 §3.1). */
export const alpn = "h3";

/** UTF-8 bytes of the reason in a close capsule (draft-ietf-webtrans-http3 §6). */
export const maxCloseReasonBytes = 1024;

/** Unidirectional stream types (RFC 9114 §6.2, RFC 9204 §4.2, draft-ietf-webtrans-http3 §4.2). */
export const StreamType = Object.freeze({
  control: 0x00,
  push: 0x01,
  qpackEncoder: 0x02,
  qpackDecoder: 0x03,
  webTransport: 0x54,
});

/** Frame types (RFC 9114 §7.2, RFC 9218 §7.2), and the signal that opens a WebTransport bidirectional stream. */
export const FrameType = Object.freeze({
  data: 0x00,
  headers: 0x01,
  cancelPush: 0x03,
  settings: 0x04,
  pushPromise: 0x05,
  goaway: 0x07,
  maxPushId: 0x0d,
  priorityUpdateRequest: 0xf0700,
  priorityUpdatePush: 0xf0701,
  webTransportStream: 0x41,
});

/** Frame types of HTTP/2 that HTTP/3 reserves (RFC 9114 §7.2.8). */
export const reservedFrameTypes: ReadonlySet<number> = new Set([0x02, 0x06, 0x08, 0x09]);

/** Settings (RFC 9114 §7.2.4.1, RFC 9204 §5, RFC 9220 §3, RFC 9297 §2.1.1, draft-ietf-webtrans-http3). */
export const SettingId = Object.freeze({
  qpackMaxTableCapacity: 0x01n,
  maxFieldSectionSize: 0x06n,
  qpackBlockedStreams: 0x07n,
  enableConnectProtocol: 0x08n,
  h3Datagram: 0x33n,
  /** Drafts 02 to 06. */
  enableWebTransport: 0x2b603742n,
  /** Drafts 07 to 12. */
  webTransportMaxSessions07: 0xc671706an,
  /** Drafts 13 and 14. */
  wtMaxSessions: 0x14e9cd29n,
  /** Drafts 15 and 16. */
  wtEnabled: 0x2c7cf000n,
  wtInitialMaxData: 0x2b61n,
  wtInitialMaxStreamsUni: 0x2b64n,
  wtInitialMaxStreamsBidi: 0x2b65n,
});

/** Settings of HTTP/2 that HTTP/3 reserves (RFC 9114 §7.2.4.1). */
export const reservedSettings: ReadonlySet<bigint> = new Set([0x02n, 0x03n, 0x04n, 0x05n]);

/** Capsule types (RFC 9297 §3.5, draft-ietf-webtrans-http3 §5 and §6). */
export const CapsuleType = Object.freeze({
  datagram: 0x00,
  closeSession: 0x2843,
  drainSession: 0x78ae,
  maxData: 0x190b4d3d,
  /** Prohibited over HTTP/3, as is `streamDataBlocked`. */
  maxStreamData: 0x190b4d3e,
  maxStreamsBidirectional: 0x190b4d3f,
  maxStreamsUnidirectional: 0x190b4d40,
  dataBlocked: 0x190b4d41,
  streamDataBlocked: 0x190b4d42,
  streamsBlockedBidirectional: 0x190b4d43,
  streamsBlockedUnidirectional: 0x190b4d44,
});
