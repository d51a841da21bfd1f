/**
 * The protocol core: HTTP/3 and WebTransport without I/O, for tools. Bytes go in; events, and bytes to send, come out.
 *
 * @module tswebtransport/protocol
 */
export type { DraftName, DraftProfileName, DraftSelection } from "../constants/drafts.ts";
export { CapsuleType, FrameType, SettingId, StreamType } from "../constants/http3.ts";
export { WireCodes } from "../constants/wire-codes.ts";
export { WireError } from "../errors/wire-error.ts";
export type { WireErrorScope } from "../errors/wire-error.ts";
export { ProtocolConnection } from "./connection.ts";
export type { Response } from "./http3/responses.ts";
export type { Settings } from "./http3/settings.ts";
export { defaultLimits } from "./limits.ts";
export type { ProtocolLimits } from "./limits.ts";
export { controlStreamPreamble, settingsOf } from "./options.ts";
export type { ProtocolConnectionOptions } from "./options.ts";
export type {
  EngineCommand,
  HeaderList,
  ProtocolEvent,
  ProtocolOutput,
  RefusalCause,
  SessionEnd,
  StreamReset,
} from "./output.ts";
export type { SessionRequest } from "./webtransport/client-sessions.ts";
export type { SessionLimits } from "./webtransport/drafts.ts";
export { fromWireCode, toWireCode } from "./webtransport/error-mapping.ts";
export type { FlowResource, SessionFlowControl, StreamKind } from "./webtransport/flow-control.ts";
export type { FieldSectionExcess } from "./webtransport/peer.ts";
export type { SessionPolicy, SessionResponse } from "./webtransport/server-sessions.ts";
