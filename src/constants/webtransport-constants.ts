import { draftNames } from "./drafts.ts";
import { alpn, CapsuleType, FrameType, maxCloseReasonBytes, SettingId, StreamType } from "./http3.ts";
import { applicationCodes } from "./wire-codes.ts";

/** The protocol's numbers under the reference's names, as this library uses them; error codes are in `ErrorCodes`. */
export const WebTransportConstants = Object.freeze({
  /** ALPN protocol (RFC 9114 §3.1). */
  ALPN_H3: alpn,
  WEBTRANSPORT_SCHEME: "https",
  /** Port of a URL without one. */
  DEFAULT_SECURE_PORT: 443,
  /** Drafts of WebTransport over HTTP/3 that can be spoken, the newest last; see the option `drafts`. */
  SUPPORTED_DRAFTS: draftNames,
  USER_AGENT_HEADER: "user-agent",

  /** The lowest bits of a stream's id (RFC 9000 §2.1). */
  BIDIRECTIONAL_STREAM: 0x0,
  UNIDIRECTIONAL_STREAM: 0x2,
  /** RFC 9000 §2.1: 2^62 - 1. */
  MAX_STREAM_ID: 2n ** 62n - 1n,
  /** RFC 9000 §4.6: streams that a peer can be allowed. */
  MAX_PROTOCOL_STREAMS_LIMIT: 2n ** 60n,
  /** Payload of a DATAGRAM frame (RFC 9221 §3). */
  MAX_DATAGRAM_SIZE: 65_535,
  /** UTF-8 bytes of a close's reason (draft-ietf-webtrans-http3 §6). */
  MAX_CLOSE_REASON_BYTES: maxCloseReasonBytes,
  /** Application codes of session closes and stream resets are 0 to this. */
  MAX_APPLICATION_ERROR_CODE: 0xffff_ffff,
  /** The range of HTTP/3 codes to which they are mapped (draft-ietf-webtrans-http3 §4.4). */
  WT_APPLICATION_ERROR_FIRST: applicationCodes.first,
  WT_APPLICATION_ERROR_LAST: applicationCodes.last,

  H3_FRAME_TYPE_DATA: FrameType.data,
  H3_FRAME_TYPE_HEADERS: FrameType.headers,
  H3_FRAME_TYPE_CANCEL_PUSH: FrameType.cancelPush,
  H3_FRAME_TYPE_SETTINGS: FrameType.settings,
  H3_FRAME_TYPE_PUSH_PROMISE: FrameType.pushPromise,
  H3_FRAME_TYPE_GOAWAY: FrameType.goaway,
  H3_FRAME_TYPE_MAX_PUSH_ID: FrameType.maxPushId,
  H3_FRAME_TYPE_WEBTRANSPORT_STREAM: FrameType.webTransportStream,

  H3_STREAM_TYPE_CONTROL: StreamType.control,
  H3_STREAM_TYPE_PUSH: StreamType.push,
  H3_STREAM_TYPE_QPACK_ENCODER: StreamType.qpackEncoder,
  H3_STREAM_TYPE_QPACK_DECODER: StreamType.qpackDecoder,
  H3_STREAM_TYPE_WEBTRANSPORT: StreamType.webTransport,

  SETTINGS_QPACK_MAX_TABLE_CAPACITY: Number(SettingId.qpackMaxTableCapacity),
  SETTINGS_MAX_FIELD_SECTION_SIZE: Number(SettingId.maxFieldSectionSize),
  SETTINGS_QPACK_BLOCKED_STREAMS: Number(SettingId.qpackBlockedStreams),
  SETTINGS_ENABLE_CONNECT_PROTOCOL: Number(SettingId.enableConnectProtocol),
  SETTINGS_H3_DATAGRAM: Number(SettingId.h3Datagram),
  /** Of drafts 02, 07, 13 and 15, in this order. */
  SETTINGS_ENABLE_WEBTRANSPORT: Number(SettingId.enableWebTransport),
  SETTINGS_WEBTRANSPORT_MAX_SESSIONS: Number(SettingId.webTransportMaxSessions07),
  SETTINGS_WT_MAX_SESSIONS: Number(SettingId.wtMaxSessions),
  SETTINGS_WT_ENABLED: Number(SettingId.wtEnabled),
  SETTINGS_WT_INITIAL_MAX_DATA: Number(SettingId.wtInitialMaxData),
  SETTINGS_WT_INITIAL_MAX_STREAMS_UNI: Number(SettingId.wtInitialMaxStreamsUni),
  SETTINGS_WT_INITIAL_MAX_STREAMS_BIDI: Number(SettingId.wtInitialMaxStreamsBidi),

  CLOSE_WEBTRANSPORT_SESSION_TYPE: CapsuleType.closeSession,
  DRAIN_WEBTRANSPORT_SESSION_TYPE: CapsuleType.drainSession,
  WT_MAX_DATA_TYPE: CapsuleType.maxData,
  WT_MAX_STREAM_DATA_TYPE: CapsuleType.maxStreamData,
  WT_MAX_STREAMS_BIDI_TYPE: CapsuleType.maxStreamsBidirectional,
  WT_MAX_STREAMS_UNI_TYPE: CapsuleType.maxStreamsUnidirectional,
  WT_DATA_BLOCKED_TYPE: CapsuleType.dataBlocked,
  WT_STREAM_DATA_BLOCKED_TYPE: CapsuleType.streamDataBlocked,
  WT_STREAMS_BLOCKED_BIDI_TYPE: CapsuleType.streamsBlockedBidirectional,
  WT_STREAMS_BLOCKED_UNI_TYPE: CapsuleType.streamsBlockedUnidirectional,
});
