import { connectionDefaults } from "../constants/defaults.ts";
import type { DraftSelection } from "../constants/drafts.ts";
import { StreamType } from "../constants/http3.ts";

import { encodeSettings } from "./http3/settings.ts";
import type { Settings } from "./http3/settings.ts";
import { defaultLimits } from "./limits.ts";
import type { ProtocolLimits } from "./limits.ts";
import { announcedSettings } from "./webtransport/drafts.ts";
import type { SessionLimits } from "./webtransport/drafts.ts";
import type { SessionPolicy } from "./webtransport/server-sessions.ts";

export interface ProtocolConnectionOptions extends SessionPolicy {
  /** Which drafts are announced. Default "all". */
  readonly drafts?: DraftSelection;
  readonly limits?: Partial<ProtocolLimits>;
  /** Sessions that may be open or waiting at a time; further requests are answered 429. Default 16. */
  readonly maxSessions?: number;
  /** Server: whether requests for this authority are served; others are answered 421. Default: all are. */
  readonly servesAuthority?: ((authority: string) => boolean) | undefined;
  /** What the peer may do in each session at first, where both sides speak flow control. Default 16 MiB and 512 streams of a kind. */
  readonly sessionLimits?: SessionLimits;
  /** The result of {@link settingsOf}, where many connections share it. Default: made from these options. */
  readonly settings?: Settings;
}

const defaultSessionLimits: SessionLimits = Object.freeze({
  maxData: connectionDefaults.maxSessionBufferSize,
  maxStreamsBidirectional: connectionDefaults.maxIncomingStreams,
  maxStreamsUnidirectional: connectionDefaults.maxIncomingStreams,
});

/** The settings that connections of these options announce. */
export function settingsOf(options: ProtocolConnectionOptions): Settings {
  return announcedSettings({
    drafts: options.drafts ?? connectionDefaults.drafts,
    maxSessions: options.maxSessions ?? connectionDefaults.maxSessionsPerConnection,
    sessionLimits: options.sessionLimits ?? defaultSessionLimits,
    maxFieldSectionSize: options.limits?.maxFieldSectionSize ?? defaultLimits.maxFieldSectionSize,
  });
}

/** The control stream's first bytes: its type and SETTINGS, of the same options as the core's. For the engine's preamble. */
export function controlStreamPreamble(options: ProtocolConnectionOptions = {}): Uint8Array<ArrayBuffer> {
  const settings = encodeSettings(options.settings ?? settingsOf(options));
  const preamble = new Uint8Array(1 + settings.length);
  preamble[0] = StreamType.control;
  preamble.set(settings, 1);
  return preamble;
}
